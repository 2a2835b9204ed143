import type { LinkSignal } from './delay-trend.ts';

export interface RateBounds {
  /** Bits a second. */
  readonly minimum: number;
  readonly maximum: number;
}

/** draft-ietf-rmcat-gcc-02 5.5: beta, the factor of increase in a second, and the cap over what arrives. */
const decrease = 0.85;
const increasePerSecond = 1.08;
const capFactor = 1.5;
/** 5.5: so long after a packet more of them shows its effect, ms, with the round trip on top. */
const reactionTime = 100;
const packetBits = 1_200 * 8;
/** The rate at which a link was full is known within this many standard deviations: 5.5. */
const deviations = 3;
const averaging = 0.05;
const leastVariance = 0.4;
const largestVariance = 2.5;

/** The delay-based controller: rises while queues are short, falls to less than what arrives as soon as they grow. */
export class RateControl {
  readonly #bounds: RateBounds;
  #rate: number;
  #state: 'increase' | 'decrease' | 'hold' = 'increase';
  #updatedAt: number | undefined;
  #reducedAt = -Infinity;
  /** Mean of what arrived when the link was full, kbit/s, and its variance, a share of it. Undefined: not known. */
  #full: number | undefined;
  #variance = leastVariance;

  constructor(start: number, bounds: RateBounds) {
    this.#bounds = bounds;
    this.#rate = this.#bounded(start);
  }

  /** Bits a second. */
  get rate(): number {
    return this.#rate;
  }

  /** Somebody else found out. */
  assume(rate: number): void {
    this.#rate = this.#bounded(rate);
  }

  /** `arrived` is the bit rate that came through, `peak` that of the last moment; `now` and `roundTrip` in µs. */
  update(
    signal: LinkSignal,
    { arrived, peak }: { readonly arrived: number | undefined; readonly peak: number | undefined },
    now: number,
    roundTrip: number,
  ): void {
    const passed = Math.min(1, (now - (this.#updatedAt ?? now)) / 1e6);
    this.#updatedAt = now;
    this.#change(signal);
    if (this.#state === 'increase') this.#increase(arrived, passed, roundTrip);
    else if (this.#state === 'decrease') this.#decrease(peak, now, roundTrip);
  }

  /** 5.5: the table of states and signals. */
  #change(signal: LinkSignal): void {
    if (signal === 'overuse') this.#state = 'decrease';
    else if (signal === 'underuse') this.#state = 'hold';
    else this.#state = this.#state === 'decrease' ? 'hold' : 'increase';
  }

  #increase(arrived: number | undefined, passed: number, roundTrip: number): void {
    // The link has become wider: what was known of it is void.
    if (arrived !== undefined && arrived / 1_000 > (this.#full ?? Infinity) + this.#spread) this.#full = undefined;
    let next = this.#rate;
    if (this.#full === undefined) next *= increasePerSecond ** passed;
    else {
      const response = reactionTime + roundTrip / 1_000;
      next += Math.max(1_000 * passed, 0.5 * ((passed * 1_000) / response) * packetBits);
    }
    // 5.5: not much more than what comes through, which says nothing of what lies above it. What was reached stays.
    const cap = arrived === undefined ? this.#rate : Math.max(this.#rate, capFactor * arrived);
    next = Math.min(next, cap);
    // What comes through without a queue is there for sure.
    if (arrived !== undefined && arrived > next) next = arrived;
    this.#rate = this.#bounded(next);
  }

  #decrease(arrived: number | undefined, now: number, roundTrip: number): void {
    const pause = Math.min(200_000, Math.max(10_000, roundTrip));
    const far = arrived !== undefined && arrived < 0.5 * this.#rate;
    if (now - this.#reducedAt < pause && !far) return;
    this.#reducedAt = now;
    if (arrived === undefined) {
      this.#rate = this.#bounded(this.#rate * decrease);
      return;
    }
    this.#learnFull(arrived);
    this.#rate = this.#bounded(Math.min(this.#rate, decrease * arrived));
  }

  #learnFull(rate: number): void {
    const arrived = rate / 1_000;
    const full = this.#full;
    if (full === undefined || arrived < full - this.#spread) {
      this.#full = arrived;
      this.#variance = leastVariance;
      return;
    }
    const error = arrived - full;
    this.#full = full + averaging * error;
    const variance = (1 - averaging) * this.#variance + (averaging * error * error) / Math.max(1, this.#full);
    this.#variance = Math.min(largestVariance, Math.max(leastVariance, variance));
  }

  get #spread(): number {
    return deviations * Math.sqrt(this.#variance * (this.#full ?? 0));
  }

  #bounded(rate: number): number {
    return Math.min(this.#bounds.maximum, Math.max(this.#bounds.minimum, rate));
  }
}
