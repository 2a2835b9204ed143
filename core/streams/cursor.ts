import type { Track } from './track.ts';
import type { QueuedUnit } from './track-log.ts';

/** A subscriber's place in one track's log. */
export class Cursor {
  readonly track: Track;
  /** Position of the next unit to read. */
  position = 0;
  /** Waits for a keyframe, its own or that of the video beside it. */
  skipping = false;
  /** Has got its first position. */
  placed = false;

  constructor(track: Track) {
    this.track = track;
  }

  /** The next unit, when it is there already. A place that the log has let go of counts as its oldest one. */
  get head(): QueuedUnit | undefined {
    const log = this.track.log;
    if (this.position < log.start) this.position = log.start;
    return log.find(this.position);
  }

  /** Media time from `position` to the newest unit, in µs. */
  lagFrom(position: number): number {
    const log = this.track.log;
    const from = log.find(position);
    const newest = log.newest;
    return from === undefined || newest === undefined ? 0 : newest.unit.dts - from.unit.dts;
  }

  /** Bytes from `position` on. */
  bytesFrom(position: number): number {
    const log = this.track.log;
    const from = log.find(position);
    return from === undefined ? 0 : log.totalBytes - from.bytesBefore;
  }
}
