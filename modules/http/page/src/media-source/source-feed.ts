import { type MediaUnit, readMediaUnits } from './media-units.ts';
import { TrackFeed } from './track-feed.ts';

type Kind = 'video' | 'audio';

/** Seconds behind the newest frame: where playback is put, and where it is hurried, left alone again, and put anew. */
const startBehind = 0.3;
const hurryBehind = 0.9;
const calmBehind = 0.45;
const jumpBehind = 3;
const hurry = 1.1;
/** Units that wait for the configuration of the other track. */
const mostPending = 5_000;

/** Binary messages → a video element near the live edge. */
export class SourceFeed {
  readonly #element: HTMLVideoElement;
  readonly #kinds: readonly Kind[];
  readonly #onFault: (fault: string) => void;
  readonly #source = new MediaSource();
  readonly #url = URL.createObjectURL(this.#source);
  readonly #feeds: ReadonlyMap<Kind, TrackFeed>;
  #pending: MediaUnit[] = [];
  #isOpen = false;
  /** Milliseconds of stream time. */
  #origin: number | undefined;

  constructor(element: HTMLVideoElement, kinds: readonly Kind[], onFault: (fault: string) => void) {
    this.#element = element;
    this.#kinds = kinds;
    this.#onFault = onFault;
    this.#feeds = new Map(kinds.map((kind) => [kind, new TrackFeed(this.#source, onFault)]));
    this.#source.addEventListener('sourceopen', () => this.#write([]));
    element.src = this.#url;
  }

  codec(kind: Kind): string | undefined {
    return this.#feeds.get(kind)?.codec;
  }

  /** Seconds between what is shown and what has come. */
  get latency(): number | undefined {
    const edge = this.#edge;
    return edge === undefined ? undefined : Math.max(0, edge - this.#element.currentTime);
  }

  take(message: ArrayBuffer): void {
    try {
      this.#write(readMediaUnits(message));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#onFault('The server sent what is no media.');
    }
    this.#keepLive();
  }

  close(): void {
    URL.revokeObjectURL(this.#url);
  }

  get #edge(): number | undefined {
    return this.#newest?.end;
  }

  /** The newest stretch that all tracks have, in seconds. */
  get #newest(): { readonly start: number; readonly end: number } | undefined {
    let start = 0;
    let end = Number.POSITIVE_INFINITY;
    for (const { buffered } of this.#feeds.values()) {
      if (buffered === undefined || buffered.length === 0) return undefined;
      start = Math.max(start, buffered.start(buffered.length - 1));
      end = Math.min(end, buffered.end(buffered.length - 1));
    }
    return start < end ? { start, end } : undefined;
  }

  /** All tracks have to be there before the first byte of any is appended. */
  #write(units: readonly MediaUnit[]): void {
    if (!this.#isOpen) {
      this.#pending.push(...units);
      const described = new Set(this.#pending.filter(({ isConfig }) => isConfig).map(({ kind }) => kind));
      if (this.#pending.length > mostPending) this.#onFault('The server sent no configuration of a track.');
      if (this.#source.readyState !== 'open' || described.size < this.#kinds.length) return;
      this.#isOpen = true;
      const held = this.#pending;
      this.#pending = [];
      for (const kind of this.#kinds) {
        const config = held.find((unit) => unit.kind === kind && unit.isConfig);
        if (config !== undefined) this.#feeds.get(kind)?.describe(kind, config.bytes);
      }
      this.#write(held);
      return;
    }
    for (const kind of this.#kinds) this.#writeTrack(kind, units);
  }

  /** Frames between two configurations become one fragment. */
  #writeTrack(kind: Kind, units: readonly MediaUnit[]): void {
    const feed = this.#feeds.get(kind);
    let frames: MediaUnit[] = [];
    for (const unit of units) {
      if (unit.kind !== kind) continue;
      if (!unit.isConfig) {
        frames.push(unit);
        continue;
      }
      feed?.write(frames, this.#place(frames));
      frames = [];
      feed?.describe(kind, unit.bytes);
    }
    feed?.write(frames, this.#place(frames));
  }

  #place(frames: readonly MediaUnit[]): readonly number[] {
    const origin = this.#origin ?? frames[0]?.timestamp ?? 0;
    if (frames.length > 0) this.#origin = origin;
    // 32 bits, so that a wrap is no jump; sound may begin a little before the picture.
    return frames.map(({ timestamp }) => Math.max(0, ((timestamp - origin) | 0) + 1_000));
  }

  #keepLive(): void {
    const element = this.#element;
    const newest = this.#newest;
    if (newest === undefined) return;
    const { start, end } = newest;
    for (const feed of this.#feeds.values()) feed.forgetBefore(element.paused ? end : element.currentTime);
    if (element.paused) return;
    const behind = end - element.currentTime;
    // At the very beginning, and where the server left something out, playback stands before what there is.
    const isOutside =
      element.currentTime < start && (element.seeking || element.readyState <= element.HAVE_CURRENT_DATA);
    if (behind > jumpBehind || behind < -jumpBehind || isOutside) {
      element.currentTime = Math.max(start, end - startBehind);
      element.playbackRate = 1;
    } else if (behind > hurryBehind) element.playbackRate = hurry;
    else if (behind < calmBehind) element.playbackRate = 1;
  }
}
