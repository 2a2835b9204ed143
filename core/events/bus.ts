import type { Scope } from '../lifecycle/scope.ts';

/** A typed kind of event, as a value: something that has happened, in the past tense; it cannot refuse. */
export interface EventKind<T> {
  readonly name: string;
  /** Carries the type alone. */
  readonly __detail?: T;
}

export function event<T>(name: `${string}:${string}`): EventKind<T> {
  return { name };
}

export type Listener<T> = (detail: T) => void;
export type Watcher = (name: string, detail: unknown) => void;

/** Says what happened. A listener that throws hurts nobody else; `onFailure` hears of it. */
export class EventBus {
  readonly #listeners = new Map<string, Set<{ hear: Listener<never> }>>();
  readonly #watchers = new Set<{ hear: Watcher }>();
  readonly #onFailure: (name: string, error: unknown) => void;

  constructor(onFailure: (name: string, error: unknown) => void = () => undefined) {
    this.#onFailure = onFailure;
  }

  /** Hears every event of `kind` until the scope ends. */
  on<T>(kind: EventKind<T>, scope: Scope, listener: Listener<T>): void {
    if (scope.closed) return;
    const entry = { hear: listener as Listener<never> };
    const set = this.#listeners.get(kind.name) ?? new Set();
    this.#listeners.set(kind.name, set);
    set.add(entry);
    scope.defer(() => {
      set.delete(entry);
      if (set.size === 0) this.#listeners.delete(kind.name);
    });
  }

  /** Hears everything: for metrics, audit and hooks. */
  watch(scope: Scope, watcher: Watcher): void {
    if (scope.closed) return;
    const entry = { hear: watcher };
    this.#watchers.add(entry);
    scope.defer(() => {
      this.#watchers.delete(entry);
    });
  }

  /** The next event of `kind` that `matches`; rejects never, resolves `undefined` when the scope ends first. */
  next<T>(kind: EventKind<T>, scope: Scope, matches: (detail: T) => boolean = () => true): Promise<T | undefined> {
    return new Promise((resolve) => {
      const wait = scope.child(`waiting for ${kind.name}`);
      wait.defer(() => resolve(undefined));
      this.on(kind, wait, (detail) => {
        if (!matches(detail)) return;
        resolve(detail);
        void wait.close({ code: 'done' });
      });
    });
  }

  emit<T>(kind: EventKind<T>, detail: T): void {
    const set = this.#listeners.get(kind.name);
    if (set !== undefined) {
      for (const entry of [...set]) {
        this.#tell(kind.name, () => (entry.hear as Listener<T>)(detail));
      }
    }
    for (const entry of [...this.#watchers]) {
      this.#tell(kind.name, () => entry.hear(kind.name, detail));
    }
  }

  #tell(name: string, tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#onFailure(name, error);
    }
  }
}
