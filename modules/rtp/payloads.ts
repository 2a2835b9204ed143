import { Buffer } from 'node:buffer';
import type { AccessUnit, SharedForm } from '../../core/media/access-unit.ts';
import type { H264Codec } from '../../core/media/codecs/codec-descriptor.ts';
import { h264NalType } from '../../core/media/codecs/nal-unit.ts';

/** A payload and its RTP header fit a datagram of Ethernet with room for a tunnel's header. */
export const mostPayload = 1_400;

/** A unit as RTP payloads, made once for all viewers. */
export const rtpPayloads: SharedForm<readonly Buffer[]> = { name: 'rtp payloads', make: packetize };

function packetize(unit: AccessUnit): readonly Buffer[] {
  switch (unit.codec.name) {
    case 'h264':
      return packetizeH264(withSets(unit, unit.codec));
    case 'aac':
      return packetizeAac(unit.parts[0] ?? Buffer.alloc(0));
    default:
      return unit.parts;
  }
}

/** Parameter sets go before each key frame that has none: descriptions are read once, and joiners have to start. */
function withSets(unit: AccessUnit, codec: H264Codec): readonly Buffer[] {
  if (!unit.keyframe || unit.parts.some((part) => h264NalType(part) === 7)) return unit.parts;
  return [...codec.sps, ...codec.pps, ...unit.parts];
}

function packetizeH264(nals: readonly Buffer[]): Buffer[] {
  const payloads: Buffer[] = [];
  for (const nal of nals) {
    if (nal.length <= mostPayload) {
      if (nal.length > 0) payloads.push(nal);
      continue;
    }
    const header = nal[0] ?? 0;
    for (let at = 1; at < nal.length; at += mostPayload - 2) {
      const end = Math.min(nal.length, at + mostPayload - 2);
      const payload = Buffer.allocUnsafe(2 + end - at);
      payload[0] = (header & 0xe0) | 28;
      payload[1] = (at === 1 ? 0x80 : 0) | (end === nal.length ? 0x40 : 0) | (header & 0x1f);
      nal.copy(payload, 2, at, end);
      payloads.push(payload);
    }
  }
  return payloads;
}

function packetizeAac(frame: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 0; at < frame.length; at += mostPayload - 4) {
    const end = Math.min(frame.length, at + mostPayload - 4);
    const payload = Buffer.allocUnsafe(4 + end - at);
    payload.writeUInt16BE(16, 0);
    payload.writeUInt16BE(frame.length << 3, 2);
    frame.copy(payload, 4, at, end);
    payloads.push(payload);
  }
  return payloads;
}
