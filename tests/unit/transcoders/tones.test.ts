import assert from 'node:assert/strict';
import { AccessUnit } from '../../../core/media/access-unit.ts';
import type { AudioCodec } from '../../../core/media/codecs/codec-descriptor.ts';
import { opusCodec } from '../../../core/media/codecs/opus.ts';
import { pcmCodec } from '../../../core/media/codecs/telephony.ts';
import { millis } from '../../../core/time/micros.ts';
import { g711ToLinear } from '../../../transcoders/audio/g711.ts';
import {
  comfortNoise,
  comfortTone,
  silentAacCodec,
  silentFrame,
  toneSamples,
} from '../../../transcoders/audio/tones.ts';
import { decodeSound } from '../../support/tone-source.ts';

const codecs: readonly AudioCodec[] = [
  opusCodec({ channels: 1 }),
  opusCodec({ channels: 2 }),
  silentAacCodec(1),
  silentAacCodec(2),
  pcmCodec('pcmu'),
  pcmCodec('pcma'),
];

describe('Silence and tones', () => {
  for (const codec of codecs) {
    it(`${codec.name} of ${codec.channels} is silent in FFmpeg`, async () => {
      const part = silentFrame(codec);
      assert.ok(part !== undefined);
      const units = Array.from({ length: 50 }, (_, index) => {
        const at = millis(index * 20);
        return new AccessUnit({ codec, pts: at, dts: at, keyframe: true, parts: [part] });
      });
      const { samples } = await decodeSound(units);
      assert.ok(samples.length > 40_000);
      assert.ok(samples.every((sample) => Math.abs(sample) < 0.001));
    });
  }

  it('pieces of a tone join', () => {
    const tone = { frequency: 440, sampleRate: 8_000, decibels: -10 };
    const whole = toneSamples(tone, 0, 320);
    assert.deepEqual([...toneSamples(tone, 0, 160), ...toneSamples(tone, 160, 160)], [...whole]);
    const peak = Math.max(...whole.map(Math.abs));
    assert.ok(Math.abs(20 * Math.log10(peak / 32_767) + 10) < 0.1);
  });

  it('a comfort tone and comfort noise are quiet and there', () => {
    for (const bytes of [comfortTone('pcma', 0, 800), comfortNoise('pcmu', 7, 800)]) {
      const peak = Math.max(...g711ToLinear(bytes === undefined ? 'pcmu' : 'pcma', bytes).map(Math.abs));
      assert.ok(peak > 0);
    }
    const noise = g711ToLinear('pcmu', comfortNoise('pcmu', 7, 800));
    assert.ok(Math.max(...noise.map(Math.abs)) < 64);
    assert.ok(new Set(noise).size > 4);
    assert.deepEqual(comfortNoise('pcmu', 7, 80), comfortNoise('pcmu', 7, 80));
  });
});
