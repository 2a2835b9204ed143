import type { Figures } from '../figures.ts';
import { playHls } from './play-hls.ts';
import { playMediaSource } from './play-media-source.ts';
import { playWebRtc } from './play-webrtc.ts';
import type { Failure, Playback, PlaybackListener, Sources, Way } from './playback.ts';
import { wayNames, waysOf } from './playback.ts';

export interface PlayerState {
  readonly phase: 'loading' | 'playing' | 'waiting' | 'failed';
  /** The way that is tried or taken. */
  readonly way: Way | undefined;
  readonly figures: Figures;
  readonly fault: string | undefined;
  /** Why a better way was given up. */
  readonly fallback: string | undefined;
}

export type Choice = Way | 'automatic';

export const beginning: PlayerState = {
  phase: 'loading',
  way: undefined,
  figures: {},
  fault: undefined,
  fallback: undefined,
};

const readMs = 1_000;
const retryMs = 2_000;

/** Plays a stream in an element by the way that was chosen, or by the best one that works; tries again for ever. */
export class Player {
  readonly #element: HTMLVideoElement;
  readonly #sources: Sources;
  readonly #ladder: readonly Way[];
  readonly #tell: (change: Partial<PlayerState>) => void;
  readonly #reading: number;
  #rung = 0;
  #playback: Playback | undefined;
  #retry: number | undefined;

  constructor(
    settings: { readonly sources: Sources; readonly choice: Choice },
    element: HTMLVideoElement,
    tell: (change: Partial<PlayerState>) => void,
  ) {
    const { sources, choice } = settings;
    const open = waysOf(sources);
    this.#element = element;
    this.#sources = sources;
    this.#ladder = choice === 'automatic' ? open : open.filter((way) => way === choice);
    this.#tell = tell;
    this.#reading = setInterval(() => void this.#read(), readMs);
    this.#open();
  }

  close(): void {
    clearTimeout(this.#retry);
    clearInterval(this.#reading);
    this.#playback?.close();
    this.#playback = undefined;
  }

  #open(): void {
    const way = this.#ladder[this.#rung];
    if (way === undefined) return;
    this.#tell({ phase: 'loading', way, figures: {} });
    const listener: PlaybackListener = {
      onPlaying: () => this.#tell({ phase: 'playing', fault: undefined }),
      onWaiting: () => this.#tell({ phase: 'waiting' }),
      onFailure: (failure) => this.#step(way, failure),
    };
    this.#playback = this.#begin(way, this.#sources[way] ?? '', listener);
  }

  #begin(way: Way, address: string, listener: PlaybackListener): Playback {
    if (way === 'webrtc') return playWebRtc(this.#element, address, listener);
    if (way === 'hls') return playHls(this.#element, address, listener);
    return playMediaSource(this.#element, { url: address, name: this.#sources.name }, listener);
  }

  /** WebRTC is given up at once for what follows; the others wait for a stream that may come. */
  #step(way: Way, { fault, isFinal }: Failure): void {
    this.#playback?.close();
    this.#playback = undefined;
    const next = this.#ladder[this.#rung + 1];
    if (next !== undefined && (isFinal || way === 'webrtc')) {
      this.#rung += 1;
      this.#tell({ fallback: `${wayNames[way]} did not work: ${fault}` });
      this.#open();
      return;
    }
    this.#tell({ phase: 'failed', fault, figures: {} });
    if (!isFinal) this.#retry = setTimeout(() => this.#open(), retryMs);
  }

  async #read(): Promise<void> {
    const playback = this.#playback;
    // Playback that ends meanwhile tells none; why it ends is told elsewhere.
    const figures = await playback?.readFigures().catch(() => undefined);
    if (figures !== undefined && playback === this.#playback) this.#tell({ figures });
  }
}
