import type { QueuedUnit } from '../../../core/streams/track-log.ts';

/** Pictures that wait for room on the way to one viewer, oldest first. The first of them may have been sent in part. */
export class PictureQueue {
  #units: QueuedUnit[] = [];
  /** When each was taken in, our monotonic time. */
  #times: number[] = [];

  get length(): number {
    return this.#units.length;
  }

  get first(): QueuedUnit | undefined {
    return this.#units[0];
  }

  /** Bytes of all that wait. */
  get bytes(): number {
    let bytes = 0;
    for (const { unit } of this.#units) bytes += unit.size;
    return bytes;
  }

  /** How long the first has waited, µs. */
  waited(now: number): number {
    return now - (this.#times[0] ?? now);
  }

  push(unit: QueuedUnit, now: number): void {
    this.#units.push(unit);
    this.#times.push(now);
  }

  shift(): void {
    this.#units.shift();
    this.#times.shift();
  }

  /**
   * Lets go of everything from `from` on up to the newest keyframe behind it; of everything when there is none. Gives what was let
   * go of.
   */
  skip(from: number): readonly QueuedUnit[] {
    let to = this.#units.length;
    for (let index = this.#units.length - 1; index >= Math.max(from, 1); index -= 1) {
      if (this.#units[index]?.unit.keyframe !== true) continue;
      to = index;
      break;
    }
    this.#times.splice(from, to - from);
    return this.#units.splice(from, to - from);
  }

  /** Lets go of everything from `from` on. */
  drop(from: number): readonly QueuedUnit[] {
    this.#times.length = Math.min(this.#times.length, from);
    return this.#units.splice(from);
  }

  clear(): void {
    this.#units = [];
    this.#times = [];
  }
}
