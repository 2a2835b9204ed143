import type { Cancel, Clock } from './clock.ts';
import type { Micros } from './micros.ts';

interface Alarm {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that moves only when told: for tests, ours and those of third parties' modules. */
export class ManualClock implements Clock {
  readonly #alarms = new Set<Alarm>();
  #now: number;
  #wallOffset: number;
  #order = 0;

  constructor(start = 0, wall = 1_700_000_000_000_000) {
    this.#now = start;
    this.#wallOffset = wall - start;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#alarms.size;
  }

  now(): Micros {
    return this.#now as Micros;
  }

  wallNow(): Micros {
    return (this.#now + this.#wallOffset) as Micros;
  }

  after(delay: Micros, run: () => void): Cancel {
    const alarm: Alarm = { at: this.#now + Math.max(0, delay), order: this.#order, run };
    this.#order += 1;
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** Moves on, running what falls due, in order. */
  advance(by: Micros): void {
    const target = this.#now + by;
    for (let next = this.#findDue(target); next !== undefined; next = this.#findDue(target)) {
      this.#alarms.delete(next);
      this.#now = next.at;
      next.run();
    }
    this.#now = target;
  }

  /** Moves on in steps, letting promises settle between them. */
  async advanceSettling(by: Micros, step = 10_000): Promise<void> {
    for (let left: number = by; left > 0; left -= step) {
      this.advance(Math.min(step, left) as Micros);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Steps the wall clock alone, as an administrator or NTP would. */
  stepWall(by: Micros): void {
    this.#wallOffset += by;
  }

  #findDue(target: number): Alarm | undefined {
    let found: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.at > target) continue;
      if (found === undefined || alarm.at < found.at || (alarm.at === found.at && alarm.order < found.order)) {
        found = alarm;
      }
    }
    return found;
  }
}
