import { type Micros, toTicks } from '../../core/time/micros.ts';
import { compactNtp } from '../../wire/rtcp/ntp.ts';
import type { NtpTime, ReportBlock } from '../../wire/rtcp/packet.ts';

/** What a receiver reports of one source: RFC 3550 6.4.1 and A.3, A.8. */
export class Reception {
  readonly #clockRate: number;
  #first: number | undefined;
  #highest = 0;
  #received = 0;
  #expectedBefore = 0;
  #receivedBefore = 0;
  #transit: number | undefined;
  #jitter = 0;
  #lastReport: { readonly compact: number; readonly at: Micros } | undefined;

  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  get received(): number {
    return this.#received;
  }

  /** Packets that should have come and did not, up to now. */
  get lost(): number {
    return this.#first === undefined ? 0 : this.#highest - this.#first + 1 - this.#received;
  }

  /** Ticks. */
  get jitter(): number {
    return this.#jitter;
  }

  /** `sequence` and `timestamp` are unwrapped. */
  note(sequence: number, timestamp: number, arrival: Micros): void {
    this.#first ??= sequence;
    if (sequence > this.#highest || this.#received === 0) this.#highest = sequence;
    this.#received += 1;
    const transit = toTicks(arrival, this.#clockRate) - timestamp;
    if (this.#transit !== undefined) {
      const difference = Math.abs(transit - this.#transit);
      this.#jitter += (difference - this.#jitter) / 16;
    }
    this.#transit = transit;
  }

  noteReport(ntp: NtpTime, at: Micros): void {
    this.#lastReport = { compact: compactNtp(ntp), at };
  }

  /** The block for the next receiver report. */
  report(ssrc: number, now: Micros): ReportBlock {
    const expected = this.#first === undefined ? 0 : this.#highest - this.#first + 1;
    const expectedSince = expected - this.#expectedBefore;
    const lostSince = expectedSince - (this.#received - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = this.#received;
    const last = this.#lastReport;
    return {
      ssrc,
      fractionLost: expectedSince <= 0 || lostSince <= 0 ? 0 : Math.floor((lostSince * 256) / expectedSince),
      cumulativeLost: this.lost,
      highestSequence: this.#highest >>> 0,
      jitter: Math.round(this.#jitter),
      lastSenderReport: last?.compact ?? 0,
      delaySinceLast: last === undefined ? 0 : toTicks((now - last.at) as Micros, 65_536),
    };
  }
}
