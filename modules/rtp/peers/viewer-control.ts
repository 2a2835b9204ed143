import type { Buffer } from 'node:buffer';
import type { Stream } from '../../../core/streams/stream.ts';
import type { Clock } from '../../../core/time/clock.ts';
import { type Micros, micros, millis } from '../../../core/time/micros.ts';
import { WireError } from '../../../wire/errors.ts';
import { compactNtp } from '../../../wire/rtcp/ntp.ts';
import type { NackEntry, NtpTime, ReportBlock, RtcpPacket } from '../../../wire/rtcp/packet.ts';
import { readRtcp } from '../../../wire/rtcp/reader.ts';
import type { PeerBitrate } from '../contract.ts';
import { KeyframeWishes } from '../keyframe-wishes.ts';
import type { RtpCounters } from '../metrics.ts';
import type { SentHearing } from './outgoing-link.ts';
import type { OutgoingMedium } from './outgoing-medium.ts';
import { SendBudget } from './send-budget.ts';

export interface ViewerControlSettings {
  readonly bitrate: PeerBitrate;
}

export interface ViewerControlDependencies {
  readonly clock: Clock;
  readonly counters: RtpCounters;
  readonly stream: Stream;
}

/** Our reports that a receiver may still refer to. */
const mostReports = 16;
const usualRoundTrip = millis(100);
/** Share of the bandwidth that resends may take: at 2 % of loss a fiftieth is needed; a storm of NACKs gets no more than this. */
const resendShare = 0.4;

/** What a viewer says by RTCP, and what follows from it. */
export class ViewerControl implements SentHearing {
  readonly #d: ViewerControlDependencies;
  readonly #wishes: KeyframeWishes;
  readonly #media: OutgoingMedium[] = [];
  readonly #resends: SendBudget;
  readonly #reports: { readonly compact: number; readonly at: Micros }[] = [];
  readonly #losses = new Map<number, ReportBlock>();
  #roundTrip: Micros = usualRoundTrip;
  #nacks = 0;
  #skips = 0;
  /** Packets sent again so far. */
  resent = 0;

  constructor(_settings: ViewerControlSettings, dependencies: ViewerControlDependencies) {
    this.#d = dependencies;
    this.#wishes = new KeyframeWishes(dependencies.stream, dependencies.counters);
    this.#resends = new SendBudget(this.pacing * resendShare, dependencies.clock.now());
  }

  /** Bits a second at which media may leave. */
  get pacing(): number {
    return 15_000_000;
  }

  get roundTrip(): Micros {
    return this.#roundTrip;
  }

  watch(medium: OutgoingMedium): void {
    this.#media.push(medium);
  }

  noteSent(_sequence: number, _size: number, _now: Micros): void {
    // No feedback is asked for yet.
  }

  /** A picture of the stream, whether it is sent or not. */
  noteMedia(_bytes: number, _dts: Micros): void {
    // Nothing is compared with it yet.
  }

  /** Pictures were skipped for want of bandwidth. */
  noteSkip(_now: Micros): void {
    this.#skips += 1;
  }

  /** A sender report has left. */
  noteReport(ntp: NtpTime, at: Micros): void {
    if (this.#reports.length === mostReports) this.#reports.shift();
    this.#reports.push({ compact: compactNtp(ntp), at });
  }

  take(bytes: Buffer, arrival: Micros): void {
    try {
      for (const packet of readRtcp(bytes).packets) this.#obey(packet, arrival);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#d.counters.malformed += 1;
    }
  }

  inspect(): Record<string, unknown> {
    return {
      roundTripMillis: Math.round(this.#roundTrip / 1_000),
      nacks: this.#nacks,
      skips: this.#skips,
      loss: [...this.#losses.values()].map(({ cumulativeLost, fractionLost, jitter }) => ({
        cumulativeLost,
        lostShare: fractionLost / 256,
        jitter,
      })),
    };
  }

  #obey(packet: RtcpPacket, arrival: Micros): void {
    switch (packet.kind) {
      case 'receiver-report':
      case 'sender-report':
        for (const report of packet.reports) this.#learn(report, arrival);
        break;
      case 'nack':
        this.#answer(packet.mediaSsrc, packet.entries, arrival);
        break;
      case 'picture-loss':
        if (this.#isVideo(packet.mediaSsrc)) this.#wishes.wish();
        break;
      case 'full-intra-request':
        if (packet.requests.some(({ ssrc }) => this.#isVideo(ssrc))) this.#wishes.wish();
        break;
      default:
      // Descriptions, goodbyes and what nobody asked for.
    }
  }

  #learn(report: ReportBlock, arrival: Micros): void {
    const medium = this.#findMedium(report.ssrc);
    if (medium === undefined) return;
    medium.known();
    this.#losses.set(report.ssrc, report);
    const sent = this.#reports.find(({ compact }) => compact === report.lastSenderReport);
    if (sent === undefined) return;
    // RFC 3550 6.4.1, with our own note of when the report left: its NTP time is that of the publisher's clock.
    const trip = arrival - sent.at - (report.delaySinceLast * 1e6) / 65_536;
    if (trip >= 0 && trip < 10e6) this.#roundTrip = micros((this.#roundTrip * 3 + trip) / 4);
  }

  #answer(ssrc: number, entries: readonly NackEntry[], now: Micros): void {
    this.#nacks += 1;
    this.#d.counters.nacksIn += 1;
    const medium = this.#findMedium(ssrc);
    if (medium === undefined) return;
    this.#resends.refill(now);
    for (let index = 0; index < entries.length; index += 1) {
      const { sequence, mask } = entries[index] as NackEntry;
      this.#resend(medium, sequence, now);
      for (let bit = 0; bit < 16; bit += 1) {
        if ((mask & (1 << bit)) !== 0) this.#resend(medium, (sequence + bit + 1) & 0xffff, now);
      }
    }
  }

  #resend(medium: OutgoingMedium, sequence: number, now: Micros): void {
    if (!this.#resends.open) return;
    const size = medium.resend(sequence, now, this.#roundTrip);
    if (size === 0) return;
    this.#resends.spend(size);
    this.#d.counters.resent += 1;
    this.resent += 1;
  }

  #isVideo(ssrc: number): boolean {
    return this.#findMedium(ssrc)?.kind === 'video';
  }

  #findMedium(ssrc: number): OutgoingMedium | undefined {
    for (const medium of this.#media) if (medium.ssrc === ssrc) return medium;
    return undefined;
  }
}
