import type { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import {
  type BitrateEstimate,
  type FullIntraRequest,
  type NackEntry,
  payloadFormat,
  type ReportBlock,
  type RtcpPacket,
  rtcpType,
  type SdesChunk,
  transportFormat,
} from './packet.ts';
import { readTransportFeedback } from './transport-feedback.ts';

/** Packets in one compound: a full one of 31 reports, SDES and feedback has five. */
export const maxRtcpPackets = 64;
/** Items or entries of one packet: NACK and FIR entries, SDES items. */
const maxEntries = 256;
const remb = 0x52454d42; // 'REMB'

export type RtcpCompound = {
  readonly packets: readonly RtcpPacket[];
  /** Packets passed over: kinds that are not read (XR, other feedback) and such as contradict themselves. */
  readonly skipped: number;
};

/**
 * Reads a datagram of RTCP. Reduced-size compounds (RFC 5506) are taken: nothing says which packet comes first.
 *
 * RFC 3550 A.2 validates the headers of the whole before any of it is believed: each of version 2, padding on the last alone,
 * lengths that add up to the datagram. Where that fails WireError is thrown (`malformed`, `truncated`, `too-large`), and the caller counts
 * and forgets the datagram. A packet whose header is right and whose inside is not is skipped, and counted in `skipped`.
 */
export function readRtcp(bytes: Buffer): RtcpCompound {
  checkHeaders(bytes);
  const packets: RtcpPacket[] = [];
  let skipped = 0;
  for (let at = 0; at < bytes.length; ) {
    const end = at + packetLength(bytes, at);
    const packet = findPacket(bytes, at, end);
    if (packet === undefined) skipped += 1;
    else packets.push(packet);
    at = end;
  }
  return { packets, skipped };
}

function packetLength(bytes: Buffer, at: number): number {
  return (bytes.readUInt16BE(at + 2) + 1) * 4; // RFC 3550 6.4.1: words less one
}

function checkHeaders(bytes: Buffer): void {
  let at = 0;
  let count = 0;
  while (at < bytes.length || count === 0) {
    if (bytes.length - at < 4) throw new WireError('truncated', 'rtcp', 'a header is cut off');
    const first = bytes.readUInt8(at);
    if (first >> 6 !== 2) throw new WireError('malformed', 'rtcp', `version ${first >> 6}`);
    const end = at + packetLength(bytes, at);
    if (end > bytes.length) throw new WireError('truncated', 'rtcp', 'a packet is cut off');
    if ((first & 0x20) !== 0) {
      if (end !== bytes.length) throw new WireError('malformed', 'rtcp', 'padding before the last packet');
      const padding = bytes.readUInt8(end - 1);
      // RFC 3550 6.4.1 wants whole words, but libwebrtc pads its transport-wide feedback by one to three bytes and says so.
      if (padding === 0 || padding > end - at - 4)
        throw new WireError('malformed', 'rtcp', `padding of ${padding} bytes`);
    }
    count += 1;
    if (count > maxRtcpPackets) throw new WireError('too-large', 'rtcp', `more than ${maxRtcpPackets} packets`);
    at = end;
  }
}

/** The packet, or undefined when it is one that is passed over. */
function findPacket(bytes: Buffer, at: number, end: number): RtcpPacket | undefined {
  const first = bytes.readUInt8(at);
  const padding = (first & 0x20) === 0 ? 0 : bytes.readUInt8(end - 1);
  const body = new ByteReader(bytes.subarray(at + 4, end - padding), 'rtcp');
  try {
    return readBody(body, bytes.readUInt8(at + 1), first & 0x1f);
  } catch (error) {
    // Its neighbours are believed all the same: they have been delimited by lengths that add up.
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function readBody(body: ByteReader, type: number, count: number): RtcpPacket | undefined {
  switch (type) {
    case rtcpType.senderReport: {
      const ssrc = body.u32();
      const ntp = { seconds: body.u32(), fraction: body.u32() };
      const rtpTimestamp = body.u32();
      const packets = body.u32();
      const octets = body.u32();
      const reports = readReports(body, count);
      return { kind: 'sender-report', ssrc, ntp, rtpTimestamp, packets, octets, reports };
    }
    case rtcpType.receiverReport:
      return { kind: 'receiver-report', ssrc: body.u32(), reports: readReports(body, count) };
    case rtcpType.sourceDescription:
      return { kind: 'source-description', chunks: readSdes(body, count) };
    case rtcpType.goodbye: {
      const ssrcs = readSsrcs(body, count);
      const reason = body.remaining === 0 ? undefined : body.utf8(body.u8()); // RFC 3550 6.6
      return { kind: 'goodbye', ssrcs, reason };
    }
    case rtcpType.application: {
      const ssrc = body.u32();
      const name = body.bytes(4).toString('latin1');
      return { kind: 'application', ssrc, subtype: count, name, content: body.rest() };
    }
    case rtcpType.transportFeedback:
      return readTransportLayer(body, count);
    case rtcpType.payloadFeedback:
      return readPayloadSpecific(body, count);
    default:
      return undefined; // RFC 3550 6.1: unknown types are ignored
  }
}

function readReports(body: ByteReader, count: number): ReportBlock[] {
  const reports: ReportBlock[] = [];
  for (let index = 0; index < count; index += 1) {
    reports.push({
      ssrc: body.u32(),
      fractionLost: body.u8(),
      cumulativeLost: body.s24(),
      highestSequence: body.u32(),
      jitter: body.u32(),
      lastSenderReport: body.u32(),
      delaySinceLast: body.u32(),
    });
  }
  return reports; // profile-specific extensions may follow: RFC 3550 6.4.3
}

/** RFC 3550 6.5: items up to a zero byte, then zeros to a whole word. */
function readSdes(body: ByteReader, count: number): SdesChunk[] {
  const chunks: SdesChunk[] = [];
  let left = maxEntries;
  for (let index = 0; index < count; index += 1) {
    const ssrc = body.u32();
    const items: { type: number; text: string }[] = [];
    let type = body.u8();
    while (type !== 0) {
      if (left === 0) throw new WireError('too-large', 'rtcp', `more than ${maxEntries} SDES items`);
      left -= 1;
      items.push({ type, text: body.utf8(body.u8()) });
      type = body.u8();
    }
    while (body.offset % 4 !== 0 && body.remaining > 0) body.skip(1);
    chunks.push({ ssrc, items });
  }
  return chunks;
}

function readTransportLayer(body: ByteReader, format: number): RtcpPacket | undefined {
  const senderSsrc = body.u32();
  const mediaSsrc = body.u32();
  if (format === transportFormat.transportWide) return readTransportFeedback(body, senderSsrc, mediaSsrc);
  if (format !== transportFormat.nack) return undefined;
  const entries: NackEntry[] = [];
  while (body.remaining > 0) {
    checkEntries(entries.length);
    entries.push({ sequence: body.u16(), mask: body.u16() });
  }
  return { kind: 'nack', senderSsrc, mediaSsrc, entries };
}

function readPayloadSpecific(body: ByteReader, format: number): RtcpPacket | undefined {
  const senderSsrc = body.u32();
  const mediaSsrc = body.u32();
  if (format === payloadFormat.pictureLoss) return { kind: 'picture-loss', senderSsrc, mediaSsrc };
  if (format === payloadFormat.fullIntraRequest) return readFullIntraRequest(body, senderSsrc);
  if (format === payloadFormat.application && body.remaining >= 4 && body.u32() === remb) {
    return readBitrateEstimate(body, senderSsrc);
  }
  return undefined;
}

function readFullIntraRequest(body: ByteReader, senderSsrc: number): FullIntraRequest {
  const requests: { ssrc: number; sequence: number }[] = [];
  while (body.remaining > 0) {
    checkEntries(requests.length);
    const ssrc = body.u32();
    requests.push({ ssrc, sequence: body.u8() });
    body.skip(3);
  }
  return { kind: 'full-intra-request', senderSsrc, requests };
}

/** draft-alvestrand-rmcat-remb-03 2.2: six bits of exponent, eighteen of mantissa. */
function readBitrateEstimate(body: ByteReader, senderSsrc: number): BitrateEstimate {
  const count = body.u8();
  const packed = body.u24();
  const bitrate = Math.min((packed & 0x3ffff) * 2 ** (packed >> 18), Number.MAX_SAFE_INTEGER);
  return { kind: 'bitrate-estimate', senderSsrc, bitrate, ssrcs: readSsrcs(body, count) };
}

function readSsrcs(body: ByteReader, count: number): number[] {
  const ssrcs: number[] = [];
  for (let index = 0; index < count; index += 1) ssrcs.push(body.u32());
  return ssrcs;
}

function checkEntries(count: number): void {
  if (count === maxEntries) throw new WireError('too-large', 'rtcp', `more than ${maxEntries} entries`);
}
