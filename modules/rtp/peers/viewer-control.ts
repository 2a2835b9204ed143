import type { Buffer } from 'node:buffer';
import type { EventBus } from '../../../core/events/bus.ts';
import type { Subscription } from '../../../core/streams/subscription.ts';
import type { Clock } from '../../../core/time/clock.ts';
import { type Micros, micros, millis, seconds } from '../../../core/time/micros.ts';
import { WireError } from '../../../wire/errors.ts';
import { compactNtp } from '../../../wire/rtcp/ntp.ts';
import type { NackEntry, NtpTime, ReportBlock, RtcpPacket } from '../../../wire/rtcp/packet.ts';
import { readRtcp } from '../../../wire/rtcp/reader.ts';
import { type PeerBitrate, ViewerBandwidthChanged } from '../contract.ts';
import { KeyframeWishes } from '../keyframe-wishes.ts';
import type { RtpCounters } from '../metrics.ts';
import { BandwidthEstimate } from './bandwidth/bandwidth-estimate.ts';
import type { LinkSignal } from './bandwidth/delay-trend.ts';
import { RateMeter } from './bandwidth/rate-meter.ts';
import type { SentHearing } from './outgoing-link.ts';
import type { OutgoingMedium } from './outgoing-medium.ts';
import { SendBudget } from './send-budget.ts';

export interface ViewerControlSettings {
  readonly bitrate: PeerBitrate;
}

export interface ViewerControlDependencies {
  readonly clock: Clock;
  readonly events: EventBus;
  readonly counters: RtpCounters;
  readonly subscription: Subscription;
}

/** Our reports that a receiver may still refer to. */
const mostReports = 16;
const usualRoundTrip = millis(100);
/** Packets that are looked for in a time, as they are asked for: a storm of requests costs no more work than this. */
const mostAsks = 1_000;
const askWindow = millis(100);
/** What is believed before the first feedback, in half a round trip; a join must not wait for it. Bits a second. */
const startRate = 3_000_000;
const unknownPacing = 10_000_000;
const leastRate = 50_000;
const largestRate = 200_000_000;
/** libwebrtc's: a large picture leaves in less than the time of half a one at the rate of the link. */
const pacingFactor = 2.5;
/** Two groups of pictures of the usual length say what a stream takes. */
const streamWindow = { buckets: 8, bucketLength: 500_000 };
/** Headers of RTP, its extensions, UDP and IP, and the tag: some 70 bytes in 1150. */
const headerShare = 1.06;
/** Sound with its headers, at 50 packets a second. */
const soundShare = 90_000;
/** A stream that goes up and down by so much goes through all the same; for so long it must not. */
const tolerance = 1.1;
const narrowFor = seconds(1);
const leastResendRate = 20_000;
/**
 * Share of the bandwidth that resends may take: what the media leaves of it, within these bounds. At 2 % of loss a fiftieth is needed;
 * a storm of NACKs gets no more, and on a way that is full resends must not be what keeps it full.
 */
const resendShare = 0.4;
const leastResendShare = 0.1;

/** What a viewer says by RTCP, and what follows from it. */
export class ViewerControl implements SentHearing {
  readonly #d: ViewerControlDependencies;
  readonly #wishes: KeyframeWishes;
  readonly #estimate: BandwidthEstimate;
  #taken = new RateMeter(streamWindow);
  readonly #media: OutgoingMedium[] = [];
  readonly #resends: SendBudget;
  readonly #reports: { readonly compact: number; readonly at: Micros }[] = [];
  readonly #losses = new Map<number, ReportBlock>();
  #roundTrip: Micros = usualRoundTrip;
  #nacks = 0;
  #asks = 0;
  #asksSince = -Infinity;
  #short = false;
  /** What it adds to the sum of all estimates. */
  #estimated = 0;
  #narrowSince: Micros | undefined;
  #skips = 0;
  /** Packets sent again so far. */
  resent = 0;

