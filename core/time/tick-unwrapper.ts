/**
 * Makes an ever-growing count of ticks from a counter that wraps (RTP and RTMP: 32 bits, MPEG-TS: 33). Each value is
 * taken as the one nearest to the newest before it, so late ones go back and do not wrap.
 */
export class TickUnwrapper {
  readonly #range: number;
  #newest: number | undefined;

  constructor(bits: number) {
    this.#range = 2 ** bits;
  }

  unwrap(raw: number): number {
    if (this.#newest === undefined) {
      this.#newest = raw;
      return raw;
    }
    const turns = Math.round((this.#newest - raw) / this.#range);
    const absolute = raw + turns * this.#range;
    if (absolute > this.#newest) this.#newest = absolute;
    return absolute;
  }

  /** Forgets, as at a new source. */
  reset(): void {
    this.#newest = undefined;
  }
}
