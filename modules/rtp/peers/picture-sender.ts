import type { Buffer } from 'node:buffer';
import type { Subscription } from '../../../core/streams/subscription.ts';
import type { QueuedUnit } from '../../../core/streams/track-log.ts';
import { afterIn, type Clock } from '../../../core/time/clock.ts';
import { type Micros, millis, seconds } from '../../../core/time/micros.ts';
import { peerPayloads } from '../payloads.ts';
import { CatchUp } from './catch-up.ts';
import type { OutgoingMedium } from './outgoing-medium.ts';
import type { PacketTransport } from './packet-transport.ts';
import { PictureQueue } from './picture-queue.ts';
import type { SendBudget } from './send-budget.ts';

export interface PictureSenderDependencies {
  readonly clock: Clock;
  readonly transport: PacketTransport;
  readonly subscription: Subscription;
  readonly budget: SendBudget;
  /** Undefined where the viewer takes no pictures. */
  readonly medium: OutgoingMedium | undefined;
  /** Pictures were skipped for want of room. */
  readonly onSkip: () => void;
  /** There is room again: wants `send`. */
  readonly onRoom: () => void;
}

/** Media that a connection has not taken yet: more is not put on top, but waits where it can still be skipped. */
const mostBacklog = 128 * 1_024;
const backlogPause = millis(20);
/** A picture that had to wait so long is out of date: the viewer goes on at a newer keyframe rather than behind the live picture. */
const patience = millis(500);
/** While the cached group is caught up with, which the viewer asked for. */
const joinPatience = seconds(3);
/** When the stream has ended: what still waits leaves within this, or not at all. */
const lastWords = seconds(1);
/** One viewer without bandwidth must not cost all the others a large keyframe each half second. */
const skipRequestInterval = seconds(3);
const leastStep = 1_000;

/**
 * The pictures on their way to one viewer: they wait for room in the budget, and those that have waited too long are skipped up to the
 * next keyframe.
 */
export class PictureSender {
  readonly #d: PictureSenderDependencies;
  readonly #queue = new PictureQueue();
  #catchUp: CatchUp | undefined;
  /** Until everything that was there or came while it was being sent has been sent. */
  #joining = false;
  /** Packets of the first picture that waits, how many of them have left, and whether that picture was begun. */
  #payloads: readonly Buffer[] = [];
  #at = 0;
  #begun = false;
  #waiting = false;
  #skipping = false;
  #lastRate = 0;
  #lastSkipRequest = -Infinity;
  #lastStamp = -Infinity;
  #unfit: string | undefined;

  constructor(dependencies: PictureSenderDependencies) {
    this.#d = dependencies;
  }

  /** Pictures that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  get state(): 'playing' | 'waiting for a keyframe' {
    return this.#skipping ? 'waiting for a keyframe' : 'playing';
  }

  /** Bits a second at which what waits at the end of the stream leaves in time; 0 before the end. */
  get lastRate(): number {
    return this.#lastRate;
  }

  /** The codec of pictures that the viewer has no format for. */
  get unfit(): string | undefined {
    return this.#unfit;
  }

  /** The viewer begins, at what its subscription has joined at. */
  join(): void {
    this.#catchUp = CatchUp.of(this.#d.subscription);
    this.#joining = true;
  }

  /** Whether what was taken at `pts` is shown in fast motion, and its sound is not heard. */
  isCatchingUp(pts: Micros): boolean {
    return this.#catchUp?.isPast(pts) === true;
  }

  take(queued: QueuedUnit, now: Micros): void {
    if (this.#skipping) {
      if (!queued.unit.keyframe) {
        this.#countDropped(queued);
        return;
      }
      this.#skipping = false;
    }
    this.#queue.push(queued, now);
  }

