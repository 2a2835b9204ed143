import type { Bytes } from './boxes.ts';
import { describeAudio, describeVideo, type TrackDescription } from './decoder-configs.ts';
import { type Sample, writeFragment, writeInit } from './fragments.ts';
import type { MediaUnit } from './media-units.ts';

/** AAC */
const samplesPerFrame = 1_024;
/** Times that are rounded to milliseconds may differ by so many seconds from what the frames before add up to. */
const tolerance = 0.06;
const usualFrameMs = 40;
const longestFrameMs = 1_000;
/** Segments that wait for the element's decoder; more means that it does not keep up. */
const mostWaiting = 500;
/** Seconds of what was seen that stay. */
const keptBehind = 10;

/** Units of one track → fragments → SourceBuffer. */
export class TrackFeed {
  readonly #source: MediaSource;
  readonly #onFault: (fault: string) => void;
  readonly #waiting: Bytes[] = [];
  #buffer: SourceBuffer | undefined;
  #track: TrackDescription | undefined;
  #sequence = 0;
  /** Ticks: where the next sample belongs when nothing is missing. */
  #next: number | undefined;
  #frameMs = usualFrameMs;
  #removeTo = 0;

  constructor(source: MediaSource, onFault: (fault: string) => void) {
    this.#source = source;
    this.#onFault = onFault;
  }

  get buffered(): TimeRanges | undefined {
    return this.#buffer?.buffered;
  }

  get codec(): string | undefined {
    return this.#track?.codec;
  }

  /** Whether it has been told how to decode; media cannot be appended to any track before all have. */
  get isDescribed(): boolean {
    return this.#track !== undefined;
  }

  /** `config` as it came. The same again changes nothing. */
  describe(kind: 'video' | 'audio', config: Bytes): void {
    const before = this.#track;
    if (before !== undefined && isSame(before.config, config)) return;
    // A view of the whole message would keep that.
    const own = config.slice();
    const track = kind === 'video' ? describeVideo(own) : describeAudio(own);
    const type = `${kind}/mp4; codecs="${track.codec}"`;
    if (!MediaSource.isTypeSupported(type)) return this.#onFault('This browser does not play its codecs.');
    this.#track = track;
    if (this.#buffer === undefined) {
      this.#buffer = this.#source.addSourceBuffer(type);
      this.#buffer.addEventListener('updateend', () => this.#append());
      this.#buffer.addEventListener('error', () => this.#onFault('The media could not be decoded.'));
    }
    this.#next = undefined;
    this.#push(writeInit(track));
  }

  /** Frames in their order, `times` in ms from the start of playback. */
  write(units: readonly MediaUnit[], times: readonly number[]): void {
    const track = this.#track;
    const first = times[0];
    if (track === undefined || first === undefined) return;
    const samples = units.map((unit, index): Sample => {
      const { bytes, isKeyframe } = unit;
      return { bytes, isKeyframe, duration: track.kind === 'audio' ? samplesPerFrame : this.#measure(times, index) };
    });
    const told = Math.round((first * track.timescale) / 1_000);
    // Sound has to join on to the tick, or each frame would be cut a little.
    const follows = this.#next !== undefined && Math.abs(told - this.#next) < tolerance * track.timescale;
    const start = track.kind === 'audio' && follows ? (this.#next ?? told) : told;
    this.#next = samples.reduce((sum, { duration }) => sum + duration, start);
    this.#sequence += 1;
    this.#push(writeFragment(this.#sequence, start, samples));
  }

  /** Forgets what lies long before `time` (seconds). */
  forgetBefore(time: number): void {
    const buffered = this.buffered;
    if (buffered === undefined || buffered.length === 0 || time - buffered.start(0) < keptBehind * 2) return;
    this.#removeTo = time - keptBehind;
    this.#append();
  }

  /** How long a picture is shown: until the next, or as long as the one before. */
  #measure(times: readonly number[], index: number): number {
    const after = (times[index + 1] ?? Number.NaN) - (times[index] ?? 0);
    if (after > 0 && after < longestFrameMs) this.#frameMs = after;
    return this.#frameMs;
  }

  #push(bytes: Bytes): void {
    if (this.#waiting.length >= mostWaiting) return this.#onFault('This device is too slow for the stream.');
    this.#waiting.push(bytes);
    this.#append();
  }

  #append(): void {
    const buffer = this.#buffer;
    if (buffer === undefined || buffer.updating || this.#source.readyState !== 'open') return;
    try {
      if (this.#removeTo > 0) {
        const to = this.#removeTo;
        this.#removeTo = 0;
        buffer.remove(0, to);
        return;
      }
      const next = this.#waiting.shift();
      if (next !== undefined) buffer.appendBuffer(next);
    } catch {
      // Full, or taken away by the element after an error of its decoder.
      this.#onFault('The media could not be buffered.');
    }
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
