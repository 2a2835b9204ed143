import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { QueuedUnit } from '../../core/streams/track-log.ts';
import { ManualClock } from '../../core/time/manual-clock.ts';
import { audioFrame, fakeAac, fakeH264, videoFrame } from '../support/fake-media.ts';
import { TestCore } from '../support/test-core.ts';

/** What happens to a stream: media in a random pattern of key frames and sizes, and a reader that pulls when it likes. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('video' as const),
      keyframe: fc.nat(40).map((number) => number === 0),
      size: fc.integer({ min: 4, max: 5_000 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ what: fc.constant('audio' as const) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('pull' as const), units: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('join' as const) }) },
);

describe('Subscription: properties', () => {
  it('never gives a unit of a broken group, counts what it drops, and stays within its bounds', async () => {
    const h264 = fakeH264();
    const aac = fakeAac();
    let jumps = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 400, size: 'max' }), async (steps) => {
        const core = new TestCore({
          clock: new ManualClock(),
          streams: { queue: { duration: '1s', bytes: '40KiB' }, cache: { duration: '2s', bytes: '60KiB' } },
        });
        const publication = await core.publish('s');
        const video = publication.addTrack(h264);
        const audio = publication.addTrack(aac);
        const readers = [{ subscription: await core.subscribe('s'), got: [] as QueuedUnit[] }];
        let videoCount = 0;
        let audioCount = 0;
        for (const action of steps) {
          if (action.what === 'video') {
            video.write(videoFrame(h264, videoCount, { keyframe: action.keyframe, size: action.size }));
            videoCount += 1;
          } else if (action.what === 'audio') {
            audio.write(audioFrame(aac, audioCount));
            audioCount += 1;
          } else if (action.what === 'join') {
            if (readers.length < 5) readers.push({ subscription: await core.subscribe('s'), got: [] });
          } else {
            for (const reader of readers) pullSome(reader, action.units);
          }
          const kept = video.track.log.keptBytes + audio.track.log.keptBytes;
          // The queue, the cache, and what may be written between two sweeps (250 ms, here some ten frames of 5 kB).
          assert.ok(kept <= (40 + 60) * 1_024 + 60_000, `${kept} bytes kept`);
        }
        for (const { subscription, got } of readers) {
          for (let next = subscription.pull(); next !== undefined; next = subscription.pull()) got.push(next);
          checkOrder(got);
          checkGroups(got);
        }
        for (const { subscription } of readers) jumps += subscription.counters.jumps;
        const first = readers[0];
        const written = video.track.counters.units + audio.track.counters.units;
        const { units, droppedUnits } = first?.subscription.counters ?? { units: 0, droppedUnits: 0 };
        // Audio that comes while a reader waits for its key frame is passed over; it is not in any count.
        assert.ok(units + droppedUnits <= written);
        await core.close();
        assert.deepEqual(core.failures, []);
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 150), seed: Number(process.env['FUZZ_SEED'] ?? 42) },
    );
    assert.ok(jumps > 20, `only ${jumps} jumps were tried`);
  });
});

function pullSome(reader: { subscription: Subscription; got: QueuedUnit[] }, units: number): void {
  for (let count = 0; count < units; count += 1) {
    const next = reader.subscription.pull();
    if (next !== undefined) reader.got.push(next);
  }
}

function checkOrder(got: readonly QueuedUnit[]): void {
  for (const kind of ['video', 'audio']) {
    const units = got.filter((queued) => queued.track.kind === kind);
    for (let index = 1; index < units.length; index += 1) {
      assert.ok((units[index]?.order ?? 0) > (units[index - 1]?.order ?? 0), `${kind} out of order`);
      assert.ok((units[index]?.unit.dts ?? 0) > (units[index - 1]?.unit.dts ?? 0), `${kind} time does not rise`);
    }
  }
}

/** After every gap the next video unit is a keyframe, and no audio that was there before it, from before it, follows it. */
function checkGroups(got: readonly QueuedUnit[]): void {
  let last: number | undefined;
  let resumedAt = { pts: -1, order: -1 };
  for (const { unit, track, order } of got) {
    const number = unit.parts[0]?.readUInt32BE(0) ?? -1;
    if (track.kind === 'audio') {
      assert.ok(unit.pts >= resumedAt.pts || order > resumedAt.order, 'audio from before the key frame');
      continue;
    }
    if (last === undefined || number !== last + 1) {
      assert.ok(unit.keyframe, `frame ${number} after ${last ?? 'nothing'} is no keyframe`);
      resumedAt = { pts: unit.pts, order };
    }
    last = number;
  }
}
