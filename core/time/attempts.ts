import type { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { type Micros, micros, ZERO } from './micros.ts';

/** How something that connects again and again is doing. */
export interface AttemptsReport {
  /** `waiting`: until it is wanted, or for the next attempt. */
  readonly state: 'waiting' | 'connecting' | 'running';
  /** Attempts that failed since the last one that succeeded. */
  readonly failures: number;
  readonly lastError: string | undefined;
}

/** Counts the attempts of something that connects again and again, and says how long to wait before the next. */
export class Attempts {
  readonly #backoff: Backoff;
  readonly #clock: Clock;
  #state: AttemptsReport['state'] = 'waiting';
  #lastError: string | undefined;
  #pause: Micros = ZERO;
  #notBefore: Micros = ZERO;

  constructor(dependencies: { readonly backoff: Backoff; readonly clock: Clock }) {
    this.#backoff = dependencies.backoff;
    this.#clock = dependencies.clock;
  }

  /** An attempt begins. */
  begin(): void {
    this.#state = 'connecting';
  }

  succeed(): void {
    this.#state = 'running';
    this.#backoff.succeed();
  }

  /** It is over; that may be no failure. */
  wait(): void {
    this.#state = 'waiting';
  }

  fail(why: string): void {
    this.#state = 'waiting';
    this.#pause = this.#backoff.fail();
    this.#lastError = why;
    this.#notBefore = micros(this.#clock.now() + this.#pause);
  }

  /** How long to wait after the last failure. */
  get pause(): Micros {
    return this.#pause;
  }

  /** What is left of the pause: 0 when it is over. */
  get remaining(): Micros {
    return this.#pause === 0 ? ZERO : micros(Math.max(0, this.#notBefore - this.#clock.now()));
  }

  get report(): AttemptsReport {
    return { state: this.#state, failures: this.#backoff.failures, lastError: this.#lastError };
  }
}
