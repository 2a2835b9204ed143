import type { Buffer } from 'node:buffer';
import type { Core } from '../../core/core.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import type { QueuedUnit } from '../../core/streams/track-log.ts';
import type { WritePacer } from '../../core/streams/write-pacer.ts';
import { type Micros, ZERO } from '../../core/time/micros.ts';
import { WireError } from '../../wire/errors.ts';
import type { ReportBlock } from '../../wire/rtcp/packet.ts';
import { readRtcp } from '../../wire/rtcp/reader.ts';
import { goodbyeCompound } from './compound.ts';
import type { InterleavedSink, RtpPlayback, RtpStart } from './contract.ts';
import { DatagramSender } from './datagram-sender.ts';
import type { InterleavedBatches } from './interleaved-batches.ts';
import { InterleavedSender } from './interleaved-sender.ts';
import { KeyframeWishes } from './keyframe-wishes.ts';
import type { RtpCounters } from './metrics.ts';
import type { PlayLegs } from './play-legs.ts';

export interface PlaybackDependencies {
  readonly core: Core;
  readonly scope: Scope;
  readonly subscription: Subscription;
  readonly legs: PlayLegs;
  /** Where interleaved packets go; absent for datagrams. */
  readonly sink: InterleavedSink | undefined;
  readonly merge: Micros;
  readonly pacer: WritePacer<InterleavedBatches>;
  readonly counters: RtpCounters;
  readonly onSign: () => void;
}

/** What is pulled before playing begins: enough to say what will come first. */
const mostFirst = 256 * 1_024;

/** Subscription → packets to one peer, on a connection or in datagrams. */
export class Playback implements RtpPlayback {
  readonly #d: PlaybackDependencies;
  readonly #sender: InterleavedSender | DatagramSender;
  readonly #reports = new Map<MediaKind, ReportBlock>();
  #first: QueuedUnit[] = [];
  #state: 'ready' | 'playing' | 'paused' = 'ready';
  readonly #wishes: KeyframeWishes;
  #joined = false;

  constructor(dependencies: PlaybackDependencies) {
    this.#d = dependencies;
    const { core, scope, subscription, legs, sink, counters } = dependencies;
    this.#wishes = new KeyframeWishes(subscription.stream, counters);
    this.#sender =
      sink === undefined
        ? new DatagramSender({ subscription, legs, clock: core.clock, counters })
        : new InterleavedSender({ subscription, legs, sink, counters });
    counters.players += 1;
    scope.defer(() => {
      counters.players -= 1;
      this.#sayGoodbye();
    });
  }

  prepare(): readonly RtpStart[] {
    const { subscription, legs } = this.#d;
    if (this.#state !== 'playing' && this.#first.length === 0) {
      subscription.rejoin();
      let bytes = 0;
      for (let next = subscription.pull(); next !== undefined; next = subscription.pull()) {
        this.#first.push(next);
        bytes += next.unit.size;
        if (bytes >= mostFirst) break;
      }
    }
    return legs.starts(this.#first);
  }

  start(): void {
    if (this.#state === 'playing') return;
    if (this.#state === 'ready' || this.#first.length === 0) this.prepare();
    const { pacer, subscription, merge, sink, scope } = this.#d;
    this.#state = 'playing';
    const first = this.#first;
    this.#first = [];
    this.#sender.begin(first);
    if (this.#joined) return;
    this.#joined = true;
    // Datagrams gain nothing from being held back.
    pacer.join(subscription.stream, this.#sender, sink === undefined ? ZERO : merge, scope);
  }

  pause(): void {
    this.#state = 'paused';
    this.#first = [];
    this.#sender.pause();
  }

  takeControl(kind: MediaKind, bytes: Buffer): void {
    try {
      for (const packet of readRtcp(bytes).packets) {
        switch (packet.kind) {
          case 'receiver-report':
          case 'sender-report':
            this.#keepReport(kind, packet.reports);
            break;
          case 'picture-loss':
          case 'full-intra-request':
            this.#wishes.wish();
            break;
          default:
          // Descriptions, goodbyes and what is of no use over this transport.
        }
      }
      this.#d.onSign();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#d.counters.malformed += 1;
    }
  }

  ssrcOf(kind: MediaKind): number | undefined {
    return this.#d.legs.find(kind)?.source.ssrc;
  }

  inspect(): Record<string, unknown> {
    const loss = [...this.#reports].map(([kind, { cumulativeLost, fractionLost, jitter }]) => ({
      kind,
      cumulativeLost,
      lostShare: fractionLost / 256,
      jitter,
    }));
    return { state: this.#state, ...this.#d.subscription.counters, loss };
  }

  #keepReport(kind: MediaKind, reports: readonly ReportBlock[]): void {
    const own = this.ssrcOf(kind);
    for (const report of reports) if (report.ssrc === own) this.#reports.set(kind, report);
  }

  #sayGoodbye(): void {
    if (this.#state !== 'playing') return;
    const why = this.#d.scope.reason ?? this.#d.subscription.endReason;
    for (const { medium, source } of this.#d.legs.all()) {
      this.#sender.send(medium.kind, goodbyeCompound([source.ssrc], why));
    }
  }
}
