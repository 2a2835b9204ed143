import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { NutFrame, NutStream } from '../../wire/nut/nut.ts';
import { NutReader } from '../../wire/nut/reader.ts';
import { NutWriter } from '../../wire/nut/writer.ts';

const stream = fc.record({
  kind: fc.constant('video' as const),
  fourcc: fc.constantFrom('H264', 'VP80', '\xff\x00\x00\x00'),
  timeBase: fc
    .tuple(fc.integer({ min: 1, max: 1_001 }), fc.integer({ min: 1, max: 4_000_000 }))
    .map(([numerator, denominator]) => ({ numerator, denominator })),
  codecData: fc.uint8Array({ maxLength: 6_000 }).map((bytes) => Buffer.from(bytes)),
  width: fc.integer({ min: 1, max: 8_192 }),
  height: fc.integer({ min: 1, max: 8_192 }),
});
const frame = fc.record({
  pts: fc.maxSafeNat().map((value) => Math.min(value, Number.MAX_SAFE_INTEGER - 128)),
  keyframe: fc.boolean(),
  payload: fc.uint8Array({ maxLength: 5_000 }).map((bytes) => Buffer.from(bytes)),
});

describe('NUT, by property', () => {
  it('what is written is read, in pieces of any size', () => {
    fc.assert(
      fc.property(
        fc.array(stream, { minLength: 1, maxLength: 3 }),
        fc.array(frame, { maxLength: 12 }),
        fc.integer({ min: 1, max: 7_000 }),
        (streams, frames, chunk) => {
          const writer = new NutWriter(streams);
          const pieces = [writer.header()];
          frames.forEach(({ pts, keyframe, payload }, index) => {
            pieces.push(writer.frameHeader(index % streams.length, pts, keyframe, payload.length), payload);
          });
          const bytes = Buffer.concat(pieces);
          const found: NutFrame[] = [];
          let announced: readonly NutStream[] = [];
          const reader = new NutReader(
            { maxFrameBytes: 1 << 20 },
            {
              onStreams: (told) => {
                announced = told;
              },
              onFrame: (one) => found.push({ ...one, payload: Buffer.from(one.payload) }),
            },
          );
          for (let at = 0; at < bytes.length; at += chunk) reader.push(bytes.subarray(at, at + chunk));
          assert.deepEqual(
            announced,
            streams.map((one) => ({ ...one })),
          );
          assert.deepEqual(
            found,
            frames.map((one, index) => ({ stream: index % streams.length, ...one })),
          );
        },
      ),
      { numRuns: 150 },
    );
  });
});