  constructor({ bitrate }: ViewerControlSettings, dependencies: ViewerControlDependencies) {
    const { clock, counters, subscription } = dependencies;
    this.#d = dependencies;
    this.#wishes = new KeyframeWishes(subscription.stream, counters);
    const minimum = Math.max(leastRate, bitrate.minimum ?? 0);
    const bounds = { minimum, maximum: Math.max(minimum, bitrate.maximum ?? largestRate) };
    this.#estimate = new BandwidthEstimate({ start: startRate, bounds });
    this.#resends = new SendBudget(startRate * resendShare, clock.now());
    subscription.scope.defer(() => {
      if (this.#short) counters.starved -= 1;
      counters.estimated -= this.#estimated;
    });
  }

  /** Bits a second at which media may leave. */
  get pacing(): number {
    if (!this.#estimate.informed) return unknownPacing;
    // What the way can't bear in the long run must not go into its queues: it waits here, where it can be skipped.
    return this.#estimate.target * (this.#short ? 1 : pacingFactor);
  }

  /** Bits a second that the way bears as far as is known. */
  get estimate(): number {
    return this.#estimate.target;
  }

  get roundTrip(): Micros {
    return this.#roundTrip;
  }

  /** Bits a second that the stream takes with its headers. */
  get needed(): number {
    return (this.#taken.rate ?? 0) * headerShare;
  }

  /** Bits a second that pictures of a rate take with their headers and the sound beside them. */
  neededFor(pictures: number): number {
    return pictures * headerShare + soundShare;
  }

  /** The way does not bear the stream. */
  get short(): boolean {
    return this.#short;
  }

  watch(medium: OutgoingMedium): void {
    this.#media.push(medium);
  }

  noteSent(sequence: number, size: number, now: Micros): void {
    this.#estimate.noteSent(sequence, size, now);
  }

  noteResent(sequence: number): void {
    this.#estimate.noteResent(sequence);
  }

  /** A unit of the stream, whether it is sent or not. */
  noteMedia(bytes: number, dts: Micros): void {
    this.#taken.note(dts, bytes);
  }

  /** Pictures were skipped for want of bandwidth. */
  noteSkip(): void {
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
      this.#weigh(arrival);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#d.counters.malformed += 1;
    }
  }

  inspect(): Record<string, unknown> {
    return {
      estimate: Math.round(this.#estimate.target),
      needed: Math.round(this.needed),
      queueMillis: Math.round(this.#estimate.queueing / 1_000),
      notEnoughBandwidth: this.#short,
      arrived: Math.round(this.#estimate.arrived ?? 0),
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
      case 'transport-feedback':
        this.#estimate.noteFeedback(packet, arrival, this.#roundTrip);
        break;
      case 'bitrate-estimate':
        this.#estimate.noteRemb(packet.bitrate);
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
    if (medium.kind === 'video') this.#estimate.noteLoss(report.fractionLost / 256, this.needed);
    const sent = this.#reports.find(({ compact }) => compact === report.lastSenderReport);
    if (sent === undefined) return;
    // RFC 3550 6.4.1, with our own note of when the report left: its NTP time is that of the publisher's clock.
    const trip = arrival - sent.at - (report.delaySinceLast * 1e6) / 65_536;
    if (trip >= 0 && trip < 10e6) this.#roundTrip = micros((this.#roundTrip * 3 + trip) / 4);
  }

  /** Another layer is watched from here on. */
  restart(): void {
    this.#taken = new RateMeter(streamWindow);
    this.#narrowSince = undefined;
  }

  get signal(): LinkSignal {
    return this.#estimate.signal;
  }

  /** What queues on the way hold, µs. */
  get queueing(): number {
    return this.#estimate.queueing;
  }

  /** Whether the way bears the stream: known only when it has been so for a while. */
  #weigh(now: Micros): void {
    const { target, informed } = this.#estimate;
    const spare = Math.max(target * leastResendShare, Math.min(target * resendShare, target - this.needed));
    this.#resends.rate = Math.max(leastResendRate, spare);
    if (!informed) return;
    this.#d.counters.estimated += target - this.#estimated;
    this.#estimated = target;
    const needed = this.needed;
    if (needed <= target) {
      this.#narrowSince = undefined;
      if (this.#short) this.#tell(false);
    } else if (needed > target * tolerance) {
      this.#narrowSince ??= now;
      if (!this.#short && now - this.#narrowSince >= narrowFor) this.#tell(true);
    }
  }

  #tell(short: boolean): void {
    this.#short = short;
    const { events, subscription, counters } = this.#d;
    counters.starved += short ? 1 : -1;
    const { target } = this.#estimate;
    events.emit(ViewerBandwidthChanged, { subscription, enough: !short, estimate: target, needed: this.needed });
  }

  #answer(ssrc: number, entries: readonly NackEntry[], now: Micros): void {
    this.#nacks += 1;
    this.#d.counters.nacksIn += 1;
    const medium = this.#findMedium(ssrc);
    if (medium === undefined) return;
    this.#resends.refill(now);
    if (now - this.#asksSince >= askWindow) {
      this.#asksSince = now;
      this.#asks = 0;
    }
    for (let index = 0; index < entries.length && this.#asks < mostAsks; index += 1) {
      const { sequence, mask } = entries[index] as NackEntry;
      this.#resend(medium, sequence, now);
      for (let bit = 0; bit < 16; bit += 1) {
        if ((mask & (1 << bit)) !== 0) this.#resend(medium, (sequence + bit + 1) & 0xffff, now);
      }
    }
  }

  #resend(medium: OutgoingMedium, sequence: number, now: Micros): void {
    if (!this.#resends.open || this.#asks >= mostAsks) return;
    this.#asks += 1;
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
