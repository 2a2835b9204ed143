import type { Scope } from '../lifecycle/scope.ts';
import { afterIn, type Cancel, type Clock } from '../time/clock.ts';
import { type Micros, micros } from '../time/micros.ts';

export interface KeyframeRequestSettings {
  /** Least time between two requests that reach the publisher. */
  readonly throttle: Micros;
  /** An unanswered request is repeated after this. */
  readonly repeat: Micros;
}

/** Merges the wishes of many viewers for a keyframe into few requests, repeated until one comes. */
export class KeyframeRequests {
  readonly #settings: KeyframeRequestSettings;
  readonly #clock: Clock;
  readonly #scope: Scope;
  readonly #ask: () => void;
  #lastAsked: Micros | undefined;
  #pending = false;
  #cancel: Cancel | undefined;
  /** Requests that reached the publisher. */
  sent = 0;

  constructor(settings: KeyframeRequestSettings, dependencies: { clock: Clock; scope: Scope; ask: () => void }) {
    this.#settings = settings;
    this.#clock = dependencies.clock;
    this.#scope = dependencies.scope;
    this.#ask = dependencies.ask;
  }

  /** Asks now, or when the throttle allows; never lost. */
  request(): void {
    if (this.#pending) return;
    this.#pending = true;
    const since = this.#lastAsked === undefined ? Infinity : this.#clock.now() - this.#lastAsked;
    if (since >= this.#settings.throttle) this.#send();
    else this.#wait(micros(this.#settings.throttle - since));
  }

  /** A keyframe has come. */
  answered(): void {
    this.#pending = false;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #send(): void {
    this.#lastAsked = this.#clock.now();
    this.sent += 1;
    this.#ask();
    if (this.#pending) this.#wait(this.#settings.repeat);
  }

  #wait(delay: Micros): void {
    this.#cancel = afterIn(this.#scope, this.#clock, delay, () => this.#send());
  }
}
