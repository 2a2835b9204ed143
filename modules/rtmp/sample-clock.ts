import type { Buffer } from 'node:buffer';
import type { AudioCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { type Micros, micros, millis } from '../../core/time/micros.ts';

/** Less than the shortest frame that may be missing, and more than a careless encoder strays. */
const tolerance = millis(5);
/** What rounding to milliseconds takes away or adds at most: rounded again, the same comes out. */
const rounding = micros(499);
/** The part of what is more than rounding that is made up for at each unit: clocks differ by less. */
const share = 1 / 8;

/**
 * FLV tells times in whole milliseconds. Sound is a count of samples, and players take a gap or an overlap of half a millisecond for
 * something lost: with G.711 browsers then hold back a tenth of a second. So times are counted in samples, as long as what the publisher
 * tells agrees.
 */
export class SampleClock {
  #rate = 0;
  #since = 0;
  #samples = 0;

  /** The time of a unit that the publisher places at `at`. */
  place(codec: AudioCodec, payload: Buffer, at: Micros): Micros {
    const samples = samplesOf(codec, payload);
    let counted = this.#since + (this.#samples * 1e6) / this.#rate;
    const off = at - counted;
    if (samples === 0 || codec.sampleRate !== this.#rate || Math.abs(off) > tolerance) {
      this.#rate = codec.sampleRate;
      this.#since = at;
      this.#samples = samples;
      return at;
    }
    // The first time was rounded too: what can't be its rounding moves it.
    const excess = Math.sign(off) * Math.max(0, Math.abs(off) - rounding);
    const correction = Math.abs(excess) <= rounding ? excess : excess * share;
    this.#since += correction;
    this.#samples += samples;
    counted += correction;
    return micros(counted);
  }
}

/** Samples of one channel in a unit; 0 where the codec doesn't tell. */
function samplesOf(codec: AudioCodec, payload: Buffer): number {
  switch (codec.name) {
    case 'aac':
    case 'mp3':
      return codec.samplesPerFrame;
    case 'pcmu':
    case 'pcma':
      return Math.floor(payload.length / codec.channels);
    default:
      return 0;
  }
}
