import type { Buffer } from 'node:buffer';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { afterIn, type Cancel, type Clock } from '../../core/time/clock.ts';
import type { Micros } from '../../core/time/micros.ts';

/** Packets that may wait at one time where nothing else is told: a second of 5 Mbit/s. */
const usualCapacity = 512;

export interface ReorderSettings {
  /** How long a gap is waited for. 0: not at all, as on a connection that keeps order itself. */
  readonly wait: Micros;
  /** Packets that may wait at one time; a power of two. */
  readonly capacity?: number;
}

export interface ReorderDependencies {
  readonly clock: Clock;
  readonly scope: Scope;
  /** Gets every packet in order. */
  readonly release: (bytes: Buffer) => void;
  /** Hears of packets that are given up. */
  readonly lose: (count: number) => void;
}

/** Puts packets in order, waiting for what is missing as long as it is of use. Sequence numbers are unwrapped. */
export class ReorderBuffer {
  #wait: Micros;
  readonly #capacity: number;
  readonly #clock: Clock;
  readonly #scope: Scope;
  readonly #release: (bytes: Buffer) => void;
  readonly #lose: (count: number) => void;
  readonly #slots: (Buffer | undefined)[] = [];
  /** When each that is held showed that something in front of it is missing, µs. */
  readonly #noticed: number[] = [];
  #next: number | undefined;
  #newest = 0;
  #held = 0;
  #cancel: Cancel | undefined;
  duplicates = 0;
  reordered = 0;

  constructor(settings: ReorderSettings, dependencies: ReorderDependencies) {
    this.#wait = settings.wait;
    this.#capacity = settings.capacity ?? usualCapacity;
    this.#clock = dependencies.clock;
    this.#scope = dependencies.scope;
    this.#release = dependencies.release;
    this.#lose = dependencies.lose;
  }

  get held(): number {
    return this.#held;
  }

  /** The packet that is waited for: the next to be released. Undefined before the first. */
  get next(): number | undefined {
    return this.#next;
  }

  /** How long the gaps to come are waited for. */
  set wait(wait: Micros) {
    this.#wait = wait;
  }

  push(sequence: number, bytes: Buffer): void {
    const next = this.#next ?? sequence;
    if (sequence < next) {
      this.duplicates += 1;
      return;
    }
    if (sequence === next && this.#held === 0) {
      this.#next = next + 1;
      this.#release(bytes);
      return;
    }
    this.#next = next;
    if (this.#wait === 0 || sequence - next >= this.#capacity) {
      this.#giveUpTo(sequence);
      this.#next = sequence + 1;
      this.#release(bytes);
      return;
    }
    this.#hold(sequence, bytes);
  }

  /** Everything that is held goes out, gaps or not. */
  flush(): void {
    if (this.#held > 0) this.#giveUpTo(this.#newest + 1);
  }

  /** Begins anew: another source. */
  reset(): void {
    this.#slots.length = 0;
    this.#held = 0;
    this.#next = undefined;
    this.#disarm();
  }

  #hold(sequence: number, bytes: Buffer): void {
    const slot = sequence & (this.#capacity - 1);
    if (this.#slots[slot] !== undefined) {
      this.duplicates += 1;
      return;
    }
    const late = this.#held > 0 && sequence < this.#newest;
    if (late) this.reordered += 1;
    else this.#newest = sequence;
    this.#slots[slot] = bytes;
    // What comes late into a gap does not make the rest of the gap younger.
    this.#noticed[slot] = late ? this.#noticedAfter(sequence) : this.#clock.now();
    this.#held += 1;
    this.#releaseReady();
    this.#arm();
  }

  #releaseReady(): void {
    let progress = false;
    while (this.#held > 0) {
      const slot = (this.#next ?? 0) & (this.#capacity - 1);
      const bytes = this.#slots[slot];
      if (bytes === undefined) break;
      this.#slots[slot] = undefined;
      this.#held -= 1;
      this.#next = (this.#next ?? 0) + 1;
      progress = true;
      this.#release(bytes);
    }
    if (progress) this.#disarm();
  }

  /** When the gap in front of the next packet that is held showed. */
  #noticedAfter(sequence: number): number {
    let at = sequence + 1;
    while (at < this.#newest && this.#slots[at & (this.#capacity - 1)] === undefined) at += 1;
    return this.#noticed[at & (this.#capacity - 1)] ?? 0;
  }

  /** Each gap is waited for from the moment at which it showed, not one after the other. */
  #arm(): void {
    if (this.#held === 0 || this.#cancel !== undefined) return;
    const left = this.#noticedAfter((this.#next ?? 0) - 1) + this.#wait - this.#clock.now();
    this.#cancel = afterIn(this.#scope, this.#clock, Math.max(0, left) as Micros, () => this.#giveUpGap());
  }

  /** The oldest gap has been waited for long enough. */
  #giveUpGap(): void {
    this.#cancel = undefined;
    if (this.#held === 0) return;
    this.#passGap();
    this.#arm();
  }

  #passGap(): void {
    let lost = 0;
    while (this.#slots[(this.#next ?? 0) & (this.#capacity - 1)] === undefined) {
      this.#next = (this.#next ?? 0) + 1;
      lost += 1;
    }
    if (lost > 0) this.#lose(lost);
    this.#releaseReady();
  }

  #giveUpTo(sequence: number): void {
    this.#disarm();
    while (this.#held > 0) this.#passGap();
    const rest = sequence - (this.#next ?? sequence);
    if (rest > 0) this.#lose(rest);
    this.#next = Math.max(this.#next ?? sequence, sequence);
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
