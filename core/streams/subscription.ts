import { SubscriberLagging } from '../events/catalogue.ts';
import type { CloseReason } from '../lifecycle/close-reason.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Session } from '../sessions/session.ts';
import { seconds } from '../time/micros.ts';
import { Cursor } from './cursor.ts';
import type { QueueBounds, SubscribeRequest, TrackWish } from './requests.ts';
import type { Stream } from './stream.ts';
import type { Track } from './track.ts';
import type { QueuedUnit } from './track-log.ts';

export interface SubscriptionCounters {
  units: number;
  bytes: number;
  droppedUnits: number;
  droppedBytes: number;
  /** Times that it had to jump ahead. */
  jumps: number;
}

/** A cached group counts as fresh while it is younger than this. */
const freshEnough = 100_000;
const lagReportInterval = seconds(1);

/**
 * The read handle of a stream: a bounded queue that one reader pulls from. It holds positions in the logs of its tracks.
 * On overflow it jumps ahead, to the newest keyframe that fits or past everything to the next one to come, audio with it;
 * never into the middle of a group of pictures.
 */
export class Subscription implements AsyncIterable<QueuedUnit> {
  readonly stream: Stream;
  readonly session: Session;
  readonly scope: Scope;
  readonly wishes: readonly TrackWish[];
  /** The protocol that carries the media. */
  readonly carrier: string;
  readonly counters: SubscriptionCounters = { units: 0, bytes: 0, droppedUnits: 0, droppedBytes: 0, jumps: 0 };
  readonly #start: NonNullable<SubscribeRequest['start']>;
  readonly #bounds: QueueBounds;
  readonly #cursors: Cursor[] = [];
  /** A long cached group may exceed the bounds while it is being read for the first time. */
  #joinLag = { duration: 0, bytes: 0 };
  #waiter: ((more: boolean) => void) | undefined;
  #waiting: Promise<boolean> | undefined;
  #unreported = { units: 0, bytes: 0 };
  #lastReport = -Infinity;

