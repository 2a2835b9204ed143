import type { readStamp } from './stamp.ts';

export interface PlayerReport {
  readonly bytes: number;
  readonly frames: number;
  /** Frames that never came, by the numbers in their stamps. */
  readonly missing: number;
  readonly closed: boolean;
  /** Frames by latency, one bucket a millisecond. */
  readonly histogram: readonly (readonly [number, number])[];
}

/** What one player of a bench has got: bytes, frames by their stamps, and how late they were. */
export class FrameTally {
  bytes = 0;
  #frames = 0;
  #missing = 0;
  #last: number | undefined;
  #measuring = false;
  readonly #histogram = new Map<number, number>();

  /** Counts from now on. */
  mark(): void {
    this.#measuring = true;
    this.bytes = 0;
    this.#frames = 0;
    this.#missing = 0;
    this.#histogram.clear();
  }

  take({ number, latency }: NonNullable<ReturnType<typeof readStamp>>): void {
    if (this.#last !== undefined && number !== this.#last + 1) this.#missing += 1;
    this.#last = number;
    this.#frames += 1;
    if (!this.#measuring) return;
    const bucket = Math.round(latency);
    this.#histogram.set(bucket, (this.#histogram.get(bucket) ?? 0) + 1);
  }

  report(closed: boolean): PlayerReport {
    const histogram = [...this.#histogram];
    return { bytes: this.bytes, frames: this.#frames, missing: this.#missing, closed, histogram };
  }
}
