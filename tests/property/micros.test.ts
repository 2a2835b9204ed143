import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  fromTicks,
  micros,
  millis,
  minus,
  plus,
  seconds,
  toMillis,
  toSeconds,
  toTicks,
} from '../../core/time/micros.ts';

/** All of RTP's clocks, those of containers, and the highest audio rate. */
const rates = [
  1_000, 8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 90_000, 96_000, 192_000,
];
/** Some 285 years at 1 µs: the bound of exact whole numbers. */
const mostSeconds = Math.floor(Number.MAX_SAFE_INTEGER / 1e6) - 1;

describe('whole microseconds', () => {
  for (const rate of rates) {
    it(`keep every tick of ${rate} Hz`, () => {
      const ticks = fc.oneof(
        fc.integer({ min: 0, max: 2 ** 33 }),
        fc.integer({ min: -(2 ** 33), max: 0 }),
        fc.maxSafeInteger().map((any) => any % (mostSeconds * rate)),
      );
      fc.assert(
        fc.property(ticks, (count) => toTicks(fromTicks(count, rate), rate) === count),
        { numRuns: 2_000 },
      );
    });
  }

  it('keep every tick of any rate up to 192 kHz', () => {
    const rate = fc.integer({ min: 1, max: 192_000 });
    const property = fc.property(rate, fc.integer({ min: 0, max: 2 ** 40 }), (clockRate, ticks) => {
      fc.pre(ticks / clockRate < mostSeconds);
      return toTicks(fromTicks(ticks, clockRate), clockRate) === ticks;
    });
    fc.assert(property, { numRuns: 5_000 });
  });

  it('never run backwards while ticks rise', () => {
    const property = fc.property(fc.constantFrom(...rates), fc.integer({ min: 0, max: 2 ** 40 }), (rate, ticks) => {
      assert.ok(fromTicks(ticks + 1, rate) > fromTicks(ticks, rate));
    });
    fc.assert(property);
  });

  it('err by half a microsecond at most', () => {
    const property = fc.property(fc.constantFrom(...rates), fc.integer({ min: 0, max: 2 ** 32 }), (rate, ticks) => {
      const exact = (BigInt(ticks) * 2_000_000n) / BigInt(rate);
      assert.ok(Math.abs(fromTicks(ticks, rate) * 2 - Number(exact)) <= 2);
    });
    fc.assert(property);
  });

  it('are whole whatever they are made of', () => {
    const amount = fc.double({ min: -1e9, max: 1e9, noNaN: true });
    fc.assert(fc.property(amount, (value) => [micros, millis, seconds].every((make) => Number.isInteger(make(value)))));
    assert.equal(toMillis(millis(5)), 5);
    assert.equal(toSeconds(seconds(5)), 5);
    assert.equal(minus(plus(seconds(1), millis(1)), millis(1)), seconds(1));
  });
});
