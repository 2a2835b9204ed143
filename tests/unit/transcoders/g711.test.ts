import assert from 'node:assert/strict';
import {
  crossG711,
  decodeAlaw,
  decodeUlaw,
  encodeAlaw,
  encodeUlaw,
  g711ToLinear,
  linearToG711,
} from '../../../transcoders/audio/g711.ts';
import { runFfmpeg } from '../../support/tone-source.ts';

const all = Int16Array.from({ length: 65_536 }, (_, index) => index - 32_768);

describe('G.711', () => {
  it('has the values of the tables', () => {
    // ITU-T G.711 tables 1a, 1b (A-law, 13 bits) and 2a, 2b (µ-law, 14 bits), as 16 bits
    assert.deepEqual([0xd5, 0x55, 0xaa, 0x2a].map(decodeAlaw), [8, -8, 32_256, -32_256]);
    assert.deepEqual([0xff, 0x7f, 0x80, 0x00].map(decodeUlaw), [0, -0, 32_124, -32_124]);
    assert.deepEqual([0, -1, 32_767, -32_768].map(encodeAlaw), [0xd5, 0x55, 0xaa, 0x2a]);
    assert.deepEqual([0, 32_767, -32_768].map(encodeUlaw), [0xff, 0x80, 0x00]);
  });

  for (const [law, decode, encode] of [
    ['pcmu', decodeUlaw, encodeUlaw],
    ['pcma', decodeAlaw, encodeAlaw],
  ] as const) {
    it(`${law}: every code comes back, and samples err by less than half a step`, () => {
      for (let code = 0; code < 256; code += 1) {
        // µ-law has two zeros, which mean the same.
        assert.equal(decode(encode(decode(code))), decode(code) + 0);
      }
      for (const sample of all) {
        const step = Math.max(16, Math.abs(sample) / 16);
        const clipped = Math.max(-32_635, Math.min(32_635, sample));
        assert.ok(Math.abs(decode(encode(sample)) - clipped) <= step, `${sample}`);
      }
    });

    it(`${law}: decodes as FFmpeg does`, () => {
      const codes = Buffer.from(Array.from({ length: 256 }, (_, code) => code));
      const format = law === 'pcmu' ? 'mulaw' : 'alaw';
      const pcm = runFfmpeg(['-f', format, '-ar', '8000', '-i', 'pipe:0', '-f', 's16le', '-'], codes);
      const expected = Array.from({ length: 256 }, (_, index) => pcm.readInt16LE(2 * index));
      assert.deepEqual([...g711ToLinear(law, codes)], expected);
    });
  }

  it('crosses from one law to the other and nearly back', () => {
    const codes = linearToG711(
      'pcmu',
      all.filter((_, index) => index % 97 === 0),
    );
    const there = crossG711('pcmu', codes);
    const [before, after] = [g711ToLinear('pcmu', codes), g711ToLinear('pcma', there)];
    before.forEach((sample, index) => {
      assert.ok(Math.abs(sample - (after[index] ?? 0)) <= Math.max(16, Math.abs(sample) / 16));
    });
  });
});
