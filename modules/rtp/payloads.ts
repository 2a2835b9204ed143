import { Buffer } from 'node:buffer';
import type { AccessUnit, SharedForm } from '../../core/media/access-unit.ts';
import { h264NalType, h265NalType } from '../../core/media/codecs/nal-unit.ts';
import { packetizeAac } from '../../wire/rtp/payload/aac-packetizer.ts';
import { packetizeH264, packetizeH265 } from '../../wire/rtp/payload/nal-packetizer.ts';

/** A payload and its RTP header fit a datagram of Ethernet with room for a tunnel's header. */
export const mostPayload = 1_400;
/** For browsers: header extensions, the tag of SRTP and the two bytes of RTX come on top, and 1200 to 1280 get through everywhere. */
export const mostPeerPayload = 1_150;

/** A unit as RTP payloads, made once for all viewers. */
export const rtpPayloads = payloadsOf('rtp payloads', mostPayload);
/** The same for browsers. */
export const peerPayloads = payloadsOf('peer payloads', mostPeerPayload);

/**
 * Whether a unit goes to a viewer of H.264's packetization mode 0, which knows no fragments (RFC 6184 6.2): each NAL unit has to
 * fit a payload. What does not can be made by an encoder that is told the size of its slices, and not by cutting.
 */
export function fitsSingleNals(unit: AccessUnit, most: number): boolean {
  return unit.parts.every((nal) => nal.length <= most);
}

function payloadsOf(name: string, most: number): SharedForm<readonly Buffer[]> {
  return { name, make: (unit) => packetize(unit, most) };
}

function packetize(unit: AccessUnit, most: number): readonly Buffer[] {
  const { codec, parts } = unit;
  switch (codec.name) {
    case 'h264':
      return packetizeH264(withSets(unit, [...codec.sps, ...codec.pps], h264NalType, 7), most);
    case 'h265':
      return packetizeH265(withSets(unit, [...codec.vps, ...codec.sps, ...codec.pps], h265NalType, 33), most);
    case 'aac':
      return packetizeAac(parts[0] ?? Buffer.alloc(0), most);
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
