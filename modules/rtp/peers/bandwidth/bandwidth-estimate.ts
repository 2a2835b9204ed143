import type { Micros } from '../../../../core/time/micros.ts';
import type { TransportFeedback } from '../../../../wire/rtcp/transport-feedback.ts';
import { unwrapSequence } from '../../../../wire/rtp/sequence.ts';
import { DelayTrend, type LinkSignal } from './delay-trend.ts';
import { LossControl } from './loss-control.ts';
import { type RateBounds, RateControl } from './rate-control.ts';
import { RateMeter } from './rate-meter.ts';
import { SentPackets } from './sent-packets.ts';

export interface BandwidthEstimateSettings {
  /** What is believed before anything is known. */
  readonly start: number;
  readonly bounds: RateBounds;
}

/** draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1. */
const referenceUnit = 64_000;
const deltaUnit = 250;
/** The clocks drift apart, and routes change. */
const forgetAfter = 30_000_000;
/** Of what comes through a link that drops: beta of draft-ietf-rmcat-gcc-02 5.5. */
const fullShare = 0.85;
/** From report to report, where there is nothing but reports. */
const recovery = 1.08;
const referenceCycle = 2 ** 24;

/**
 * How much a peer's way bears, from what it says of arrival: transport-wide feedback where that is agreed, else REMB, else the loss
 * of its reports. draft-ietf-rmcat-gcc-02 4: the less of what delay and loss allow.
 */
export class BandwidthEstimate {
  readonly #bounds: RateBounds;
  readonly #start: number;
  readonly #sent = new SentPackets();
  readonly #trend = new DelayTrend();
  readonly #arrived = new RateMeter();
  readonly #delayBased: RateControl;
  readonly #lossBased: LossControl;
  #told: number | undefined;
  #reference: number | undefined;
  #feedbacks = 0;
  /** Times on the way, between two clocks that run evenly, µs. */
  #transit = 0;
  #least = Infinity;
  #leastBefore = Infinity;
  #leastSince = 0;

  constructor({ start, bounds }: BandwidthEstimateSettings) {
    this.#start = start;
    this.#bounds = bounds;
    this.#delayBased = new RateControl(start, bounds);
    this.#lossBased = new LossControl(start, bounds);
  }

  /** Bits a second. */
  get target(): number {
    const { minimum, maximum } = this.#bounds;
    const found = Math.min(this.#delayBased.rate, this.#lossBased.rate, this.#told ?? Infinity);
    return Math.min(maximum, Math.max(minimum, found));
  }

  /** Whether anything has been heard yet. */
  get informed(): boolean {
    return this.#feedbacks > 0 || this.#told !== undefined;
  }

  get signal(): LinkSignal {
    return this.#trend.signal;
  }

  /** How much longer the last packet was on the way than the fastest of the last minute or so: what queues hold, µs. */
  get queueing(): number {
    return Math.max(0, this.#transit - Math.min(this.#least, this.#leastBefore));
  }

  /** What came through, bits a second. */
  get arrived(): number | undefined {
    return this.#arrived.rate;
  }

  /** Share lost, 0 to 1. */
  get lost(): number {
    return this.#lossBased.share;
  }

  /** `sequence` is the transport-wide number, unwrapped. */
  noteSent(sequence: number, size: number, now: Micros): void {
    this.#sent.note(sequence, size, now);
  }

  /** A packet was sent again under all of its numbers. */
  noteResent(sequence: number): void {
    const place = this.#sent.find(sequence);
    if (place >= 0) this.#sent.noteResent(place);
  }

  noteFeedback(feedback: TransportFeedback, now: Micros, roundTrip: Micros): void {
    const { deltas } = feedback;
    const sent = this.#sent;
    if (sent.newest < 0) return;
    const base = unwrapSequence(sent.newest, feedback.baseSequence);
    let arrival = this.#unwrapReference(feedback.referenceTime) * referenceUnit;
    let lost = 0;
    let packets = 0;
    for (let index = 0; index < deltas.length; index += 1) {
      const delta = deltas[index];
      if (delta !== undefined) arrival += delta * deltaUnit;
      const place = sent.find(base + index);
      if (place < 0) continue;
      if (delta === undefined) {
        if (!sent.noteLost(place)) continue;
        packets += 1;
        lost += 1;
        continue;
      }
      packets += 1;
      if (sent.wasResent(place)) {
        // The way has lost it, or it would not have been asked for; what came is the copy.
        lost += 1;
        sent.settle(place);
        continue;
      }
      this.#transit = arrival - sent.timeAt(place);
      this.#least = Math.min(this.#least, this.#transit);
      this.#trend.note(sent.timeAt(place), arrival);
      this.#arrived.note(arrival, sent.sizeAt(place));
      sent.settle(place);
    }
    if (packets === 0) return;
    this.#feedbacks += 1;
    if (now - this.#leastSince > forgetAfter) {
      this.#leastSince = now;
      this.#leastBefore = this.#least;
      this.#least = this.#transit;
    }
    const { rate: arrived, peak } = this.#arrived;
    this.#delayBased.update(this.#trend.signal, { arrived, peak }, now, roundTrip);
    const falls = this.#lossBased.note(lost, packets, this.#delayBased.rate, peak, now);
    if (!falls || peak === undefined) return;
    // A queue that is always full delays evenly: of what it drops the trend of delay says nothing.
    const borne = Math.max(this.#lossBased.rate, peak * fullShare);
    if (borne < this.#delayBased.rate) this.#delayBased.assume(borne);
  }

  /** The receiver's own estimate: draft-alvestrand-rmcat-remb-03. It bounds what feedback says, or stands in for it. */
  noteRemb(bitrate: number): void {
    this.#told = Math.max(0, bitrate);
    if (this.#feedbacks === 0) this.#delayBased.assume(this.#told);
  }

  /** Loss by a receiver report, for peers that tell nothing better; `rate` is what is being sent, bits a second. */
  noteLoss(share: number, rate: number): void {
    if (this.#feedbacks > 0) return;
    const most = this.#told ?? Math.max(rate * 1.5, this.#start);
    const ceiling = Math.min(most, this.#lossBased.rate * recovery);
    this.#delayBased.assume(ceiling);
    this.#lossBased.update(share, ceiling);
  }

  #unwrapReference(reference: number): number {
    const low = ((reference % referenceCycle) + referenceCycle) % referenceCycle;
    const last = this.#reference ?? low;
    let ahead = (low - (last % referenceCycle) + referenceCycle) % referenceCycle;
    if (ahead >= referenceCycle / 2) ahead -= referenceCycle;
    this.#reference = Math.max(0, last + ahead);
    return this.#reference;
  }
}
