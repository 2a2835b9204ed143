import assert from 'node:assert/strict';
import fc from 'fast-check';
import { findNearest } from '../../../../core/config/suggest.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../../core/config/units.ts';
import { micros } from '../../../../core/time/micros.ts';

const durations: readonly (readonly [string, number | undefined])[] = [
  ['0', 0],
  ['10s', 10_000_000],
  ['250ms', 250_000],
  ['1h30m', 5_400_000_000],
  ['1.5s', 1_500_000],
  ['7us', 7],
  ['2d', 172_800_000_000],
  ['10', undefined],
  ['10 s', undefined],
  ['-1s', undefined],
  ['s', undefined],
  ['1e3s', undefined],
  ['', undefined],
  [`${'9'.repeat(30)}d`, undefined],
];

const sizes: readonly (readonly [string, number | undefined])[] = [
  ['0', 0],
  ['8MiB', 8_388_608],
  ['100kB', 100_000],
  ['64B', 64],
  ['1.5GiB', 1_610_612_736],
  ['8', undefined],
  ['8M', undefined],
  ['-8MiB', undefined],
  ['999999999999999GiB', undefined],
];

describe('units of the configuration', () => {
  for (const [text, value] of durations)
    it(`reads "${text}" as a duration`, () => assert.equal(parseDuration(text), value));
  for (const [text, value] of sizes) it(`reads "${text}" as a size`, () => assert.equal(parseSize(text), value));

  it('writes what it reads back', () => {
    const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    fc.assert(fc.property(whole, (value) => parseSize(formatSize(value)) === value));
    const short = fc.integer({ min: 0, max: 1e15 });
    fc.assert(fc.property(short, (value) => parseDuration(formatDuration(micros(value))) === value));
  });
});

describe('findNearest', () => {
  const known = ['listen', 'limits', 'reconnectGrace', 'tls'];
  it('finds a mistyped word', () => {
    assert.equal(findNearest('lisetn', known), 'listen');
    assert.equal(findNearest('reconectgrace', known), 'reconnectGrace');
    assert.equal(findNearest('limit', known), 'limits');
  });
  it('finds nothing where nothing is near', () => assert.equal(findNearest('bandwidth', known), undefined));
  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 5_000 }), (word) => [undefined, ...known].includes(findNearest(word, known))),
    );
  });
});
