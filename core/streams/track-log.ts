import type { AccessUnit } from '../media/access-unit.ts';
import type { Track } from './track.ts';

/** A unit in line for subscribers: shared by all of them, so a queue is a place in the log. */
export interface QueuedUnit {
  readonly unit: AccessUnit;
  readonly track: Track;
  /** Rises over all tracks of a stream, in the order of arrival. */
  readonly order: number;
  /** Bytes of the track before this unit, since the stream began. */
  readonly bytesBefore: number;
}

/** Growing by doubling and dropping from the front in batches keeps both ends at constant cost. */
const compactAfter = 256;

/**
 * The recent units of one track, oldest first, by a position that only ever grows. Subscribers hold positions, not
 * units: a thousand of them, stalled or not, cost the memory of one queue.
 */
export class TrackLog {
  #entries: (QueuedUnit | undefined)[] = [];
  /** Position of `#entries[0]`. */
  #base = 0;
  /** Oldest position kept. */
  #first = 0;
  #keyframes: number[] = [];
  #totalBytes = 0;

  /** Position that the next unit will get. */
  get end(): number {
    return this.#base + this.#entries.length;
  }

  /** Oldest position that can still be read. */
  get start(): number {
    return this.#first;
  }

  /** Bytes written since the stream began. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Bytes kept now. */
  get keptBytes(): number {
    const oldest = this.find(this.#first);
    return oldest === undefined ? 0 : this.#totalBytes - oldest.bytesBefore;
  }

  get newest(): QueuedUnit | undefined {
    return this.#entries[this.#entries.length - 1];
  }

  find(position: number): QueuedUnit | undefined {
    return position < this.#first ? undefined : this.#entries[position - this.#base];
  }

  append(unit: AccessUnit, track: Track, order: number): void {
    if (unit.keyframe && track.kind === 'video') this.#keyframes.push(this.end);
    this.#entries.push({ unit, track, order, bytesBefore: this.#totalBytes });
    this.#totalBytes += unit.size;
  }

  /** Position of the newest keyframe kept; of an audio track its newest unit. */
  findNewestKeyframe(kind: 'video' | 'audio'): number | undefined {
    if (kind === 'audio') return this.end > this.#first ? this.end - 1 : undefined;
    return this.#keyframes[this.#keyframes.length - 1];
  }

  /** Position of the first keyframe at or after `position`. */
  findKeyframeFrom(position: number): number | undefined {
    return this.#keyframes.find((keyframe) => keyframe >= position);
  }

  /** Position of the first unit presented at `pts` or later, looked for from the newest end. */
  findFrom(pts: number): number {
    let position = this.end;
    while (position > this.#first) {
      const before = this.find(position - 1);
      if (before === undefined || before.unit.pts < pts) break;
      position -= 1;
    }
    return position;
  }

  /** Lets go of everything before `position`. */
  trimBefore(position: number): void {
    const first = Math.min(Math.max(position, this.#first), this.end);
    for (let index = this.#first - this.#base; index < first - this.#base; index += 1) {
      this.#entries[index] = undefined;
    }
    this.#first = first;
    if (this.#keyframes.length > 0 && (this.#keyframes[0] ?? 0) < first) {
      this.#keyframes = this.#keyframes.filter((keyframe) => keyframe >= first);
    }
    if (first - this.#base >= compactAfter) {
      this.#entries = this.#entries.slice(first - this.#base);
      this.#base = first;
    }
  }
}
