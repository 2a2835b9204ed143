import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { WireError } from '../../wire/errors.ts';
import { readTransports } from '../../wire/rtsp/transport.ts';
import { hearRtsp, rtspLimits } from '../vectors/rtsp/collect.ts';
import { rtspVectors, transportVectors } from '../vectors/rtsp/vectors.ts';
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260804);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 1500);

/** The lines that a reader hears, or the code of its refusal. */
function outcome(pieces: readonly Buffer[]): string[] | string {
  try {
    return hearRtsp(pieces);
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return error.code;
  }
}

/** However the bytes come, the same is found: a reader that kept a wrong place would tell. */
function read(bytes: Buffer, cut: number): void {
  const found = outcome([bytes]);
  const at = cut % (bytes.length + 1);
  const inPieces = outcome([bytes.subarray(0, at), bytes.subarray(at)]);
  if (typeof found === 'string') {
    assert.equal(typeof inPieces, 'string');
    return;
  }
  assert.deepEqual(inPieces, found);
  assert.ok(found.length <= bytes.length / 4);
  assert.ok(found.join('').length <= 2 * bytes.length + found.length * 64 + rtspLimits.bodyBytes);
}

const words = fc.constantFrom(
  'OPTIONS * RTSP/1.0',
  'RTSP/1.0 200 OK',
  '\r\n',
  '\r\n\r\n',
  'CSeq: 1',
  'Content-Length: 3',
  'Content-Length: 99999999999',
  'abc',
  ':',
  '$\u0000\u0000\u0002ab',
  '$',
  '\u0000',
);

describe(`fuzz: RTSP (seed ${seed})`, () => {
  it('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (bytes, cut) => {
        read(Buffer.from(bytes), cut);
        read(Buffer.concat([Buffer.from('OPTIONS * RTSP/1.0\r\n'), bytes, Buffer.from('\r\n\r\n')]), cut);
      }),
      { seed, numRuns },
    );
  });

  it('words of messages in any order', () => {
    fc.assert(
      fc.property(fc.array(words, { maxLength: 30 }), fc.nat(), (parts, cut) =>
        read(Buffer.from(parts.join(''), 'latin1'), cut),
      ),
      { seed, numRuns },
    );
  });

  it('messages that were valid once', () => {
    fc.assert(fc.property(mutated(rtspVectors.map(({ bytes }) => bytes)), fc.nat(), read), { seed, numRuns });
  });

  it('Transport headers', () => {
    const valid = transportVectors.map(({ header }) => Buffer.from(header));
    const text = fc.oneof(
      fc.string({ maxLength: 200 }),
      mutated(valid).map((bytes) => bytes.toString('latin1')),
    );
    fc.assert(
      fc.property(text, (header) => {
        try {
          assert.ok(readTransports(header).length <= 16);
        } catch (error) {
          assert.ok(error instanceof WireError, String(error));
        }
      }),
      { seed, numRuns },
    );
  });
});
