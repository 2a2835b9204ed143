import assert from 'node:assert/strict';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { type Micros, millis, seconds } from '../../../../core/time/micros.ts';
import { Timeline } from '../../../../core/time/timeline.ts';

describe('Timeline', () => {
  function make(startAt = 0) {
    const clock = new ManualClock();
    const jumps: number[] = [];
    const timeline = new Timeline(
      { startAt: startAt as Micros },
      { clock, onDiscontinuity: (_track, jumped) => jumps.push(jumped) },
    );
    return { clock, jumps, timeline };
  }

  it('puts the first unit at 0 and keeps the offset of tracks that share a clock', () => {
    const { timeline } = make();
    timeline.join('video', 'rtmp');
    timeline.join('audio', 'rtmp');
    assert.equal(timeline.place('video', 5_000, 1_000, millis(0)), 0);
    assert.equal(timeline.place('audio', 5_021, 1_000, millis(300)), millis(21));
    assert.equal(timeline.place('video', 5_033, 1_000, millis(301)), millis(33));
  });

  it('converts ticks of 90 kHz without drift over days', () => {
    const { timeline } = make();
    const tick = 3_003;
    for (const frame of [0, 1, 30, 1_000_000, 10_000_000]) {
      const time = timeline.place('video', frame * tick, 90_000, Math.round((frame * tick) / 0.09) as Micros);
      assert.equal(time, Math.round((frame * tick * 1_000) / 90));
    }
  });

  it('never goes backwards within a track', () => {
    const { timeline } = make();
    const times = [0, 40, 30, 30, 80].map((ticks) => timeline.place('video', ticks, 1_000, millis(ticks)));
    for (let index = 1; index < times.length; index += 1) assert.ok((times[index] ?? 0) > (times[index - 1] ?? 0));
    assert.equal(times.at(-1), millis(80));
  });

  it('fits a track with a clock of its own by arrival, then slews it where sender reports say', () => {
    const { clock, timeline } = make();
    timeline.place('video', 900_000, 90_000, millis(0));
    const first = timeline.place('audio', 48_000 * 77, 48_000, millis(100));
    assert.equal(first, millis(100));
    const wall = clock.wallNow();
    timeline.learn('video', 900_000, 90_000, wall);
    // By the reports this audio was captured 40 ms after the first video frame.
    timeline.learn('audio', 48_000 * 77, 48_000, (wall + 40_000) as Micros);
    let last: number = first;
    for (let index = 1; index <= 200; index += 1) {
      const time = timeline.place('audio', 48_000 * 77 + 960 * index, 48_000, millis(100 + 20 * index));
      assert.ok(Math.abs(time - last - 20_000) <= 1_001, `a step of ${time - last} µs`);
      last = time;
    }
    assert.equal(last, millis(40 + 20 * 200));
  });

  it('anchors anew at a jump of the source, forwards and backwards, and says so', () => {
    const { jumps, timeline } = make();
    timeline.place('video', 0, 1_000, millis(0));
    assert.equal(timeline.place('video', 60_000, 1_000, millis(40)), millis(40));
    assert.equal(timeline.place('video', 60_040, 1_000, millis(80)), millis(80));
    assert.equal(timeline.place('video', 10, 1_000, millis(120)), millis(120));
    assert.equal(jumps[0], millis(60_000 - 40));
    assert.ok((jumps[1] ?? 0) < -59_000_000);
    assert.equal(jumps.length, 2);
  });

  it('takes a pause of the source for a pause, and a fast source for a fast source', () => {
    const { jumps, timeline } = make();
    timeline.place('video', 0, 1_000, millis(0));
    assert.equal(timeline.place('video', 30_000, 1_000, seconds(30)), seconds(30));
    for (let index = 1; index < 100; index += 1) {
      const time = timeline.place('video', 30_000 + index * 5_000, 1_000, seconds(30));
      assert.equal(time, seconds(30 + index * 5));
    }
    assert.deepEqual(jumps, []);
  });

  it('tells the wall time of media, undisturbed by a step of the wall clock', () => {
    const { clock, timeline } = make();
    const wall = clock.wallNow();
    timeline.place('video', 0, 1_000, clock.now());
    clock.stepWall(seconds(3_600));
    assert.equal(timeline.wallAt(seconds(5)), wall + 5_000_000);
    timeline.learn('video', 0, 1_000, seconds(1_000));
    assert.equal(timeline.wallAt(seconds(5)), seconds(1_005));
  });

  it('goes on where an earlier publication left off', () => {
    const { timeline } = make(7_000_000);
    assert.equal(timeline.place('video', 123, 1_000, millis(0)), seconds(7));
  });
});
