/** Depth with which a stream with B-frames begins: a pyramid, as x264 and x265 make it unless told otherwise. */
export const usualDepth = 2;
/** ISO/IEC 14496-10 A.3.1: no decoder holds more pictures. */
const deepest = 16;

/**
 * RTP tells when a unit is shown, never when it is decoded. Units come in the order of decoding; of `depth` that wait to be shown
 * the earliest time is the time of decoding: it always rises and is never after the unit's own. Where a stream turns out to
 * reorder more deeply than it said, the depth grows, and a few units are decoded a tick after the one before.
 */
export class DecodeTimes {
  #depth = 0;
  /** Times of showing that have not yet served as times of decoding, rising. */
  readonly #waiting: number[] = [];
  #last: number | undefined;
  /** Ticks from unit to unit. */
  #step: number;

  constructor(depth: number, step: number) {
    this.#depth = Math.min(depth, deepest);
    this.#step = Math.max(1, step);
  }

  get depth(): number {
    return this.#depth;
  }

  /** Another depth or frame rate from here on, as a new descriptor says. */
  adopt(depth: number, step: number): void {
    this.#depth = Math.max(this.#depth, Math.min(depth, deepest));
    this.#step = Math.max(1, step);
  }

  /** Unwrapped ticks of decoding for the unit that is shown at `shown`. Rises strictly. */
  next(shown: number): number {
    if (this.#depth === 0 && this.#waiting.length === 0 && (this.#last === undefined || shown > this.#last)) {
      this.#last = shown;
      return shown;
    }
    if (this.#last === undefined) this.#last = shown - (this.#depth + 1) * this.#step;
    this.#insert(shown);
    if (this.#waiting.length <= this.#depth) return this.#advance(this.#step);
    const earliest = this.#waiting.shift() ?? shown;
    if (earliest > this.#last) {
      this.#last = earliest;
      return earliest;
    }
    this.#depth = Math.min(deepest, this.#depth + 1);
    return this.#advance(1);
  }

  reset(): void {
    this.#waiting.length = 0;
    this.#last = undefined;
  }

  /** Never past the earliest that waits, unless it must. */
  #advance(step: number): number {
    const last = this.#last ?? 0;
    const limit = this.#waiting[0] ?? Infinity;
    this.#last = last + step < limit ? last + step : last + 1;
    return this.#last;
  }

  #insert(shown: number): void {
    const waiting = this.#waiting;
    let at = waiting.length;
    while (at > 0 && (waiting[at - 1] ?? 0) > shown) at -= 1;
    waiting.splice(at, 0, shown);
  }
}
