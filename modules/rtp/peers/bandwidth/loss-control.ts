import type { RateBounds } from './rate-control.ts';

/** draft-ietf-rmcat-gcc-02 6: below the first share of loss the rate may rise, above the second it falls. */
const rise = 0.02;
const fall = 0.1;
const increase = 1.05;
/** Where so much is lost, not much more than what arrives gets through, whatever was believed before. */
const headroom = 1.2;
const floor = 0.8;
/** Losses are looked at over so many packets and so much time, µs, at least. */
const leastPackets = 50;
const interval = 500_000;
/** What the newest look counts among all. */
const newest = 0.3;

/** The loss-based controller: for links that drop before they delay. */
export class LossControl {
  readonly #bounds: RateBounds;
  #rate: number;
  #lost = 0;
  #packets = 0;
  #since: number | undefined;
  /** Share that was lost last, 0 to 1. */
  share = 0;
  /** The same, smoothed: a way that loses 5 % by chance loses 10 % of a few packets again and again, which is no reason to give way. */
  #usual = 0;

  constructor(start: number, bounds: RateBounds) {
    this.#bounds = bounds;
    this.#rate = start;
  }

  get rate(): number {
    return this.#rate;
  }

  /**
   * What became of packets since the last call. `ceiling`: what the link bears as far as is known otherwise; `arrived`: what gets
   * through, bits a second. True when the rate had to fall.
   */
  note(lost: number, packets: number, ceiling: number, arrived: number | undefined, now: number): boolean {
    this.#since ??= now;
    this.#lost += lost;
    this.#packets += packets;
    if (this.#packets < leastPackets || now - this.#since < interval) return false;
    const share = this.#lost / this.#packets;
    this.#usual += (share - this.#usual) * newest;
    const falls = share > fall && this.#usual > fall;
    this.update(falls ? share : Math.min(share, fall), ceiling, arrived);
    this.share = share;
    this.#lost = 0;
    this.#packets = 0;
    this.#since = now;
    return falls;
  }

  update(share: number, ceiling: number, arrived = Infinity): void {
    this.share = share;
    if (share > fall) {
      const fallen = Math.min(this.#rate, arrived * headroom) * (1 - 0.5 * share);
      // What a queue still drops of what was sent before is no reason to fall once more below what comes through.
      this.#rate = Number.isFinite(arrived) ? Math.max(fallen, arrived * floor) : fallen;
    }
    // It has no say while nothing is lost, and begins to fall from where the rate is then.
    else if (share < rise) this.#rate = Math.max(this.#rate * increase, ceiling);
    this.#rate = Math.min(
      this.#bounds.maximum,
      Math.max(this.#bounds.minimum, Math.min(this.#rate, ceiling * increase)),
    );
  }
}
