import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { WireError } from '../../wire/errors.ts';
import { NutReader } from '../../wire/nut/reader.ts';
import type { NutVector } from '../vectors/nut/vectors.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20_260_711);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 2_000);
const valid = (
  JSON.parse(readFileSync(new URL('../vectors/nut/ffmpeg.json', import.meta.url), 'utf8')) as NutVector[]
).map(({ hex }) => Buffer.from(hex, 'hex'));
const maxFrameBytes = 1 << 16;

/** Reads in pieces; returns what came out. Anything thrown but `WireError` fails. */
function read(bytes: Buffer, chunk: number): number {
  let given = 0;
  const reader = new NutReader(
    { maxFrameBytes },
    {
      onStreams: () => undefined,
      onFrame: ({ payload }) => {
        given += payload.length;
        assert.ok(payload.length <= maxFrameBytes + 255);
      },
    },
  );
  try {
    for (let at = 0; at < bytes.length; at += chunk) reader.push(bytes.subarray(at, at + chunk));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
  return given;
}

function check(bytes: Buffer, chunk: number): void {
  const began = process.hrtime.bigint();
  const given = read(bytes, chunk);
  // An elided beginning of 255 bytes can come with each byte that is a frame.
  assert.ok(given <= bytes.length * 257, `${given} bytes out of ${bytes.length}`);
  assert.ok(process.hrtime.bigint() - began < 1_000_000_000n, 'it took too long');
}

describe('NUT, by fuzz', () => {
  it('random bytes behind the file id', () => {
    const id = Buffer.from('nut/multimedia container\0', 'latin1');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.integer({ min: 1, max: 700 }), (bytes, chunk) =>
        check(Buffer.concat([id, bytes]), chunk),
      ),
      { seed, numRuns },
    );
  });

  it('mutated streams', () => {
    const mutation = fc.record({
      at: fc.nat(4_000),
      kind: fc.constantFrom('flip' as const, 'cut' as const, 'insert' as const),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
    });
    const input = fc.record({
      base: fc.constantFrom(...valid),
      mutations: fc.array(mutation, { minLength: 1, maxLength: 5 }),
      chunk: fc.integer({ min: 1, max: 4_000 }),
    });
    fc.assert(
      fc.property(input, ({ base, mutations, chunk }) => {
        let bytes = Buffer.from(base);
        for (const { at, kind, bytes: other } of mutations) {
          const place = at % bytes.length;
          if (kind === 'flip') bytes[place] = (bytes[place] ?? 0) ^ (other[0] ?? 1);
          else if (kind === 'cut')
            bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + other.length)]);
          else bytes = Buffer.concat([bytes.subarray(0, place), other, bytes.subarray(place)]);
          if (bytes.length === 0) return;
        }
        check(bytes, chunk);
      }),
      { seed, numRuns },
    );
  });
});
