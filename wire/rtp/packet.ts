import { Buffer } from 'node:buffer';

/** The fixed header, RFC 3550 5.1. */
export const rtpHeaderLength = 12;
const noBytes = Buffer.alloc(0);

/**
 * One RTP packet as it was read: the fields of its header, and where in `bytes` its parts are. A record to use again:
 * `readRtpPacket` fills it without allocating, and `payload()` makes the one view that is needed.
 */
export class RtpPacket {
  /** The datagram or interleaved frame that was read. */
  bytes: Buffer = noBytes;
  marker = false;
  /** 0 to 127. */
  payloadType = 0;
  /** 16 bits, wrapping. */
  sequence = 0;
  /** 32 bits, wrapping, in ticks of the payload's clock. */
  timestamp = 0;
  ssrc = 0;
  /** 0 to 15. */
  csrcCount = 0;
  /** "Defined by profile" of the header extension: 0xbede and 0x100x are RFC 8285's; -1 without extension. */
  extensionProfile = -1;
  /** The extension's elements, behind its header of four bytes. */
  extensionStart = 0;
  extensionEnd = 0;
  payloadStart = 0;
  /** Padding is not in the payload. */
  payloadEnd = 0;

  /** A view. */
  payload(): Buffer {
    return this.bytes.subarray(this.payloadStart, this.payloadEnd);
  }

  /** The contributing source at `index`; undefined past `csrcCount`. */
  findCsrc(index: number): number | undefined {
    return index < 0 || index >= this.csrcCount ? undefined : this.bytes.readUInt32BE(rtpHeaderLength + index * 4);
  }
}

/**
 * Reads the header of `bytes` into `packet` (RFC 3550 5.1, 5.3.1). False when it is no valid RTP packet: then
 * `packet` must not be looked at. Nothing is thrown, because a stranger may send a thousand of these a second and each
 * is only to be counted.
 */
export function readRtpPacket(bytes: Buffer, packet: RtpPacket): boolean {
  const length = bytes.length;
  if (length < rtpHeaderLength) return false;
  const first = bytes[0] ?? 0;
  if (first >> 6 !== 2) return false; // RFC 3550 5.1: version
  const second = bytes[1] ?? 0;
  const csrcCount = first & 0x0f;
  let at = rtpHeaderLength + csrcCount * 4;
  let profile = -1;
  let extensionStart = at;
  if ((first & 0x10) !== 0) {
    if (at + 4 > length) return false;
    profile = bytes.readUInt16BE(at);
    extensionStart = at + 4;
    at = extensionStart + bytes.readUInt16BE(at + 2) * 4; // RFC 3550 5.3.1: in words, its header not counted
  }
  if (at > length) return false;
  let end = length;
  if ((first & 0x20) !== 0) {
    const padding = bytes[length - 1] ?? 0; // RFC 3550 5.1: counts itself
    if (padding === 0 || padding > length - at) return false;
    end = length - padding;
  }
  packet.bytes = bytes;
  packet.marker = second >= 0x80;
  packet.payloadType = second & 0x7f;
  packet.sequence = bytes.readUInt16BE(2);
  packet.timestamp = bytes.readUInt32BE(4);
  packet.ssrc = bytes.readUInt32BE(8);
  packet.csrcCount = csrcCount;
  packet.extensionProfile = profile;
  packet.extensionStart = extensionStart;
  packet.extensionEnd = profile < 0 ? extensionStart : at;
  packet.payloadStart = at;
  packet.payloadEnd = end;
  return true;
}

/** What the header of a packet to be sent says. */
export type RtpHeader = {
  readonly marker: boolean;
  readonly payloadType: number;
  /** Its low 16 bits are written: an unwrapped count may be given. */
  readonly sequence: number;
  /** Taken modulo 2^32: an unwrapped count may be given. */
  readonly timestamp: number;
  readonly ssrc: number;
};

/**
 * Writes the twelve bytes of the fixed header at `at` and returns the offset behind them. With `extended` the X bit is
 * set and the caller writes an extension next (`writeExtensions`).
 */
export function writeRtpHeader(target: Buffer, at: number, header: RtpHeader, extended = false): number {
  target[at] = extended ? 0x90 : 0x80;
  target[at + 1] = (header.marker ? 0x80 : 0) | (header.payloadType & 0x7f);
  const sequence = header.sequence & 0xffff;
  target[at + 2] = sequence >> 8;
  target[at + 3] = sequence & 0xff;
  target.writeUInt32BE(header.timestamp >>> 0, at + 4); // ToUint32 is modulo 2^32 for every whole number
  target.writeUInt32BE(header.ssrc >>> 0, at + 8);
  return at + rtpHeaderLength;
}

/** What a datagram on a shared port is, by its first bytes. */
export type DatagramKind = 'rtp' | 'rtcp' | 'dtls' | 'stun' | 'turn-channel' | 'unknown';

/** RFC 7983 7 for the first byte; RFC 5761 4 tells RTCP (packet types 192 to 223) from RTP. */
export function classifyDatagram(bytes: Buffer): DatagramKind {
  const first = bytes[0];
  if (first === undefined) return 'unknown';
  if (first >= 128 && first <= 191) {
    const second = bytes[1] ?? 0;
    return second >= 192 && second <= 223 ? 'rtcp' : 'rtp';
  }
  if (first <= 3) return 'stun';
  if (first >= 20 && first <= 63) return 'dtls';
  return first >= 64 && first <= 79 ? 'turn-channel' : 'unknown';
}