  constructor(
    stream: Stream,
    details: Pick<Subscription, 'session' | 'scope' | 'wishes'> & {
      start: NonNullable<SubscribeRequest['start']>;
      bounds: QueueBounds;
      carrier?: string | undefined;
    },
  ) {
    this.stream = stream;
    this.session = details.session;
    this.scope = details.scope;
    this.wishes = details.wishes;
    this.carrier = details.carrier ?? details.session.protocol;
    this.#start = details.start;
    this.#bounds = details.bounds;
    this.scope.defer(() => this.#resolveWaiter(false));
  }

  /** What it reads: published tracks or renditions. May grow when the stream gets a track later. */
  get tracks(): readonly Track[] {
    return this.#cursors.map((cursor) => cursor.track);
  }

  /** Why nothing more will come, once that is so. */
  get endReason(): CloseReason | undefined {
    return this.scope.reason ?? (this.#awaitsTail ? undefined : this.stream.endReason);
  }

  /** A transcoder may hold something of a track that is read here. */
  get #awaitsTail(): boolean {
    for (let index = 0; index < this.#cursors.length; index += 1) {
      if (this.#cursors[index]?.track.finishing === true) return true;
    }
    return false;
  }

  /** The next unit in the order of arrival, or undefined when there is none now. */
  pull(): QueuedUnit | undefined {
    if (this.scope.closed) return undefined;
    this.enforceBounds();
    const cursor = this.#findNext();
    const next = cursor?.head;
    if (cursor === undefined || next === undefined) return undefined;
    cursor.position += 1;
    this.counters.units += 1;
    this.counters.bytes += next.unit.size;
    return next;
  }

  /** Resolves true as soon as `pull` would give something, false when nothing will come any more. */
  ready(): Promise<boolean> {
    if (this.scope.closed) return Promise.resolve(false);
    if (this.#findNext() !== undefined) return Promise.resolve(true);
    if (this.endReason !== undefined) return Promise.resolve(false);
    if (this.#waiting === undefined) {
      this.#waiting = new Promise((resolve) => {
        this.#waiter = resolve;
      });
      this.stream.addWaiter(this);
    }
    return this.#waiting;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<QueuedUnit> {
    while (await this.ready()) {
      for (let next = this.pull(); next !== undefined; next = this.pull()) yield next;
    }
  }

  /** Called by the stream when something was written or it ended. */
  wake(): void {
    if (this.#waiter === undefined) return;
    if (this.#findNext() !== undefined) this.#resolveWaiter(true);
    else if (this.endReason !== undefined) this.#resolveWaiter(false);
    else this.stream.addWaiter(this);
  }

  /** Reads `track` from now on, instead of what it read of that kind before. */
  bind(track: Track): void {
    const before = this.#cursors.findIndex((cursor) => cursor.track.kind === track.kind);
    const cursor = new Cursor(track);
    const late = this.#cursors.length > 0 && this.counters.units > 0;
    if (before >= 0) this.#cursors[before] = cursor;
    else this.#cursors.push(cursor);
    this.#place(late || before >= 0);
    this.#joinLag = { duration: this.#lagDuration(), bytes: this.#lagBytes() };
    this.wake();
  }

  /** Begins anew, as one who has just joined: after a pause. */
  rejoin(): void {
    for (const cursor of this.#cursors) cursor.placed = false;
    this.#place(false);
    this.#joinLag = { duration: this.#lagDuration(), bytes: this.#lagBytes() };
  }

  /** Stops reading a kind: its track went and nothing replaces it. */
  unbind(track: Track): void {
    const index = this.#cursors.findIndex((cursor) => cursor.track === track);
    if (index >= 0) this.#cursors.splice(index, 1);
  }

  /** Oldest position of `track` that is still to be read. */
  findPosition(track: Track): number | undefined {
    for (const cursor of this.#cursors) if (cursor.track === track) return cursor.position;
    return undefined;
  }

  /** Media time and bytes that wait to be pulled. */
  get lag(): { duration: number; bytes: number } {
    return { duration: this.#lagDuration(), bytes: this.#lagBytes() };
  }

  /** Jumps ahead when the bounds are passed. Called on every pull, and by the stream for those who don't pull. */
  enforceBounds(): void {
    const duration = this.#lagDuration();
    const bytes = this.#lagBytes();
    if (duration <= this.#bounds.duration && bytes <= this.#bounds.bytes) {
      if (this.#joinLag.duration !== 0) this.#joinLag = { duration: 0, bytes: 0 };
      return;
    }
    if (duration > this.#bounds.duration + this.#joinLag.duration || bytes > this.#bounds.bytes + this.#joinLag.bytes) {
      this.#jumpAhead();
    }
  }

  #findNext(): Cursor | undefined {
    this.#resumeAtKeyframe();
    let found: Cursor | undefined;
    let order = Infinity;
    for (let index = 0; index < this.#cursors.length; index += 1) {
      const cursor = this.#cursors[index] as Cursor;
      if (cursor.skipping) continue;
      const head = cursor.head;
      if (head !== undefined && head.order < order) {
        order = head.order;
        found = cursor;
      }
    }
    return found;
  }

  /** Leaves the wait for a keyframe as soon as one is there; audio goes on from the same moment. */
  #resumeAtKeyframe(): void {
    for (let index = 0; index < this.#cursors.length; index += 1) {
      const video = this.#cursors[index] as Cursor;
      if (!video.skipping || video.track.kind !== 'video') continue;
      const keyframe = video.track.log.findKeyframeFrom(video.position);
      if (keyframe === undefined) {
        video.position = video.track.log.end;
        for (const cursor of this.#cursors) if (cursor.track.kind === 'audio') cursor.position = cursor.track.log.end;
        return;
      }
      video.skipping = false;
      video.position = keyframe;
      this.#alignAudio(video);
    }
  }

  #alignAudio(video: Cursor): void {
    const pts = video.head?.unit.pts ?? 0;
    for (const cursor of this.#cursors) {
      if (cursor.track.kind !== 'audio') continue;
      cursor.skipping = false;
      cursor.position = Math.max(cursor.position, cursor.track.log.findFrom(pts));
    }
  }

  /** First position of a join. `late` tracks join what is running. */
  #place(late: boolean): void {
    const video = this.#cursors.find((cursor) => cursor.track.kind === 'video');
    for (const cursor of this.#cursors) {
      if (cursor.placed) continue;
      cursor.placed = true;
      const log = cursor.track.log;
      if (cursor.track.kind === 'audio') {
        cursor.position = video === undefined || late ? log.end : log.start;
        if (video?.skipping === true) cursor.skipping = true;
      } else {
        const keyframe = log.findNewestKeyframe('video');
        const usable = keyframe !== undefined && this.#mayStartAt(cursor, keyframe);
        cursor.skipping = !usable;
        cursor.position = usable ? keyframe : log.end;
        if (!usable && this.#start !== 'live') this.stream.requestKeyframe();
        for (const audio of this.#cursors) {
          if (audio.track.kind !== 'audio' || late) continue;
          audio.skipping = cursor.skipping;
          audio.position = cursor.skipping ? audio.track.log.end : audio.track.log.start;
        }
      }
      if (video !== undefined && !video.skipping && !late) this.#alignAudio(video);
    }
  }

  #mayStartAt(cursor: Cursor, keyframe: number): boolean {
    if (this.#start === 'cached') return true;
    if (this.#start === 'live') return false;
    return !this.stream.canRequestKeyframe || cursor.lagFrom(keyframe) <= freshEnough;
  }

  #lagDuration(): number {
    let most = 0;
    for (let index = 0; index < this.#cursors.length; index += 1) {
      const cursor = this.#cursors[index] as Cursor;
      if (!cursor.skipping) most = Math.max(most, cursor.lagFrom(cursor.position));
    }
    return most;
  }

  #lagBytes(): number {
    let bytes = 0;
    for (let index = 0; index < this.#cursors.length; index += 1) {
      const cursor = this.#cursors[index] as Cursor;
      if (!cursor.skipping) bytes += cursor.bytesFrom(cursor.position);
    }
    return bytes;
  }

  #jumpAhead(): void {
    const video = this.#cursors.find((cursor) => cursor.track.kind === 'video');
    let units = 0;
    let bytes = 0;
    const before = this.#cursors.map((cursor) => ({
      position: cursor.position,
      bytes: cursor.bytesFrom(cursor.position),
    }));
    if (video !== undefined) this.#jumpVideo(video);
    else
      for (const cursor of this.#cursors)
        cursor.position = cursor.track.log.findNewestKeyframe('audio') ?? cursor.track.log.end;
    this.#cursors.forEach((cursor, index) => {
      units += cursor.position - (before[index]?.position ?? 0);
      bytes += (before[index]?.bytes ?? 0) - cursor.bytesFrom(cursor.position);
    });
    this.#joinLag = { duration: 0, bytes: 0 };
    this.counters.jumps += 1;
    this.counters.droppedUnits += units;
    this.counters.droppedBytes += bytes;
    this.#reportLag(units, bytes);
  }

  #jumpVideo(video: Cursor): void {
    const keyframe = video.track.log.findNewestKeyframe('video');
    const fits =
      keyframe !== undefined &&
      keyframe > video.position &&
      video.lagFrom(keyframe) <= this.#bounds.duration &&
      video.bytesFrom(keyframe) <= this.#bounds.bytes;
    if (fits) {
      video.position = keyframe;
      this.#alignAudio(video);
      return;
    }
    for (const cursor of this.#cursors) {
      cursor.position = cursor.track.log.end;
      cursor.skipping = true;
    }
    this.stream.requestKeyframe();
  }

  #reportLag(units: number, bytes: number): void {
    this.#unreported.units += units;
    this.#unreported.bytes += bytes;
    const now = this.stream.clock.now();
    if (now - this.#lastReport < lagReportInterval) return;
    this.#lastReport = now;
    this.stream.events.emit(SubscriberLagging, { subscription: this, ...this.#unreported });
    this.#unreported = { units: 0, bytes: 0 };
  }

  #resolveWaiter(more: boolean): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    this.#waiting = undefined;
    waiter?.(more);
  }
}
