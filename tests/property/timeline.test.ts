import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ManualClock } from '../../core/time/manual-clock.ts';
import { type Micros, micros } from '../../core/time/micros.ts';
import { TickUnwrapper } from '../../core/time/tick-unwrapper.ts';
import { Timeline } from '../../core/time/timeline.ts';

const runs = { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300), seed: Number(process.env['FUZZ_SEED'] ?? 42) };

describe('Timeline: properties', () => {
  it('rises strictly in every track, whatever the source counts', () => {
    const unit = fc.record({
      track: fc.constantFrom('video', 'audio'),
      ticks: fc.integer({ min: -1e9, max: 2 ** 40 }),
      elapsed: fc.integer({ min: 0, max: 20_000_000 }),
      report: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 100 }), fc.boolean(), (units, shared) => {
        const timeline = new Timeline({}, { clock: new ManualClock() });
        if (shared) for (const track of ['video', 'audio']) timeline.join(track, 'one');
        const last = new Map<string, number>();
        let now = 0;
        for (const { track, ticks, elapsed, report } of units) {
          now += elapsed;
          if (report) timeline.learn(track, ticks, 90_000, micros(1.7e15 + now));
          const time = timeline.place(track, ticks, 90_000, now as Micros);
          assert.ok(Number.isSafeInteger(time));
          assert.ok(time >= 0 && time > (last.get(track) ?? -1));
          last.set(track, time);
        }
      }),
      runs,
    );
  });

  it('keeps every interval of a steady source to the microsecond', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 33 }),
        fc.constantFrom(1_000, 8_000, 44_100, 48_000, 90_000),
        fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 50 }),
        (start, rate, steps) => {
          const timeline = new Timeline({}, { clock: new ManualClock() });
          let ticks = start;
          timeline.place('a', ticks, rate, 0 as Micros);
          for (const step of steps) {
            ticks += step;
            const time = timeline.place('a', ticks, rate, micros(((ticks - start) * 1e6) / rate));
            const exact = ((ticks - start) * 1e6) / rate;
            assert.ok(Math.abs(time - exact) <= 1, `${time} for ${exact}`);
          }
        },
      ),
      runs,
    );
  });
});

describe('TickUnwrapper: properties', () => {
  it('gives back the absolute count of a counter that wraps, reordering included', () => {
    const move = fc.integer({ min: -5_000, max: 1_000_000 });
    fc.assert(
      fc.property(
        fc.constantFrom(16, 32, 33),
        fc.nat(2 ** 31),
        fc.array(move, { maxLength: 200 }),
        (bits, start, moves) => {
          const range = 2 ** bits;
          const most = range / 4;
          const unwrapper = new TickUnwrapper(bits);
          let absolute = start % range;
          assert.equal(unwrapper.unwrap(absolute), absolute);
          let newest = absolute;
          for (const by of moves) {
            absolute = Math.max(0, newest + Math.max(-most, Math.min(most, by)));
            assert.equal(unwrapper.unwrap(absolute % range), absolute);
            newest = Math.max(newest, absolute);
          }
        },
      ),
      runs,
    );
  });
});
