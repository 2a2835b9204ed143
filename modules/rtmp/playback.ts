import type { Subscription } from '../../core/streams/subscription.ts';
import type { QueuedUnit } from '../../core/streams/track-log.ts';
import { Batches, type Place } from './batches.ts';
import type { RtmpConnection } from './connection.ts';
import type { Viewer } from './write-pacer.ts';

/** Media bytes that go into one write; more is written in turns, as far as the peer takes it. */
const batchBytes = 256 * 1_024;

export interface PlaybackTarget {
  readonly connection: RtmpConnection;
  /** Message stream id. */
  readonly streamId: number;
  /** Called once, when the subscription has nothing more to give. */
  readonly onEnd: () => void;
}

/**
 * Subscription → wire: what a player gets, and a server to which we push. A peer that doesn't take its bytes is not
 * pulled for: its place in the stream falls behind, and its subscription jumps to a key frame by itself.
 */
export class Playback implements Viewer {
  readonly #subscription: Subscription;
  readonly #target: PlaybackTarget;
  readonly #place: Place;
  readonly #onWritten = (): void => this.#continue();
  #full = false;
  #ended = false;

  constructor(subscription: Subscription, target: PlaybackTarget) {
    this.#subscription = subscription;
    this.#target = target;
    this.#place = { video: undefined, audio: undefined, streamId: target.streamId };
    subscription.scope.defer(() => this.#end());
  }

  flush(batches: Batches): void {
    while (!this.#full && !this.#ended) {
      const units = batches.scratch;
      this.#pull(units);
      if (units.length === 0) {
        if (this.#subscription.endReason !== undefined) this.#end();
        return;
      }
      const batch = batches.give(units, this.#place);
      this.#place.video = batch.video;
      this.#place.audio = batch.audio;
      this.#full = !this.#target.connection.writeMedia(batch.bytes, this.#onWritten);
    }
  }

  #pull(into: QueuedUnit[]): void {
    into.length = 0;
    let bytes = 0;
    while (bytes < batchBytes) {
      const next = this.#subscription.pull();
      if (next === undefined) return;
      into.push(next);
      bytes += next.unit.size;
    }
  }

  /** The socket has written something. */
  #continue(): void {
    if (!this.#full || this.#target.connection.backlog > 0) return;
    this.#full = false;
    this.flush(new Batches());
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#target.onEnd();
  }
}
