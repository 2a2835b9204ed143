import type { Buffer } from 'node:buffer';
import type { AccessUnit } from '../../../core/media/access-unit.ts';
import type { CodecDescriptor } from '../../../core/media/codecs/codec-descriptor.ts';
import type { MediaKind } from '../../../core/streams/track.ts';
import { type Micros, millis, seconds, toTicks } from '../../../core/time/micros.ts';
import { ntpFromUnix } from '../../../wire/rtcp/ntp.ts';
import type { SenderReport } from '../../../wire/rtcp/packet.ts';
import type { PeerFormat, PeerMedium } from '../contract.ts';
import { codecNameOf } from '../formats.ts';
import { fitsSingleNals, mostPeerPayload } from '../payloads.ts';
import { extensionIds } from './header-extensions.ts';
import { OutgoingHeader } from './outgoing-header.ts';
import type { OutgoingLink } from './outgoing-link.ts';
import { PacketHistory } from './packet-history.ts';
import { SentCopies } from './sent-copies.ts';

export interface OutgoingMediumSettings {
  readonly medium: PeerMedium;
  readonly ssrc: number;
  readonly rtxSsrc: number;
  /** Random: RFC 3550 5.1, RFC 4588 8.2. */
  readonly firstSequence: number;
  readonly firstTimestamp: number;
}

/** How long after it was sent a packet is of use to somebody who lost it, and how much of that is kept for one viewer. */
const historyAge = seconds(2);
const historyBytes = 4 * 1_024 * 1_024;
const historyPackets = 1_024;
/** For a peer without RTX: what it loses it misses soon, or its window against replays has moved on (128 packets as a rule). */
const copied = { capacity: 512, packetBytes: 1_280, age: historyAge };
/** A packet that did not come through so often is not going to. */
const mostResends = 8;
/** Padding repeats the newest of so many packets. */
const padded = 16;
const captureInterval = seconds(1);
/** The least time between two resends of one packet, however short the round trip. */
const leastResendPause = millis(15);

/** One medium as a source of RTP to one peer: its own numbers, its retransmissions (RFC 4588, or copies), its reports. */
export class OutgoingMedium {
  readonly kind: MediaKind;
  readonly medium: PeerMedium;
  readonly ssrc: number;
  /** The source of its retransmissions, where they are agreed. */
  readonly rtxSsrc: number | undefined;
  readonly #settings: OutgoingMediumSettings;
  readonly #link: OutgoingLink;
  readonly #header: OutgoingHeader;
  readonly #history: PacketHistory | undefined;
  /** While the format that is sent has NACK and no RTX. */
  #copies: SentCopies | undefined;
  #format: PeerFormat | undefined;
  #codec: CodecDescriptor | undefined;
  /** NAL units must not be cut: packetization mode 0. */
  #whole = false;
  #sequence: number;
  #rtxSequence: number;
  #lastCapture = -Infinity;
  #padding = 0;
  /** Of the next packet. */
  #timestamp = 0;
  #packets = 0;
  #octets = 0;
  /** Bytes sent, headers and protection and all. */
  bytes = 0;
  /** Packets sent again. */
  resent = 0;

  constructor(settings: OutgoingMediumSettings, link: OutgoingLink) {
    const { medium, ssrc, rtxSsrc, firstSequence } = settings;
    const rtx = medium.formats.some((format) => format.rtx !== undefined);
    this.#settings = settings;
    this.#link = link;
    this.medium = medium;
    this.kind = medium.kind;
    this.ssrc = ssrc;
    this.rtxSsrc = rtx ? rtxSsrc : undefined;
    this.#header = new OutgoingHeader(extensionIds(medium), medium.mid);
    this.#sequence = firstSequence;
    this.#rtxSequence = firstSequence ^ 0x5555;
    this.#history = rtx
      ? new PacketHistory({ capacity: historyPackets, age: historyAge, bytes: historyBytes })
      : undefined;
  }

