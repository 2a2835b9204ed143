import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { WireError } from '../../wire/errors.ts';
import { splitAggregate } from '../../wire/rtmp/aggregate.ts';
import { ChunkReader } from '../../wire/rtmp/chunk-reader.ts';
import { readCommand, readDataMessage } from '../../wire/rtmp/command-messages.ts';
import { readControl } from '../../wire/rtmp/control-messages.ts';
import { answerClientHello, answerServerHello, clientHello } from '../../wire/rtmp/handshake.ts';
import type { RtmpMessage } from '../../wire/rtmp/message.ts';
import { parseRtmpUrl, readStreamAddress } from '../../wire/rtmp/url.ts';
import { chunkRows, hexBytes, rtmpCaptures } from '../vectors/rtmp/vectors.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260801);
const settings = { seed, numRuns: Number(process.env['FUZZ_RUNS'] ?? 1500) };

function tolerate(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

/** All that a session may ask of a message. */
function readMessage(message: RtmpMessage): void {
  tolerate(() => readControl(message));
  tolerate(() => readCommand(message));
  tolerate(() => readDataMessage(message));
  tolerate(() => splitAggregate(message, () => undefined));
}

/** Small limits, so that short inputs reach them. */
const limits = { messageBytes: 5000, partialBytes: 9000, chunkStreams: 6 };

function readChunks(bytes: Buffer, step: number): void {
  const reader = new ChunkReader(limits);
  let payloadBytes = 0;
  let messages = 0;
  tolerate(() => {
    for (let at = 0; at < bytes.length; at += step) {
      reader.push(bytes.subarray(at, at + step), (message) => {
        payloadBytes += message.payload.length;
        messages += 1;
        assert.ok(message.payload.length <= limits.messageBytes);
        assert.ok(message.csid >= 2 && message.csid <= 65599);
        assert.ok(message.timestamp >= 0 && message.timestamp <= 0xffffffff);
        readMessage(message);
      });
      assert.ok(reader.partialBytes >= 0 && reader.partialBytes <= limits.partialBytes);
    }
  });
  // Nothing comes out that did not go in, and each message cost a byte at least.
  assert.ok(payloadBytes + messages <= bytes.length);
}

const streams = [
  ...chunkRows.map((row) => hexBytes(row.hex)),
  ...rtmpCaptures.map((capture) => Buffer.from(capture.bytes, 'base64').subarray(0, 1500)),
];
const mutated = fc
  .tuple(
    fc.array(fc.constantFrom(...streams), { minLength: 1, maxLength: 3 }),
    fc.array(fc.tuple(fc.nat(1500), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
  )
  .map(([parts, changes]) => {
    const bytes = Buffer.concat(parts);
    for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
    return bytes;
  });
const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));

/** Headers of every type with the fields that hostile inputs 1 to 3, 8 and 9 turn on, and a little payload. */
const hostileChunk = fc
  .record({
    format: fc.nat(3),
    csid: fc.integer({ min: 2, max: 8 }),
    time: fc.constantFrom(0, 1, 0xfffffe, 0xffffff),
    length: fc.constantFrom(0, 1, 4, 128, 129, 4999, 5000, 5001, 0xffffff),
    type: fc.constantFrom(1, 2, 3, 4, 5, 6, 8, 9, 15, 17, 18, 20, 22),
    word: fc.constantFrom(0, 1, 127, 128, 4096, 0x7fffffff, 0x80000000, 0xffffffff),
    payload: fc.uint8Array({ maxLength: 140 }),
  })
  .map(({ format, csid, time, length, type, word, payload }) => {
    const header = Buffer.alloc(20);
    header.writeUInt8((format << 6) | csid);
    header.writeUIntBE(time, 1, 3);
    header.writeUIntBE(length, 4, 3);
    header.writeUInt8(type, 7);
    const fixed = [12, 8, 4, 1][format] ?? 1;
    const extended = Buffer.alloc(4);
    extended.writeUInt32BE(word);
    return Buffer.concat([header.subarray(0, fixed), extended, payload]);
  });
const hostile = fc.array(hostileChunk, { maxLength: 12 }).map((chunks) => Buffer.concat(chunks));
const step = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(100_000));

describe(`RTMP readers under fuzz (FUZZ_SEED=${seed})`, () => {
  for (const [name, bytes] of [
    ['noise', noise],
    ['mutated captures', mutated],
    ['hostile headers', hostile],
  ] as const) {
    it(`chunks: nothing but WireError, within bounds, on ${name}`, () => {
      fc.assert(fc.property(bytes, step, readChunks), settings);
    });
  }

  it('messages: nothing but WireError', () => {
    fc.assert(
      fc.property(noise, fc.integer({ min: 0, max: 25 }), (payload, type) => {
        readMessage({ type, streamId: 0, timestamp: 0, csid: 3, payload });
      }),
      settings,
    );
  });

  it('aggregates: no more out than in', () => {
    fc.assert(
      fc.property(noise, (payload) => {
        let total = 0;
        tolerate(() => {
          splitAggregate({ type: 22, streamId: 0, timestamp: 0, csid: 3, payload }, (message) => {
            total += message.payload.length + 11;
          });
        });
        assert.ok(total <= payload.length);
      }),
      settings,
    );
  });

  it('handshakes: an answer of the right length or a WireError', () => {
    const ours = { time: 1, random: Buffer.alloc(1528, 7) };
    const sent = clientHello(ours, 'key-first');
    const hellos = fc.oneof(
      noise,
      fc.uint8Array({ minLength: 3073, maxLength: 3080 }).map((all) => Buffer.from(all)),
    );
    fc.assert(
      fc.property(hellos, fc.boolean(), (bytes, plain) => {
        if (plain && bytes.length > 0) bytes[0] = 3;
        tolerate(() => assert.equal(answerClientHello(bytes, ours).bytes.length, 3073));
        tolerate(() => assert.equal(answerServerHello(bytes, sent, ours).bytes.length, 1536));
      }),
      { ...settings, numRuns: Math.min(settings.numRuns, 100) },
    );
  });

  it('URLs and names: nothing but WireError', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'rtmp://',
        'rtmps://',
        'a.example',
        '[::1]',
        ':',
        '1935',
        '/',
        'live',
        '?',
        '&',
        '=',
        '%',
        '..',
        '\u0000',
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    const text = fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, text, text, (one, two, three) => {
        tolerate(() => {
          const url = parseRtmpUrl(one);
          assert.ok(url.port > 0 && url.port < 65536 && url.app !== '');
        });
        tolerate(() => assert.ok(!readStreamAddress(one, two, three).name.includes('?')));
      }),
      settings,
    );
  });
});
