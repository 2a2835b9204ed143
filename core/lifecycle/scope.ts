import type { CloseReason } from './close-reason.ts';

export type Cleanup = (reason: CloseReason) => void | Promise<void>;
/** Takes a deferred cleanup back without running it. */
export type Release = () => void;

/** Counts the open scopes of one tree; a server at rest returns to its base line. */
export interface ScopeCensus {
  open: number;
  onFailure: (scope: string, error: unknown) => void;
}

/**
 * A lifetime in the tree server > module > session > publication or subscription. Whoever opens a thing defers its
 * closing on the next line; nobody calls `off()` or `clearTimeout()`.
 */
export class Scope {
  readonly name: string;
  readonly #census: ScopeCensus;
  readonly #cleanups = new Set<{ run: Cleanup }>();
  #reason: CloseReason | undefined;
  #ended: Promise<void> | undefined;
  #abort: AbortController | undefined;

  private constructor(name: string, census: ScopeCensus) {
    this.name = name;
    this.#census = census;
    census.open += 1;
  }

  /** A tree of its own. `onFailure` hears of cleanups that threw. */
  static root(name: string, onFailure: (scope: string, error: unknown) => void = () => undefined): Scope {
    return new Scope(name, { open: 0, onFailure });
  }

  /** Set as soon as closing begins. */
  get reason(): CloseReason | undefined {
    return this.#reason;
  }

  get closed(): boolean {
    return this.#reason !== undefined;
  }

  /** The open scopes of the whole tree, this one included. */
  get openScopes(): number {
    return this.#census.open;
  }

  /** For calls that take an AbortSignal; aborted when the scope closes. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      this.#abort = abort;
      this.defer((reason) => abort.abort(reason));
    }
    return this.#abort.signal;
  }

  /** Runs `cleanup` when the scope closes, newest first; at once when it is closed already. */
  defer(cleanup: Cleanup): Release {
    if (this.#reason !== undefined) {
      const pending = this.#attempt(cleanup, this.#reason);
      if (pending !== undefined) this.#ended = Promise.all([this.#ended, pending]).then(() => undefined);
      return () => undefined;
    }
    const entry = { run: cleanup };
    this.#cleanups.add(entry);
    return () => this.#cleanups.delete(entry);
  }

  /** A lifetime inside this one: it closes with it, or before. A child of a closed scope is born closed. */
  child(name: string): Scope {
    const child = new Scope(name, this.#census);
    const release = this.defer((reason) => child.close(reason));
    child.defer(release);
    return child;
  }

  /**
   * Ends the lifetime: idempotent, newest cleanup first, never rejects. Marked closed before any cleanup runs, so a
   * cleanup may close its own scope. Cleanups run synchronously until one returns a promise; the older ones wait for it.
   */
  close(reason: CloseReason): Promise<void> {
    if (this.#reason !== undefined) return this.#ended ?? Promise.resolve();
    this.#reason = reason;
    this.#census.open -= 1;
    const newestFirst = [...this.#cleanups].reverse();
    this.#cleanups.clear();
    const pending = this.#runFrom(newestFirst, 0, reason);
    if (pending !== undefined) this.#ended = pending;
    return pending ?? Promise.resolve();
  }

  #runFrom(entries: readonly { run: Cleanup }[], from: number, reason: CloseReason): Promise<void> | undefined {
    for (let index = from; index < entries.length; index += 1) {
      const entry = entries[index];
      const pending = entry === undefined ? undefined : this.#attempt(entry.run, reason);
      if (pending !== undefined) return pending.then(() => this.#runFrom(entries, index + 1, reason));
    }
    return undefined;
  }

  /** Runs one cleanup; its failure is reported and hurts no other. */
  #attempt(cleanup: Cleanup, reason: CloseReason): Promise<void> | undefined {
    try {
      const result = cleanup(reason);
      return result instanceof Promise ? result.catch((error: unknown) => this.#fail(error)) : undefined;
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #fail(error: unknown): void {
    this.#census.onFailure(this.name, error);
  }
}
