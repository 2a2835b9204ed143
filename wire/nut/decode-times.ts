/**
 * When frames are decoded, which NUT does not say: a frame's decoding time is the smallest of the times that are known by then, with
 * `decode_delay` frames of a run-up (NUT "dts"). It rises as long as the times belong to one stream.
 */
export class NutDecodeTimes {
  readonly #delay: number;
  readonly #step: number;
  /** Times of showing that have not served as times of decoding yet, rising. */
  readonly #waiting: number[] = [];
  #runUp = 0;

  /** `delay`: the stream's `decodeDelay`. `step`: ticks from frame to frame, for the run-up. */
  constructor(delay: number, step: number) {
    this.#delay = Math.min(delay, longestDelay);
    this.#step = step;
  }

  /** The decoding time of the next frame, in the order of the stream, that is shown at `pts`. */
  next(pts: number): number {
    const waiting = this.#waiting;
    let at = waiting.length;
    while (at > 0 && (waiting[at - 1] ?? 0) > pts) at -= 1;
    waiting.splice(at, 0, pts);
    if (this.#runUp < this.#delay) {
      this.#runUp += 1;
      return (waiting[0] ?? pts) - (this.#delay - this.#runUp + 1) * this.#step;
    }
    return waiting.shift() ?? pts;
  }
}

/** ISO/IEC 14496-10 A.3.1: no decoder holds more pictures. */
const longestDelay = 16;