  /** Sends what waits, as far as there is room. */
  send(now: Micros): void {
    const { transport, budget } = this.#d;
    this.#skipWhatIsLate(now);
    while (this.#queue.length > 0) {
      if (!this.#begun && !this.#begin()) continue;
      if (!budget.open || transport.backlog > mostBacklog) {
        this.#wait();
        break;
      }
      this.#sendPacket(now);
    }
    if (this.#queue.length === 0) this.#joining = false;
  }

  /** Another layer is watched from here on: what is left of the one before is not sent, as its successor's key frame is there. */
  changeLayer(): void {
    for (const queued of this.#queue.drop(this.#begun ? 1 : 0)) this.#countDropped(queued);
    this.#skipping = false;
  }

  /** Nothing will come after what waits: it needs no room for the next picture, and is not waited for long. */
  hurry(): void {
    if (this.#lastRate > 0) return;
    const { subscription, clock, budget, onRoom } = this.#d;
    this.#lastRate = Math.max(1, (this.#queue.bytes * 8e6) / (lastWords * 0.75));
    budget.rate = Math.max(budget.rate, this.#lastRate);
    afterIn(subscription.scope, clock, lastWords, () => {
      for (const queued of this.#queue.drop(0)) this.#countDropped(queued);
      onRoom();
    });
  }

  clear(): void {
    this.#queue.clear();
  }

  /** Takes up the first picture; false when the viewer has no format for it. */
  #begin(): boolean {
    const { medium } = this.#d;
    const unit = this.#queue.first?.unit;
    if (unit === undefined || medium === undefined || !medium.begin(unit, this.#stampOf(unit.pts))) {
      if (unit !== undefined && medium !== undefined) this.#unfit = unit.codec.name;
      this.#queue.shift();
      return false;
    }
    this.#payloads = unit.as(peerPayloads);
    this.#at = 0;
    this.#begun = this.#payloads.length > 0;
    if (!this.#begun) this.#queue.shift();
    return this.#begun;
  }

  #sendPacket(now: Micros): void {
    const payload = this.#payloads[this.#at];
    this.#at += 1;
    const last = this.#at >= this.#payloads.length;
    if (payload !== undefined) this.#d.medium?.send(payload, last, now); // RFC 6184 5.1, RFC 7741 4.1
    if (!last) return;
    this.#begun = false;
    this.#payloads = [];
    this.#queue.shift();
  }

  /** Rises from picture to picture: the clocks of two layers may differ a little, and browsers take no B-frames. */
  #stampOf(pts: Micros): Micros {
    if (this.#catchUp?.isPast(pts) === false) this.#catchUp = undefined;
    const stamp = Math.max(this.#catchUp?.stampOf(pts) ?? pts, this.#lastStamp + leastStep) as Micros;
    this.#lastStamp = stamp;
    return stamp;
  }

  #wait(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    const { subscription, clock, transport, budget, onRoom } = this.#d;
    const pause = transport.backlog > mostBacklog ? backlogPause : budget.pause;
    afterIn(subscription.scope, clock, pause, () => {
      this.#waiting = false;
      onRoom();
    });
  }

  /** The first picture waited too long: on to the newest keyframe, or to the next one that comes. */
  #skipWhatIsLate(now: Micros): void {
    const queue = this.#queue;
    const { subscription, onSkip } = this.#d;
    const limit = this.#joining ? joinPatience : patience;
    if (queue.length < 2 || queue.waited(now) <= limit || this.#lastRate > 0) return;
    // What was begun is ended, and a keyframe is always of use.
    const from = this.#begun || queue.first?.unit.keyframe === true ? 1 : 0;
    const dropped = queue.skip(from);
    if (dropped.length === 0) return;
    for (const queued of dropped) this.#countDropped(queued);
    subscription.counters.jumps += 1;
    onSkip();
    if (queue.length > from) return;
    this.#skipping = true;
    if (now - this.#lastSkipRequest < skipRequestInterval) return;
    this.#lastSkipRequest = now;
    subscription.stream.requestKeyframe();
  }

  #countDropped({ unit }: QueuedUnit): void {
    const { counters } = this.#d.subscription;
    counters.droppedUnits += 1;
    counters.droppedBytes += unit.size;
  }
}
