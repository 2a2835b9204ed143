import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import {
  payloadFormat,
  type ReportBlock,
  type RtcpPacket,
  rtcpType,
  type SdesChunk,
  type SenderReport,
  transportFormat,
} from './packet.ts';
import { writeFeedbackControl } from './transport-feedback.ts';

const reportLength = 24;
/** A count of five bits. */
const maxCount = 31;
const remb = 0x52454d42; // 'REMB'
const largestMantissa = 0x3ffff;

/**
 * One datagram of `packets` in their order. A compound of RFC 3550 6.1 begins with a report and has a CNAME; RFC 5506
 * allows less; that is the caller's matter. Throws `too-large` where a count or a length has no room.
 */
export function writeRtcp(packets: readonly RtcpPacket[]): Buffer {
  const pieces: Buffer[] = [];
  for (const packet of packets) pieces.push(writeRtcpPacket(packet));
  return Buffer.concat(pieces);
}

function writeRtcpPacket(packet: RtcpPacket): Buffer {
  switch (packet.kind) {
    case 'sender-report':
      return writeSenderReport(packet);
    case 'receiver-report': {
      const bytes = start(rtcpType.receiverReport, packet.reports.length, 4 + packet.reports.length * reportLength);
      writeReports(bytes, bytes.writeUInt32BE(packet.ssrc, 4), packet.reports);
      return bytes;
    }
    case 'source-description':
      return writeSdes(packet.chunks);
    case 'goodbye': {
      const reason = packet.reason === undefined ? undefined : shortText(packet.reason);
      const length = packet.ssrcs.length * 4 + (reason === undefined ? 0 : 1 + reason.length);
      const bytes = start(rtcpType.goodbye, packet.ssrcs.length, length);
      const at = writeSsrcs(bytes, 4, packet.ssrcs);
      reason?.copy(bytes, bytes.writeUInt8(reason.length, at));
      return bytes;
    }
    case 'application': {
      if (packet.content.length % 4 !== 0 || packet.name.length !== 4) {
        throw new WireError('malformed', 'rtcp', 'an APP packet has a name of four and whole words'); // RFC 3550 6.7
      }
      const bytes = start(rtcpType.application, packet.subtype, 8 + packet.content.length);
      bytes.writeUInt32BE(packet.ssrc, 4);
      bytes.write(packet.name, 8, 4, 'latin1');
      packet.content.copy(bytes, 12);
      return bytes;
    }
    default:
      return writeFeedback(packet);
  }
}

type Feedback = Exclude<
  RtcpPacket,
  { kind: 'sender-report' | 'receiver-report' | 'source-description' | 'goodbye' | 'application' }
>;

function writeFeedback(packet: Feedback): Buffer {
  const { transportFeedback, payloadFeedback } = rtcpType;
  switch (packet.kind) {
    case 'nack': {
      const bytes = start(transportFeedback, transportFormat.nack, 8 + packet.entries.length * 4);
      let at = writeSsrcs(bytes, 4, [packet.senderSsrc, packet.mediaSsrc]);
      for (const { sequence, mask } of packet.entries) {
        at = bytes.writeUInt16BE(mask, bytes.writeUInt16BE(sequence, at));
      }
      return bytes;
    }
    case 'transport-feedback': {
      const control = writeFeedbackControl(packet);
      const bytes = start(transportFeedback, transportFormat.transportWide, 8 + control.length);
      control.copy(bytes, writeSsrcs(bytes, 4, [packet.senderSsrc, packet.mediaSsrc]));
      return bytes;
    }
    case 'picture-loss': {
      const bytes = start(payloadFeedback, payloadFormat.pictureLoss, 8);
      writeSsrcs(bytes, 4, [packet.senderSsrc, packet.mediaSsrc]);
      return bytes;
    }
    case 'full-intra-request': {
      const bytes = start(payloadFeedback, payloadFormat.fullIntraRequest, 8 + packet.requests.length * 8);
      let at = writeSsrcs(bytes, 4, [packet.senderSsrc, 0]); // RFC 5104 4.3.1.2: the media source is 0
      for (const { ssrc, sequence } of packet.requests) {
        bytes.writeUInt32BE(ssrc, at);
        bytes[at + 4] = sequence;
        at += 8;
      }
      return bytes;
    }
    case 'bitrate-estimate': {
      if (packet.ssrcs.length > 255) throw new WireError('too-large', 'rtcp', 'REMB for more than 255 sources');
      const bytes = start(payloadFeedback, payloadFormat.application, 16 + packet.ssrcs.length * 4);
      bytes.writeUInt32BE(remb, writeSsrcs(bytes, 4, [packet.senderSsrc, 0]));
      bytes[16] = packet.ssrcs.length;
      bytes.writeUIntBE(packBitrate(packet.bitrate), 17, 3);
      writeSsrcs(bytes, 20, packet.ssrcs);
      return bytes;
    }
  }
}