  /**
   * A unit is going to be sent, stamped with stream time `stamp`. False when the peer takes no format of its codec, or it does not fit
   * that: RFC 6184 6.2 knows no fragments.
   */
  begin(unit: AccessUnit, stamp: Micros): boolean {
    if (unit.codec !== this.#codec) {
      this.#codec = unit.codec;
      this.#format = formatOf(this.medium, unit.codec);
      this.#copies = needsCopies(this.#format) ? (this.#copies ?? new SentCopies(copied)) : undefined;
      this.#whole = unit.codec.name === 'h264' && this.#format?.parameters.get('packetization-mode') !== '1';
    }
    const format = this.#format;
    if (format === undefined || (this.#whole && !fitsSingleNals(unit, mostPeerPayload))) return false;
    this.#timestamp = this.timestampOf(stamp, format.clockRate);
    this.#header.withDelay = unit.keyframe && this.kind === 'video';
    if (unit.capturedAt !== undefined && unit.pts - this.#lastCapture >= captureInterval) {
      this.#lastCapture = unit.pts;
      this.#header.capturedAt = unit.capturedAt;
    }
    return true;
  }

  /** The next packet of the unit that was begun. */
  send(payload: Buffer, marker: boolean, now: Micros): void {
    const format = this.#format;
    if (format === undefined) return;
    const header = this.#header;
    header.marker = marker;
    header.payloadType = format.payloadType;
    header.sequence = this.#sequence;
    header.timestamp = this.#timestamp;
    header.ssrc = this.ssrc;
    const size = this.#link.send(header, payload, -1, this.#copies);
    header.withDelay = false;
    header.capturedAt = undefined;
    this.#history?.keep(this.#sequence, this.#timestamp, (marker ? 0x80 : 0) | format.payloadType, payload, now);
    this.#sequence += 1;
    this.#packets += 1;
    this.#octets += payload.length;
    this.bytes += size;
  }

  /** The next packet of the unit begins so many ticks later. */
  advance(ticks: number): void {
    this.#timestamp += ticks;
  }

  /** Sends what the peer misses once more, unless that has just been done. Gives its size on the wire. */
  resend(sequence: number, now: Micros, roundTrip: Micros): number {
    const size = this.#copies === undefined ? 0 : this.#resendCopy(this.#copies, sequence, now, roundTrip);
    if (size > 0) return size;
    const history = this.#history;
    const place = history?.find(sequence) ?? -1;
    if (history === undefined || place < 0 || this.rtxSsrc === undefined) return 0;
    const payload = history.payloadAt(place);
    if (payload === undefined || !isDue(history, place, now, roundTrip)) return 0;
    history.noteResend(place, now);
    this.resent += 1;
    return this.#repeat(history, place, payload, this.rtxSsrc);
  }

  /** Without RTX: the same bytes under the same number. */
  #resendCopy(copies: SentCopies, sequence: number, now: Micros, roundTrip: Micros): number {
    const place = copies.find(sequence, now);
    if (place < 0 || !isDue(copies, place, now, roundTrip)) return 0;
    copies.noteResend(place, now);
    const size = this.#link.resend(copies, place);
    if (size > 0) this.resent += 1;
    this.bytes += size;
    return size;
  }

  /** Sends something once more that the peer most likely has: padding that may even be of use (RFC 4588 allows any). Gives its size. */
  pad(): number {
    const history = this.#history;
    if (history === undefined || this.rtxSsrc === undefined) return 0;
    this.#padding = (this.#padding + 1) % padded;
    const place = history.find((this.#sequence - 1 - this.#padding) & 0xffff);
    const payload = place < 0 ? undefined : history.payloadAt(place);
    return payload === undefined ? 0 : this.#repeat(history, place, payload, this.rtxSsrc);
  }

  #repeat(history: PacketHistory, place: number, payload: Buffer, rtxSsrc: number): number {
    const type = history.typeAt(place);
    const rtx = this.#rtxTypeOf(type & 0x7f);
    if (rtx === undefined) return 0;
    const header = this.#header;
    header.marker = type >= 0x80;
    header.payloadType = rtx;
    header.sequence = this.#rtxSequence;
    header.timestamp = history.timestampAt(place);
    header.ssrc = rtxSsrc;
    // Nobody reports on retransmissions alone: that they were heard of is never certain (RFC 8843 9.2).
    const { withMid } = header;
    header.withMid = true;
    const size = this.#link.send(header, payload, history.sequenceAt(place));
    header.withMid = withMid;
    this.#rtxSequence += 1;
    this.bytes += size;
    return size;
  }

  /** The peer has reported on the source: it knows where it belongs (RFC 8843 9.2). */
  known(): void {
    this.#header.withMid = false;
  }

  /** Unwrapped ticks of a stream time. */
  timestampOf(stamp: Micros, clockRate = this.#format?.clockRate ?? 90_000): number {
    return this.#settings.firstTimestamp + toTicks(stamp, clockRate);
  }

  /** RFC 3550 6.4.1: `wall` is the time of `stamp`. Undefined before the first packet. */
  report(stamp: Micros, wall: Micros): SenderReport | undefined {
    if (this.#packets === 0) return undefined;
    return {
      kind: 'sender-report',
      ssrc: this.ssrc,
      ntp: ntpFromUnix(wall),
      rtpTimestamp: this.timestampOf(stamp) >>> 0,
      packets: this.#packets >>> 0,
      octets: this.#octets >>> 0,
      reports: [],
    };
  }

  inspect(): Record<string, unknown> {
    const { encoding = undefined } = this.#format ?? {};
    return {
      kind: this.kind,
      encoding,
      packets: this.#packets,
      bytes: this.bytes,
      resent: this.resent,
      keptBytes: (this.#history?.bytes ?? 0) + (this.#copies?.bytes ?? 0),
    };
  }

  #rtxTypeOf(payloadType: number): number | undefined {
    const { formats } = this.medium;
    for (let index = 0; index < formats.length; index += 1) {
      const format = formats[index];
      if (format?.payloadType === payloadType) return format.rtx;
    }
    return undefined;
  }
}

/** Whether what the peer misses of a format can only be sent as it was. */
function needsCopies(format: PeerFormat | undefined): boolean {
  return format !== undefined && format.rtx === undefined && format.feedback.includes('nack');
}

/** Whether a packet may be sent again by now: not without end, and not before the last time can have been of use. */
function isDue(kept: PacketHistory | SentCopies, place: number, now: Micros, roundTrip: Micros): boolean {
  const resends = kept.resendsAt(place);
  if (resends >= mostResends) return false;
  return resends === 0 || now - kept.lastSentAt(place) >= Math.max(leastResendPause, roundTrip);
}

/** The format that a codec is sent in: of several for H.264 the one of its profile, fragmented (RFC 6184 6.3). */
function formatOf({ kind, formats }: PeerMedium, codec: CodecDescriptor): PeerFormat | undefined {
  const fitting = formats.filter((format) => codecNameOf(kind, format) === codec.name);
  if (codec.name !== 'h264' || fitting.length < 2) return fitting[0];
  const fragmented = fitting.filter(({ parameters }) => parameters.get('packetization-mode') === '1');
  const pool = fragmented.length > 0 ? fragmented : fitting;
  const profile = codec.profile.toString(16).padStart(2, '0');
  return (
    pool.find(({ parameters }) => parameters.get('profile-level-id')?.toLowerCase().startsWith(profile)) ?? pool[0]
  );
}
