import type { Subscription } from '../../../core/streams/subscription.ts';
import type { QueuedUnit } from '../../../core/streams/track-log.ts';
import type * as pacer from '../../../core/streams/write-pacer.ts';
import { Batches, type Place, type TransportStreams } from './transport-stream.ts';
import type { ViewSocket } from './view-socket.ts';

/** Media bytes of one message; more goes out in turns, as far as the viewer takes it. */
const batchBytes = 256 * 1_024;

export type ViewPacer = pacer.WritePacer<Batches>;

/**
 * Subscription → messages of whole transport packets. It begins with the tables and a keyframe, and begins anew after a
 * jump. A viewer that does not take its bytes is not pulled for: its subscription jumps to a keyframe by itself.
 */
export class ViewPlayback implements pacer.Viewer<Batches> {
  readonly #subscription: Subscription;
  readonly #socket: ViewSocket;
  readonly #transports: TransportStreams;
  readonly #onWritten = (): void => this.#continue();
  readonly #place: Place;
  /** It begins anew, and goes with the next batch. */
  #held: QueuedUnit | undefined;
  #jumps = 0;
  #begins = false;
  #full = false;

  constructor(subscription: Subscription, dependencies: { socket: ViewSocket; transports: TransportStreams }) {
    this.#subscription = subscription;
    this.#socket = dependencies.socket;
    this.#transports = dependencies.transports;
    this.#place = {
      transport: this.#transports.obtain(subscription.tracks),
      tables: false,
      video: false,
      audio: false,
    };
  }

  flush(batches: Batches): void {
    while (!this.#full && !this.#subscription.scope.closed) {
      const units = batches.scratch;
      this.#pull(units);
      if (units.length === 0) {
        const reason = this.#subscription.endReason;
        if (reason !== undefined) void this.#socket.scope.close({ code: 'publisher-left', detail: reason.code });
        return;
      }
      const batch = batches.give(units, this.#place);
      this.#place.tables = true;
      this.#place.video = batch.video;
      this.#place.audio = batch.audio;
      this.#full = !this.#socket.send(batch.bytes, this.#onWritten);
    }
  }

  #pull(into: QueuedUnit[]): void {
    into.length = 0;
    let bytes = 0;
    while (bytes < batchBytes) {
      const next = this.#held ?? this.#subscription.pull();
      if (next === undefined) return;
      // Of a unit that was held it is known already: more jumps may have come since, behind it.
      if (this.#held === undefined) this.#note(next);
      this.#held = undefined;
      if (this.#begins) {
        // What was pulled before belongs to the bytes before.
        if (into.length > 0) {
          this.#held = next;
          return;
        }
        this.#begin(next);
      }
      into.push(next);
      bytes += next.unit.size;
    }
  }

  /** Whether `next` goes on from what came before. */
  #note(next: QueuedUnit): void {
    const { jumps } = this.#subscription.counters;
    this.#begins = jumps !== this.#jumps || this.#place.transport?.carries(next.track) !== true;
    this.#jumps = jumps;
  }

  #begin(next: QueuedUnit): void {
    this.#begins = false;
    if (this.#place.transport?.carries(next.track) !== true) {
      const { tracks } = this.#subscription;
      // A unit of a track that is left already still goes out in its own packets.
      this.#place.transport = this.#transports.obtain(tracks.includes(next.track) ? tracks : [next.track]);
      this.#place.tables = false;
    }
    this.#place.video = false;
    this.#place.audio = false;
  }

  /** The socket has written something. */
  #continue(): void {
    if (!this.#full || this.#socket.isFull || this.#socket.scope.closed) return;
    this.#full = false;
    this.flush(new Batches());
  }
}
