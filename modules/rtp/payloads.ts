import { Buffer } from 'node:buffer';
import type { AccessUnit, SharedForm } from '../../core/media/access-unit.ts';
import { h264NalType, h265NalType } from '../../core/media/codecs/nal-unit.ts';

/** A payload and its RTP header fit a datagram of Ethernet with room for a tunnel's header. */
export const mostPayload = 1_400;

/** A unit as RTP payloads, made once for all viewers. */
export const rtpPayloads: SharedForm<readonly Buffer[]> = { name: 'rtp payloads', make: packetize };

function packetize(unit: AccessUnit): readonly Buffer[] {
  const { codec, parts } = unit;
  switch (codec.name) {
    case 'h264':
      return packetizeNals(withSets(unit, [...codec.sps, ...codec.pps], h264NalType, 7), fragmentH264);
    case 'h265':
      return packetizeNals(withSets(unit, [...codec.vps, ...codec.sps, ...codec.pps], h265NalType, 33), fragmentH265);
    case 'aac':
      return packetizeAac(parts[0] ?? Buffer.alloc(0));
    default:
      return parts; // a frame is a payload
  }
}

/** Parameter sets go before each key frame that has none: descriptions are read once, and joiners have to start. */
function withSets(
  unit: AccessUnit,
  sets: readonly Buffer[],
  typeOf: (nal: Buffer) => number,
  spsType: number,
): readonly Buffer[] {
  if (!unit.keyframe || unit.parts.some((part) => typeOf(part) === spsType)) return unit.parts;
  return [...sets, ...unit.parts];
}

function packetizeNals(nals: readonly Buffer[], fragment: (nal: Buffer, into: Buffer[]) => void): Buffer[] {
  const payloads: Buffer[] = [];
  for (const nal of nals) {
    if (nal.length > mostPayload) fragment(nal, payloads);
    else if (nal.length > 0) payloads.push(nal); // RFC 6184 5.6, RFC 7798 4.4.1
  }
  return payloads;
}

/** FU-A, RFC 6184 5.8. */
function fragmentH264(nal: Buffer, into: Buffer[]): void {
  const header = nal[0] ?? 0;
  const room = mostPayload - 2;
  for (let at = 1; at < nal.length; at += room) {
    const end = Math.min(nal.length, at + room);
    const payload = Buffer.allocUnsafe(2 + end - at);
    payload[0] = (header & 0xe0) | 28;
    payload[1] = edges(at === 1, end === nal.length) | (header & 0x1f);
    nal.copy(payload, 2, at, end);
    into.push(payload);
  }
}

/** RFC 7798 4.4.3. */
function fragmentH265(nal: Buffer, into: Buffer[]): void {
  const header = nal[0] ?? 0;
  const room = mostPayload - 3;
  for (let at = 2; at < nal.length; at += room) {
    const end = Math.min(nal.length, at + room);
    const payload = Buffer.allocUnsafe(3 + end - at);
    payload[0] = (header & 0x81) | (49 << 1);
    payload[1] = nal[1] ?? 0;
    payload[2] = edges(at === 2, end === nal.length) | ((header >> 1) & 0x3f);
    nal.copy(payload, 3, at, end);
    into.push(payload);
  }
}

function edges(first: boolean, last: boolean): number {
  return (first ? 0x80 : 0) | (last ? 0x40 : 0);
}

/** AAC-hbr, RFC 3640 3.3.6: one frame a packet, or a piece of one. */
function packetizeAac(frame: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  const room = mostPayload - 4;
  for (let at = 0; at < frame.length; at += room) {
    const end = Math.min(frame.length, at + room);
    const payload = Buffer.allocUnsafe(4 + end - at);
    payload.writeUInt16BE(16, 0);
    payload.writeUInt16BE((frame.length << 3) & 0xffff, 2);
    frame.copy(payload, 4, at, end);
    payloads.push(payload);
  }
  return payloads;
}
