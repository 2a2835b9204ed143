import type { Scope } from '../lifecycle/scope.ts';
import { type Cancel, type Clock, every } from '../time/clock.ts';
import { type Micros, micros, millis } from '../time/micros.ts';
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
const busyFrom = 0.03;
const calmBelow = 0.012;
const leastInterval = millis(20);
/** Up to this interval a picture is sent at once, and sound waits to travel with the next one. */
const pictureFirst = millis(40);
/** Above this share of work even pictures wait, for those who allow it; below the other they go at once again. */
const heavyFrom = 0.7;
const lighterBelow = 0.25;
/** Viewers that are served in one go; then the event loop gets its turn. */
const sliceLength = 256;

/** How a group is to be served now. */
interface Pace {
  readonly interval: number;
  /** The next picture ends the wait. */
  readonly atPictures: boolean;
}

/**
 * Decides for how long media is held back to be written at once. Fewer, larger writes are what makes a server cheap, so:
 * at once while the process has next to nothing to do; as it gets busy, sound together with the next picture, which more
 * than halves the writes and delays no picture; then merged for longer and longer, up to the limit. Viewers of one stream with one limit are served together, so that they share their bytes.
 */
export class WritePacer<Shared extends SharedWrites> {
  readonly #limit: Micros;
  readonly #share: () => Shared;
  readonly #clock: Clock;
  readonly #groups = new Map<Stream, Map<number, ViewerGroup<Shared>>>();
  #interval = 0;
  #load = 0;
  #heavy = false;

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
    const pace = (): Pace => this.#paceFor(limit);
    const group = known ?? new ViewerGroup(stream, this.#share(), { clock: this.#clock, pace });
    if (known === undefined) ofStream.set(limit, group);
    group.add(viewer);
    scope.defer(() => {
      if (!group.remove(viewer)) return;
      ofStream.delete(limit);
      if (ofStream.size === 0) this.#groups.delete(stream);
    });
  }

  #paceFor(limit: Micros): Pace {
    const interval = Math.min(this.#interval, limit);
    return { interval, atPictures: interval <= pictureFirst && !this.#heavy };
  }

  #adapt(busyness: number): void {
    this.#load += (busyness - this.#load) / 2;
    this.#heavy = this.#load > (this.#heavy ? lighterBelow : heavyFrom);
    if (this.#load > busyFrom) this.#interval = Math.min(this.#limit, Math.max(leastInterval, this.#interval * 2));
    else if (this.#load < calmBelow) this.#interval = this.#interval <= leastInterval ? 0 : this.#interval * 0.7;
  }
}

/** The viewers of one stream that are served at the same moments. */
class ViewerGroup<Shared extends SharedWrites> implements StreamWaiter {
  readonly #stream: Stream;
  readonly #shared: Shared;
  readonly #clock: Clock;
  readonly #pace: () => Pace;
  readonly #viewers = new Set<Viewer<Shared>>();
  /** Waiting for something new; holding it back until a timer or a picture; serving, or about to. */
  #state: 'waiting' | 'holding' | 'serving' = 'waiting';
  #registered = false;
  /** Something came, or the stream ended, while viewers were being served. */
  #missed = false;
  /** Where the stream's pictures stood when they were last served. */
  #served = 0;
  #cancel: Cancel = () => undefined;

  constructor(stream: Stream, shared: Shared, dependencies: { clock: Clock; pace: () => Pace }) {
    this.#stream = stream;
    this.#shared = shared;
    this.#clock = dependencies.clock;
    this.#pace = dependencies.pace;
  }

  add(viewer: Viewer<Shared>): void {
    this.#viewers.add(viewer);
    this.#register();
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
    this.#registered = false;
    if (this.#state === 'serving') this.#missed = true;
    else this.#consider();
  }

  #consider(): void {
    if (this.#viewers.size === 0) return;
    const { interval, atPictures } = this.#pace();
    const ended = this.#stream.endReason !== undefined;
    if (interval <= 0 || ended || (atPictures && this.#pictures !== this.#served)) {
      this.#cancel();
      this.#state = 'serving';
      // A microtask, so that all units of one read of the publisher's socket go into one write.
      queueMicrotask(() => this.#serve());
      return;
    }
    if (this.#state === 'waiting') {
      this.#state = 'holding';
      this.#cancel = this.#clock.after(micros(interval), () => this.#serve());
    }
    // Otherwise the timer alone decides: no need to hear of every unit.
    if (atPictures) this.#register();
  }

  get #pictures(): number {
    return this.#stream.findTrack('video')?.log.end ?? 0;
  }

  #register(): void {
    if (this.#registered) return;
    this.#registered = true;
    this.#stream.addWaiter(this);
  }

  #serve(): void {
    this.#state = 'serving';
    this.#served = this.#pictures;
    this.#missed = false;
    this.#register();
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
    this.#state = 'waiting';
    if (this.#missed) this.#consider();
  }
}
