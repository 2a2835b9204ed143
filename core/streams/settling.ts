import type { Scope } from '../lifecycle/scope.ts';
import { afterIn, type Clock } from '../time/clock.ts';
import type { StreamSettings } from './stream-settings.ts';
import type { MediaKind } from './track.ts';

/**
 * Whether a stream's tracks are known. It has settled when all that the publisher announced are there, when both kinds
 * are, or a moment after the first: so that a subscriber gets the whole stream and not what happened to come first.
 */
export class Settling {
  readonly #settings: Pick<StreamSettings, 'settle' | 'mediaTimeout'>;
  readonly #clock: Clock;
  readonly #scope: Scope;
  readonly #seen = new Set<MediaKind>();
  #expected: readonly MediaKind[] | undefined;
  #settled = false;
  #armed = false;
  #waiting: (() => void)[] = [];

  constructor(settings: Pick<StreamSettings, 'settle' | 'mediaTimeout'>, dependencies: { clock: Clock; scope: Scope }) {
    this.#settings = settings;
    this.#clock = dependencies.clock;
    this.#scope = dependencies.scope;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Kinds that the publisher says will come. */
  expect(kinds: readonly MediaKind[] | undefined): void {
    this.#expected = kinds === undefined || kinds.length === 0 ? undefined : kinds;
    this.#check();
  }

  added(kind: MediaKind): void {
    this.#seen.add(kind);
    this.#check();
    if (this.#settled || this.#armed) return;
    this.#armed = true;
    afterIn(this.#scope, this.#clock, this.#settings.settle, () => this.give());
  }

  /** Counts as settled from now on. */
  give(): void {
    this.#settled = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const tell of waiting) tell();
  }

  /** Resolves when settled, with true; false when no media came in time or `scope` ended. */
  wait(scope: Scope): Promise<boolean> {
    if (this.#settled) return Promise.resolve(this.#seen.size > 0);
    return new Promise((resolve) => {
      const answer = (): void => {
        cancel();
        release();
        resolve(this.#seen.size > 0);
      };
      const cancel = afterIn(this.#scope, this.#clock, this.#settings.mediaTimeout, answer);
      const release = scope.defer(answer);
      this.#waiting.push(answer);
    });
  }

  #check(): void {
    if (this.#settled || this.#seen.size === 0) return;
    const complete =
      this.#expected === undefined ? this.#seen.size === 2 : this.#expected.every((kind) => this.#seen.has(kind));
    if (complete) this.give();
  }
}
