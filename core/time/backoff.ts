import { type Micros, micros } from './micros.ts';

/** Pauses between attempts: doubling, bounded, and scattered, so that a thousand relays do not come back at one moment. */
export class Backoff {
  readonly #first: Micros;
  readonly #longest: Micros;
  readonly #random: () => number;
  #failures = 0;

  /** `random` gives numbers from 0 to below 1. */
  constructor(settings: { first: Micros; longest: Micros }, dependencies: { random: () => number }) {
    this.#first = settings.first;
    this.#longest = settings.longest;
    this.#random = dependencies.random;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** The pause after one more failure: from three quarters to five quarters of the doubled one. */
  fail(): Micros {
    const doubled = Math.min(this.#longest, this.#first * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return micros(doubled * (0.75 + this.#random() / 2));
  }

  succeed(): void {
    this.#failures = 0;
  }
}
