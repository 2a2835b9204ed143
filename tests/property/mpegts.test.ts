import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { TsMuxer } from '../../wire/mpegts/muxer.ts';
import { StreamType } from '../../wire/mpegts/packet.ts';
import { demuxAll, inChunks } from '../vectors/mpegts/collect.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260801);
const TYPES = [StreamType.h264, StreamType.h265, StreamType.adtsAac, StreamType.mpeg1Audio, StreamType.private];

const unit = fc.record({
  track: fc.nat(2),
  pts: fc.nat(2 ** 33 - 1),
  delay: fc.nat(20_000),
  keyframe: fc.boolean(),
  sizes: fc.array(fc.nat(400), { maxLength: 6 }),
});

describe(`demux(mux(x)) is x (FUZZ_SEED=${seed})`, () => {
  it('for any tracks, units and chunks', () => {
    const anything = fc.property(
      fc.array(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 3 }),
      fc.array(unit, { maxLength: 20 }),
      fc.integer({ min: 1, max: 2000 }),
      (types, units, chunkSize) => {
        const muxer = new TsMuxer({ tracks: types.map((streamType, index) => ({ pid: 0x100 + index, streamType })) });
        const bytes = [muxer.tables()];
        const expected: object[] = [];
        for (const [index, { track, pts, delay, keyframe, sizes }] of units.entries()) {
          const pid = 0x100 + (track % types.length);
          const parts = sizes.map((size, part) => Buffer.alloc(size, index + part));
          const dts = Math.max(0, pts - delay);
          bytes.push(muxer.unit(pid, { pts, dts, keyframe, parts }));
          expected.push({ pid, pts, dts, keyframe, payload: Buffer.concat(parts).toString('hex') });
        }
        const { pes, demuxer } = demuxAll(inChunks(Buffer.concat(bytes), chunkSize));
        const got = pes.map((one) => ({
          pid: one.pid,
          pts: one.pts,
          dts: one.dts,
          keyframe: one.randomAccess,
          payload: one.payload.toString('hex'),
        }));
        assert.deepEqual(got, expected);
        assert.ok(pes.every((one) => !one.damaged && !one.discontinuity));
        assert.equal(demuxer.counters.continuityErrors + demuxer.counters.malformed + demuxer.skippedBytes, 0);
      },
    );
    fc.assert(anything, { seed, numRuns: 200 });
  });
});
