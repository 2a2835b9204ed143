import type { Figures } from '../figures.ts';
import { Rate } from '../rate.ts';

/** What a video element itself can tell of media that comes without loss: size, pictures, stops. */
export class ElementCounts {
  readonly #element: HTMLVideoElement;
  readonly #frames = new Rate();
  readonly #bytes = new Rate();
  readonly #ending = new AbortController();
  #received = 0;
  #hasPlayed = false;
  #freezes = 0;

  constructor(element: HTMLVideoElement) {
    this.#element = element;
    const { signal } = this.#ending;
    element.addEventListener('playing', () => this.#notePlaying(), { signal });
    element.addEventListener('waiting', () => this.#noteWaiting(), { signal });
  }

  addBytes(bytes: number): void {
    this.#received += bytes;
  }

  read(): Figures {
    const { videoWidth, videoHeight } = this.#element;
    const bytes = this.#bytes.read(this.#received);
    const frames = this.#frames.read(this.#element.getVideoPlaybackQuality?.().totalVideoFrames ?? 0);
    return {
      ...(videoWidth > 0 && { width: videoWidth, height: videoHeight, frameRate: frames }),
      bitrate: bytes === undefined ? undefined : bytes * 8,
      freezes: this.#freezes,
    };
  }

  close(): void {
    this.#ending.abort();
  }

  #notePlaying(): void {
    this.#hasPlayed = true;
  }

  #noteWaiting(): void {
    // A jump is no stop.
    if (this.#hasPlayed && !this.#element.seeking) this.#freezes += 1;
  }
}

/** Ends what an element shows, and lets go of it. */
export function emptyElement(element: HTMLVideoElement): void {
  element.srcObject = null;
  element.removeAttribute('src');
  element.load();
}

/** Muted playback may begin by itself; a refusal leaves the controls to the viewer. */
export function beginPlaying(element: HTMLVideoElement): void {
  element.play().catch(() => undefined);
}
