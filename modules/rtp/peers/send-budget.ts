import { type Micros, micros, millis } from '../../../core/time/micros.ts';

/** What may leave in one go: an ordinary picture of a link that is far from full leaves at once, without a timer. */
const burst = millis(20);
const leastBurst = 6_000;

/** A bucket of bytes that fills at a rate: how much may go out now. What must not wait is spent too, and makes it a debt. */
export class SendBudget {
  /** Bits a second. */
  #rate: number;
  #level: number;
  #at: Micros;

  constructor(rate: number, now: Micros) {
    this.#rate = rate;
    this.#at = now;
    this.#level = this.#most;
  }

  get rate(): number {
    return this.#rate;
  }

  set rate(rate: number) {
    this.#rate = rate;
    this.#level = Math.min(this.#level, this.#most);
  }

  get open(): boolean {
    return this.#level > 0;
  }

  refill(now: Micros): void {
    this.#level = Math.min(this.#most, this.#level + ((now - this.#at) * this.#rate) / 8e6);
    this.#at = now;
  }

  spend(bytes: number): void {
    this.#level -= bytes;
  }

  /** Until half of the bucket is full again. */
  get pause(): Micros {
    const missing = this.#most / 2 - this.#level;
    return micros(Math.min(100_000, Math.max(1_000, (missing * 8e6) / this.#rate)));
  }

  get #most(): number {
    return Math.max(leastBurst, (this.#rate * burst) / 8e6);
  }
}
