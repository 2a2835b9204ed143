import type { Micros } from '../../../core/time/micros.ts';
import type { RtcpPacket } from '../../../wire/rtcp/packet.ts';
import { findExtensionNumber } from '../../../wire/rtp/extensions.ts';
import type { RtpPacket } from '../../../wire/rtp/packet.ts';
import type { PeerBitrate, PeerMedium } from '../contract.ts';
import { ArrivalLog } from './arrival-log.ts';
import { ReceiveEstimate } from './bandwidth/receive-estimate.ts';
import { extensionIds } from './header-extensions.ts';

/** As soon as so many packets have come they are told of: a sender of 20 Mbit/s hears each 25 ms. */
const feedbackPackets = 64;
const startRate = 1_000_000;
const leastRate = 50_000;
const largestRate = 100_000_000;

/** What a publisher is told of its bandwidth: when its packets arrived, or, where it does not understand that, how much it may send. */
export class ReceiverBandwidth {
  readonly #bitrate: PeerBitrate;
  readonly #arrivals: ArrivalLog | undefined;
  readonly #estimate: ReceiveEstimate | undefined;
  readonly #remb: boolean;
  readonly #transportSequence: number;
  readonly #sendTime: number;

  constructor(media: readonly PeerMedium[], bitrate: PeerBitrate) {
    const agreed = (value: string): boolean =>
      media.some(({ formats }) => formats.some(({ feedback }) => feedback.includes(value)));
    // RFC 8843 9.1: what counts for the whole transport has one id in all media.
    const ids = media.map((medium) => extensionIds(medium));
    this.#bitrate = bitrate;
    this.#transportSequence = agreed('transport-cc')
      ? (ids.find((of) => of.transportSequence !== 0)?.transportSequence ?? 0)
      : 0;
    this.#sendTime = ids.find((of) => of.sendTime !== 0)?.sendTime ?? 0;
    this.#remb = agreed('goog-remb');
    this.#arrivals = this.#transportSequence === 0 ? undefined : new ArrivalLog();
    const minimum = Math.max(leastRate, bitrate.minimum ?? 0);
    const maximum = Math.max(minimum, bitrate.maximum ?? largestRate);
    const estimates = this.#remb && this.#arrivals === undefined && this.#sendTime !== 0;
    this.#estimate = estimates ? new ReceiveEstimate(Math.max(startRate, minimum), { minimum, maximum }) : undefined;
  }

  /** Whether enough has come to be told of at once. */
  get pressing(): boolean {
    return (this.#arrivals?.fresh ?? 0) >= feedbackPackets;
  }

  /** A packet as it came, of whatever source. */
  note(packet: RtpPacket, arrival: Micros): void {
    if (this.#arrivals !== undefined) {
      const sequence = findExtensionNumber(packet, this.#transportSequence, 2);
      if (sequence !== undefined) this.#arrivals.note(sequence, arrival);
    } else if (this.#estimate !== undefined) {
      const sendTime = findExtensionNumber(packet, this.#sendTime, 3);
      if (sendTime !== undefined) this.#estimate.note(sendTime, arrival, packet.bytes.length);
    }
  }

  /** The next feedback on arrivals; called until there is none. */
  feedback(senderSsrc: number, mediaSsrc: number): RtcpPacket | undefined {
    return this.#arrivals?.feedback(senderSsrc, mediaSsrc);
  }

  /** Time passes: called some twenty times a second. */
  update(now: Micros): void {
    this.#estimate?.update(now);
  }

  /** How much may be sent. A sender that finds out itself is told the limit alone, which it takes as such. */
  remb(senderSsrc: number, ssrcs: readonly number[]): RtcpPacket | undefined {
    const bitrate = this.#estimate?.rate ?? this.#bitrate.maximum;
    if (!this.#remb || bitrate === undefined || ssrcs.length === 0) return undefined;
    return { kind: 'bitrate-estimate', senderSsrc, bitrate: Math.round(bitrate), ssrcs };
  }

  inspect(): Record<string, unknown> {
    if (this.#estimate !== undefined) return { bandwidth: 'REMB', estimate: Math.round(this.#estimate.rate) };
    return { bandwidth: this.#arrivals === undefined ? 'none' : 'transport-wide feedback' };
  }
}
