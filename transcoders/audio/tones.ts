import { Buffer } from 'node:buffer';
import { aacCodecFromParameters } from '../../core/media/codecs/aac.ts';
import type { AudioCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { type G711Law, linearToG711 } from './g711.ts';

/** Linear samples of a steady tone; `from` is the number of the first sample, so that pieces join without a click. */
export function toneSamples(
  tone: { readonly frequency: number; readonly sampleRate: number; readonly decibels: number },
  from: number,
  count: number,
): Int16Array {
  const amplitude = 32_767 * 10 ** (tone.decibels / 20);
  const samples = new Int16Array(count);
  for (let at = 0; at < count; at += 1) {
    samples[at] = Math.round(amplitude * Math.sin((2 * Math.PI * tone.frequency * (from + at)) / tone.sampleRate));
  }
  return samples;
}

/** A quiet 425 Hz of `count` samples at 8 kHz in G.711: says that a line is alive (ITU-T E.180 2.2). */
export function comfortTone(law: G711Law, from: number, count: number): Buffer {
  return linearToG711(law, toneSamples({ frequency: 425, sampleRate: 8_000, decibels: -40 }, from, count));
}

/** Comfort noise of `count` samples in G.711 at about -60 dB; `seed` makes it repeatable. */
export function comfortNoise(law: G711Law, seed: number, count: number): Buffer {
  const samples = new Int16Array(count);
  let state = seed >>> 0 || 1;
  for (let at = 0; at < count; at += 1) {
    // A linear congruential generator: whiter than an ear can tell.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    samples[at] = (state >>> 26) - 32;
  }
  return linearToG711(law, samples);
}

/** One frame of silence: 20 ms, or what the codec's frames have. Undefined where a frame needs an encoder. */
export function silentFrame(codec: AudioCodec): Buffer | undefined {
  switch (codec.name) {
    case 'opus':
      // RFC 6716 3.1: a TOC of CELT, 20 ms, one frame, and two bytes that decode to nothing
      return Buffer.from([codec.channels === 1 ? 0xf8 : 0xfc, 0xff, 0xfe]);
    case 'pcmu':
      return Buffer.alloc((codec.sampleRate / 50) * codec.channels, 0xff);
    case 'pcma':
      return Buffer.alloc((codec.sampleRate / 50) * codec.channels, 0xd5);
    case 'aac':
      return silentAac(codec.objectType, codec.channels);
    default:
      return undefined;
  }
}

/** AAC LC with every band empty (ISO/IEC 14496-3 4.4.2.1): the element, its data, ID_END. */
function silentAac(objectType: number, channels: number): Buffer | undefined {
  if (objectType !== 2 || channels > 2) return undefined;
  return Buffer.from(channels === 1 ? '01182007' : '211004608c1c', 'hex');
}

/** The codec of `silentFrame` for AAC when there is no source to follow. */
export function silentAacCodec(channels: number) {
  return aacCodecFromParameters({ objectType: 2, sampleRate: 48_000, channels });
}
