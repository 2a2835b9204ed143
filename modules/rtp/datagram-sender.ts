import type { Buffer } from 'node:buffer';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import type { QueuedUnit } from '../../core/streams/track-log.ts';
import type { Viewer } from '../../core/streams/write-pacer.ts';
import { afterIn, type Clock } from '../../core/time/clock.ts';
import { millis } from '../../core/time/micros.ts';
import type { InterleavedBatches } from './interleaved-batches.ts';
import type { RtpCounters } from './metrics.ts';
import type { DatagramLeg, PlayLegs } from './play-legs.ts';

export interface DatagramSenderDependencies {
  readonly subscription: Subscription;
  readonly legs: PlayLegs;
  readonly clock: Clock;
  readonly counters: RtpCounters;
}

/**
 * Packets that go out in one go, and the pause behind them: 48 of 1400 bytes every 4 ms are 134 Mbit/s. A key frame of a
 * megabit leaves within 8 ms, and a cached group does not overflow a receiver's socket, which by default holds about 90.
 */
const burstPackets = 48;
const burstPause = millis(4);

/** Subscription → datagrams. Nothing comes back when the network drops them: the queue never grows, large units are spread. */
export class DatagramSender implements Viewer<InterleavedBatches> {
  readonly #subscription: Subscription;
  readonly #legs: PlayLegs;
  readonly #clock: Clock;
  readonly #counters: RtpCounters;
  #first: QueuedUnit[] = [];
  #sending = false;
  #pausing = false;
  /** The unit that is being sent, and how far. */
  #current: readonly Buffer[] = [];
  #at = 0;
  #leg: DatagramLeg | undefined;

  constructor(dependencies: DatagramSenderDependencies) {
    this.#subscription = dependencies.subscription;
    this.#legs = dependencies.legs;
    this.#clock = dependencies.clock;
    this.#counters = dependencies.counters;
  }

  begin(first: QueuedUnit[]): void {
    this.#first = first;
    this.#sending = true;
    for (const { leg, report } of this.#legs.firstReports(first)) {
      if (leg.route.kind === 'datagram') this.#legs.datagram(leg.medium.kind)?.sendControl(report);
    }
    this.flush();
  }

  pause(): void {
    this.#sending = false;
    this.#current = [];
    this.#at = 0;
  }

  flush(): void {
    if (this.#pausing || !this.#sending) return;
    let left = burstPackets;
    while (left > 0) {
      if (this.#at >= this.#current.length && !this.#next()) return;
      const packet = this.#current[this.#at];
      if (packet === undefined) continue; // a medium that is not wanted
      this.#leg?.send(packet);
      this.#counters.bytesOut += packet.length;
      this.#counters.packetsOut += 1;
      this.#at += 1;
      left -= 1;
    }
    this.#pausing = true;
    afterIn(this.#subscription.scope, this.#clock, burstPause, () => {
      this.#pausing = false;
      this.flush();
    });
  }

  send(kind: MediaKind, control: Buffer): void {
    this.#legs.datagram(kind)?.sendControl(control);
  }

  /** Takes the next unit up; false when there is none now. */
  #next(): boolean {
    const queued = this.#first.shift() ?? this.#subscription.pull();
    this.#at = 0;
    this.#current = [];
    if (queued === undefined) {
      if (this.#subscription.endReason !== undefined) this.#legs.end();
      return false;
    }
    const { kind } = queued.track;
    this.#leg = this.#legs.datagram(kind);
    const source = this.#legs.find(kind)?.source;
    if (source === undefined || this.#leg === undefined) return true;
    if (!this.#legs.fitsOne(queued)) return false;
    const { packets, report } = source.send(queued);
    if (report !== undefined) this.#leg.sendControl(report);
    this.#current = packets;
    return true;
  }
}
