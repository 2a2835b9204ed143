import type { Micros } from '../../core/time/micros.ts';
import { ArrivalLog } from '../../modules/rtp/peers/arrival-log.ts';
import type { DtlsIdentity } from '../../wire/dtls/certificate.ts';
import { writeRtcp } from '../../wire/rtcp/writer.ts';
import { RtpPacket, readRtpPacket } from '../../wire/rtp/packet.ts';
import { LightPeer, lightExtensions, lightNow, lightTypes } from '../support/light-peer.ts';
import { FrameTally, type PlayerReport } from './frame-tally.ts';
import { readStamp, sharedNow, stampTail } from './stamp.ts';

export interface ViewerReport extends PlayerReport {
  /** Packets that never came, by their sequence numbers. */
  readonly lost: number;
  /** Packets that were opened and were not authentic. */
  readonly forged: number;
}

/** How often a browser tells of arrivals, and reports. µs. */
const feedbackEvery = 100_000;
const reportEvery = 1_000_000;
const ssrc = 0x5157_1c4d;

/**
 * A viewer as light as may be: it counts packets by their headers, opens those that end a picture for the stamp in it, and tells the
 * server of arrivals as Chromium does.
 */
export class BenchViewer {
  joinMillis = 0;
  readonly joined: Promise<void>;
  readonly #peer: LightPeer;
  readonly #packet = new RtpPacket();
  readonly #arrivals = new ArrivalLog();
  readonly #tally = new FrameTally();
  readonly #highest = new Map<number, number>();
  #lost = 0;
  #forged = 0;
  #videoSsrc = 0;
  #keyTimestamp: number | undefined;
  #nextFeedback = 0;
  #nextReport = 0;
  #onJoined: () => void = () => undefined;

  private constructor(peer: LightPeer) {
    this.#peer = peer;
    this.joined = new Promise((resolve) => {
      this.#onJoined = resolve;
    });
    peer.onRtp = (bytes) => this.#take(bytes);
  }

  /** Resolves when the first keyframe has come in whole. */
  static async play(url: string, identity: DtlsIdentity, started: (viewer: BenchViewer) => void): Promise<void> {
    const peer = await LightPeer.open(identity);
    const viewer = new BenchViewer(peer);
    started(viewer);
    viewer.joinMillis = -sharedNow();
    await peer.signal(url, 'recvonly');
    peer.start();
    await viewer.joined;
  }

  /** Counts from now on. */
  mark(): void {
    this.#tally.mark();
    this.#lost = 0;
  }

  report(): ViewerReport {
    return { ...this.#tally.report(this.#peer.ended), lost: this.#lost, forged: this.#forged };
  }

  tick(): void {
    this.#peer.tick();
    const now = lightNow();
    if (this.#videoSsrc === 0 || now < this.#nextFeedback) return;
    this.#nextFeedback = now + feedbackEvery;
    const isReport = now >= this.#nextReport;
    if (isReport) this.#nextReport = now + reportEvery;
    for (let more = true; more; ) {
      const feedback = this.#arrivals.feedback(ssrc, this.#videoSsrc);
      more = feedback !== undefined;
      const reports = isReport && !more ? [...this.#highest].map(([source, highest]) => reportOf(source, highest)) : [];
      if (more || isReport) {
        this.#peer.sendRtcp(
          writeRtcp([{ kind: 'receiver-report', ssrc, reports }, ...(feedback === undefined ? [] : [feedback])]),
        );
      }
    }
  }

  #take(bytes: Buffer): void {
    const packet = this.#packet;
    if (!readRtpPacket(bytes, packet)) return;
    this.#tally.bytes += bytes.length;
    this.#noteArrival(packet);
    if (packet.payloadType === lightTypes.rtx) return;
    const { sequence, timestamp, marker } = packet;
    const highest = this.#highest.get(packet.ssrc);
    const step = highest === undefined ? 1 : (sequence - highest) & 0xffff;
    if (step < 0x8000) this.#highest.set(packet.ssrc, sequence);
    if (step > 1 && step < 0x8000) this.#lost += step - 1;
    if (packet.payloadType !== lightTypes.video) return;
    this.#videoSsrc = packet.ssrc;
    if (!marker && this.joinMillis > 0) return;
    const length = this.#peer.receiver?.unprotectRtp(bytes) ?? -1;
    if (length < 0) {
      this.#forged += 1;
      return;
    }
    if (this.joinMillis <= 0) this.#lookForKeyframe(bytes.subarray(packet.payloadStart, length), timestamp, marker);
    if (marker) this.#takeStamp(bytes.subarray(length - stampTail, length));
  }

  #noteArrival({ bytes, extensionStart, extensionEnd }: RtpPacket): void {
    for (let at = extensionStart; at < extensionEnd; ) {
      const head = bytes[at] ?? 0;
      if (head === 0) {
        at += 1;
        continue;
      }
      if (head >> 4 === lightExtensions.transportSequence) {
        this.#arrivals.note(bytes.readUInt16BE(at + 1), lightNow() as Micros);
        return;
      }
      at += 2 + (head & 0x0f);
    }
  }

  /** Decodable: the parameter sets came first, and nothing is missing up to the marker. RFC 6184 5.4. */
  #lookForKeyframe(payload: Buffer, timestamp: number, marker: boolean): void {
    const first = payload[0] ?? 0;
    const type = (first & 0x1f) === 24 ? (payload[3] ?? 0) & 0x1f : first & 0x1f;
    if (type === 7 && this.#keyTimestamp === undefined) {
      this.#keyTimestamp = timestamp;
      this.#lost = 0;
    }
    if (!marker || timestamp !== this.#keyTimestamp || this.#lost > 0) return;
    this.joinMillis += sharedNow();
    this.#onJoined();
  }

  #takeStamp(tail: Buffer): void {
    const stamp = readStamp(tail);
    if (stamp !== undefined) this.#tally.take(stamp);
  }
}

function reportOf(source: number, highest: number) {
  return {
    ...{ ssrc: source, fractionLost: 0, cumulativeLost: 0, highestSequence: highest, jitter: 0 },
    ...{ lastSenderReport: 0, delaySinceLast: 0 },
  };
}
