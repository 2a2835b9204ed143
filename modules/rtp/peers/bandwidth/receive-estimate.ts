import { DelayTrend } from './delay-trend.ts';
import { type RateBounds, RateControl } from './rate-control.ts';
import { RateMeter } from './rate-meter.ts';

/** abs-send-time: 24 bits of 2^-18 s. */
const cycle = 2 ** 24;
const tick = 1e6 / 2 ** 18;
const usualRoundTrip = 100_000;

/**
 * How much the way from a publisher bears, for those who cannot find out themselves: the same controller at the receiver's end
 * (draft-ietf-rmcat-gcc-02 3, the second way), which is told by REMB.
 */
export class ReceiveEstimate {
  readonly #trend = new DelayTrend();
  readonly #arrived = new RateMeter();
  readonly #control: RateControl;
  #last: number | undefined;

  constructor(start: number, bounds: RateBounds) {
    this.#control = new RateControl(start, bounds);
  }

  /** Bits a second. */
  get rate(): number {
    return this.#control.rate;
  }

  /** `sendTime` is the value of the extension; `arrival` in µs. */
  note(sendTime: number, arrival: number, bytes: number): void {
    const last = this.#last ?? sendTime;
    let ahead = (sendTime - (last % cycle) + cycle) % cycle;
    if (ahead >= cycle / 2) ahead -= cycle;
    const unwrapped = Math.max(0, last + ahead);
    this.#last = Math.max(last, unwrapped);
    this.#trend.note(unwrapped * tick, arrival);
    this.#arrived.note(arrival, bytes);
  }

  update(now: number): void {
    const { rate: arrived, peak } = this.#arrived;
    this.#control.update(this.#trend.signal, { arrived, peak }, now, usualRoundTrip);
  }
}
