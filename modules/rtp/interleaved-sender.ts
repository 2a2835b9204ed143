import type { Subscription } from '../../core/streams/subscription.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import type { QueuedUnit } from '../../core/streams/track-log.ts';
import type { Viewer } from '../../core/streams/write-pacer.ts';
import type { InterleavedSink } from './contract.ts';
import { InterleavedBatches, type InterleavedPlace, interleave } from './interleaved-batches.ts';
import type { RtpCounters } from './metrics.ts';
import type { PlayLegs } from './play-legs.ts';

/** Media bytes that go into one write; more is written in turns, as far as the peer takes it. */
const batchBytes = 256 * 1_024;

export interface InterleavedDependencies {
  readonly subscription: Subscription;
  readonly legs: PlayLegs;
  readonly sink: InterleavedSink;
  readonly counters: RtpCounters;
}

/**
 * Subscription → frames on a connection. A peer that doesn't take its bytes is not pulled for: its place in the stream falls
 * behind, and its subscription jumps to a key frame by itself.
 */
export class InterleavedSender implements Viewer<InterleavedBatches> {
  readonly #subscription: Subscription;
  readonly #legs: PlayLegs;
  readonly #sink: InterleavedSink;
  readonly #counters: RtpCounters;
  readonly #place: InterleavedPlace;
  readonly #onWritten = (): void => this.#continue();
  /** Pulled before playing began. */
  #first: QueuedUnit[] = [];
  #full = false;
  #sending = false;

  constructor(dependencies: InterleavedDependencies) {
    this.#subscription = dependencies.subscription;
    this.#legs = dependencies.legs;
    this.#sink = dependencies.sink;
    this.#counters = dependencies.counters;
    this.#place = { video: this.#legs.interleaved('video'), audio: this.#legs.interleaved('audio') };
  }

  begin(first: QueuedUnit[]): void {
    this.#first = first;
    this.#sending = true;
    for (const { leg, report } of this.#legs.firstReports(first)) {
      if (leg.route.kind === 'interleaved')
        this.#sink.write(interleave(leg.route.controlChannel, report), () => undefined);
    }
    this.flush(new InterleavedBatches());
  }

  pause(): void {
    this.#sending = false;
  }

  flush(batches: InterleavedBatches): void {
    while (!this.#full && this.#sending) {
      const units = this.#pull(batches.scratch);
      if (units.length === 0) {
        if (this.#subscription.endReason !== undefined) this.#legs.end();
        return;
      }
      if (!this.#legs.fit(units)) return;
      const bytes = batches.give(units, this.#place);
      if (bytes.length === 0) continue;
      this.#counters.bytesOut += bytes.length;
      this.#counters.writes += 1;
      this.#full = !this.#sink.write(bytes, this.#onWritten);
    }
  }

  send(kind: MediaKind, control: Buffer): void {
    const route = this.#legs.find(kind)?.route;
    if (route?.kind === 'interleaved') this.#sink.write(interleave(route.controlChannel, control), () => undefined);
  }

  #pull(into: QueuedUnit[]): QueuedUnit[] {
    if (this.#first.length > 0) {
      const first = this.#first;
      this.#first = [];
      return first;
    }
    into.length = 0;
    let bytes = 0;
    while (bytes < batchBytes) {
      const next = this.#subscription.pull();
      if (next === undefined) break;
      into.push(next);
      bytes += next.unit.size;
    }
    return into;
  }

  #continue(): void {
    if (!this.#full || this.#sink.backlog > 0) return;
    this.#full = false;
    this.flush(new InterleavedBatches());
  }
}
