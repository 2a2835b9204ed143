import type { Scope } from '../lifecycle/scope.ts';
import { type Cancel, type Clock, every } from '../time/clock.ts';
import { type Micros, micros, millis, ZERO } from '../time/micros.ts';
import type { Stream, StreamWaiter } from './stream.ts';

/** What viewers that are served at one moment share: the bytes that they all get. */
export interface SharedWrites {
  /** Forgets them: the moment is over. */
  clear(): void;
}

/** Somebody who takes a stream away. */
export interface Viewer<Shared> {
  /** Sends what there is, as far as the peer takes it. */
  flush(shared: Shared): void;
}

export interface PacerSettings<Shared> {
  /** The longest time for which media may be held back; 0 never merges. */
  readonly merge: Micros;
  readonly share: () => Shared;
}

export interface PacerDependencies {
  readonly clock: Clock;
  readonly scope: Scope;
  /** Share of time (0 to 1) that the process has worked since the last call. */
  readonly busyness: () => number;
}

const measureEvery = millis(250);
/** Above this share of work writes are merged for longer, below the other for less. Between the two nothing changes. */
const busyFrom = 0.05;
const calmBelow = 0.02;
const leastInterval = millis(20);
/** Viewers that are served in one go; then the event loop gets its turn. */
const sliceLength = 256;

/**
 * Decides for how long media is held back to be written at once. Fewer, larger writes are what makes a server cheap, so:
 * at once while the process has next to nothing to do, and merged for longer and longer, up to the limit, as it gets
 * busy. Viewers of one stream with one limit are served together, so that they share their bytes.
 */
export class WritePacer<Shared extends SharedWrites> {
  readonly #limit: Micros;
  readonly #share: () => Shared;
  readonly #clock: Clock;
  readonly #groups = new Map<Stream, Map<number, ViewerGroup<Shared>>>();
  #interval = 0;
  #load = 0;

  constructor(settings: PacerSettings<Shared>, dependencies: PacerDependencies) {
    this.#limit = settings.merge;
    this.#share = settings.share;
    this.#clock = dependencies.clock;
    if (settings.merge > 0) {
      every(dependencies.scope, dependencies.clock, measureEvery, () => this.#adapt(dependencies.busyness()));
    }
  }

  /** The interval in force for those without a limit of their own. */
  get interval(): Micros {
    return micros(this.#interval);
  }

  /** Serves `viewer` whenever `stream` has something new, until the scope ends; never later than `limit` after. */
  join(stream: Stream, viewer: Viewer<Shared>, limit: Micros, scope: Scope): void {
    const ofStream = this.#groups.get(stream) ?? new Map<number, ViewerGroup<Shared>>();
    this.#groups.set(stream, ofStream);
    const known = ofStream.get(limit);
    const interval = (): number => Math.min(this.#interval, limit);
    const group = known ?? new ViewerGroup(stream, this.#share(), { clock: this.#clock, interval });
    if (known === undefined) ofStream.set(limit, group);
    group.add(viewer);
    scope.defer(() => {
      if (!group.remove(viewer)) return;
      ofStream.delete(limit);
      if (ofStream.size === 0) this.#groups.delete(stream);
    });
  }

  #adapt(busyness: number): void {
    this.#load += (busyness - this.#load) / 2;
    if (this.#load > busyFrom) this.#interval = Math.min(this.#limit, Math.max(leastInterval, this.#interval * 2));
    else if (this.#load < calmBelow) this.#interval = this.#interval <= leastInterval ? 0 : this.#interval * 0.7;
  }
}

/** The viewers of one stream that are served at the same moments. */
class ViewerGroup<Shared extends SharedWrites> implements StreamWaiter {
  readonly #stream: Stream;
  readonly #shared: Shared;
  readonly #clock: Clock;
  readonly #interval: () => number;
  readonly #viewers = new Set<Viewer<Shared>>();
  /** Registered with the stream, waiting for its pulse, or serving. */
  #state: 'resting' | 'waiting' | 'due' = 'resting';
  #cancel: Cancel = () => undefined;

  constructor(stream: Stream, shared: Shared, dependencies: { clock: Clock; interval: () => number }) {
    this.#stream = stream;
    this.#shared = shared;
    this.#clock = dependencies.clock;
    this.#interval = dependencies.interval;
  }

  add(viewer: Viewer<Shared>): void {
    this.#viewers.add(viewer);
    if (this.#state === 'resting') this.#wait();
  }

  /** Whether that was the last one. */
  remove(viewer: Viewer<Shared>): boolean {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return false;
    this.#cancel();
    return true;
  }

  /** The stream has something new, or has ended. */
  wake(): void {
    if (this.#viewers.size === 0) {
      this.#state = 'resting';
      return;
    }
    this.#state = 'due';
    const interval = this.#interval();
    // A microtask, so that all units of one read of the publisher's socket go into one write.
    if (interval <= ZERO) queueMicrotask(() => this.#serve());
    else this.#cancel = this.#clock.after(micros(interval), () => this.#serve());
  }

  #wait(): void {
    this.#state = 'waiting';
    this.#stream.addWaiter(this);
  }

  #serve(): void {
    this.#serveFrom([...this.#viewers], 0);
  }

  #serveFrom(viewers: readonly Viewer<Shared>[], from: number): void {
    const to = Math.min(viewers.length, from + sliceLength);
    for (let index = from; index < to; index += 1) viewers[index]?.flush(this.#shared);
    if (to < viewers.length) {
      setImmediate(() => this.#serveFrom(viewers, to));
      return;
    }
    this.#shared.clear();
    if (this.#viewers.size > 0) this.#wait();
    else this.#state = 'resting';
  }
}