function writeSenderReport(packet: SenderReport): Buffer {
  const { ssrc, ntp, rtpTimestamp, packets, octets, reports } = packet;
  const bytes = start(rtcpType.senderReport, reports.length, 24 + reports.length * reportLength);
  let at = writeSsrcs(bytes, 4, [ssrc, ntp.seconds, ntp.fraction]);
  // RFC 3550 6.4.1: these counters wrap, a sender may count on
  at = writeSsrcs(bytes, at, [rtpTimestamp >>> 0, packets >>> 0, octets >>> 0]);
  writeReports(bytes, at, reports);
  return bytes;
}

function writeReports(bytes: Buffer, from: number, reports: readonly ReportBlock[]): void {
  let at = from;
  for (const report of reports) {
    at = bytes.writeUInt32BE(report.ssrc, at);
    at = bytes.writeUInt8(Math.min(Math.max(report.fractionLost, 0), 255), at);
    at = bytes.writeIntBE(Math.min(Math.max(report.cumulativeLost, -0x80_0000), 0x7f_ffff), at, 3); // RFC 3550 A.3
    at = bytes.writeUInt32BE(report.highestSequence >>> 0, at);
    at = bytes.writeUInt32BE(report.jitter >>> 0, at);
    at = bytes.writeUInt32BE(report.lastSenderReport >>> 0, at);
    at = bytes.writeUInt32BE(Math.min(report.delaySinceLast, 0xffff_ffff) >>> 0, at);
  }
}

/** RFC 3550 6.5: each chunk ends with one to four zero bytes, at a whole word. */
function writeSdes(chunks: readonly SdesChunk[]): Buffer {
  const pieces: Buffer[] = [];
  let length = 0;
  for (const { ssrc, items } of chunks) {
    const head = Buffer.allocUnsafe(4);
    head.writeUInt32BE(ssrc);
    pieces.push(head);
    let inChunk = 4;
    for (const { type, text } of items) {
      const value = shortText(text);
      pieces.push(Buffer.of(type, value.length), value);
      inChunk += 2 + value.length;
    }
    const zeros = 4 - (inChunk % 4);
    pieces.push(Buffer.alloc(zeros));
    length += inChunk + zeros;
  }
  const bytes = start(rtcpType.sourceDescription, chunks.length, length);
  let at = 4;
  for (const piece of pieces) at += piece.copy(bytes, at);
  return bytes;
}

/** A packet with its header written, zeros behind it up to a whole word. */
function start(type: number, count: number, length: number): Buffer {
  const words = Math.ceil(length / 4);
  if (count > maxCount || words > 0xffff) {
    throw new WireError('too-large', 'rtcp', `a packet of ${length} bytes with count ${count}`);
  }
  const bytes = Buffer.alloc(4 + words * 4);
  bytes[0] = 0x80 | count;
  bytes[1] = type;
  bytes.writeUInt16BE(words, 2);
  return bytes;
}

function writeSsrcs(bytes: Buffer, from: number, ssrcs: readonly number[]): number {
  let at = from;
  for (const ssrc of ssrcs) at = bytes.writeUInt32BE(ssrc, at);
  return at;
}

function shortText(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > 255) throw new WireError('too-large', 'rtcp', `a text of ${bytes.length} bytes`);
  return bytes;
}

/** The largest value that six bits of exponent and eighteen of mantissa can say and that is not above `bitrate`. */
function packBitrate(bitrate: number): number {
  let exponent = 0;
  let mantissa = Math.max(0, Math.floor(Math.min(bitrate, Number.MAX_SAFE_INTEGER)));
  while (mantissa > largestMantissa) {
    mantissa = Math.floor(mantissa / 2);
    exponent += 1;
  }
  return exponent * 2 ** 18 + mantissa;
}
