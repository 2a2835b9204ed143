import assert from 'node:assert/strict';
import { NutDecodeTimes } from '../../../../wire/nut/decode-times.ts';

/** Times of showing in the order of decoding → times of decoding. */
function decode(delay: number, pts: readonly number[]): number[] {
  const times = new NutDecodeTimes(delay, 1);
  return pts.map((one) => times.next(one));
}

describe('NUT decoding times', () => {
  it('are those of showing without reordering', () => {
    assert.deepEqual(decode(0, [0, 3, 6]), [0, 3, 6]);
  });

  it('are the times of showing in order, behind a run-up', () => {
    // I P B B P B B with a pyramid: two frames of delay
    const pts = [2, 6, 4, 3, 5, 10, 8, 7, 9];
    assert.deepEqual(decode(2, pts), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('rise strictly and are never after the time of showing', () => {
    for (let group = 1; group < 5; group += 1) {
      const pts = [0];
      for (let base = 0; base < 60; base += group) {
        pts.push(base + group);
        for (let b = 1; b < group; b += 1) pts.push(base + b);
      }
      const dts = decode(1, pts);
      dts.forEach((one, index) => {
        assert.ok(index === 0 || one > (dts[index - 1] ?? 0), `${index} of ${group}`);
        assert.ok(one <= (pts[index] ?? 0));
      });
    }
  });

  it('need no more memory than any decoder', () => {
    assert.deepEqual(decode(1e9, [100, 101]), [84, 85]);
  });
});
