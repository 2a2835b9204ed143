import { Buffer } from 'node:buffer';
import type { AccessUnit, SharedForm } from '../../core/media/access-unit.ts';
import { OBU_SEQUENCE_HEADER, obuType } from '../../core/media/codecs/av1-obu.ts';
import type { CodecDescriptor, Mpeg4Codec } from '../../core/media/codecs/codec-descriptor.ts';
import { findMpeg4Config } from '../../core/media/codecs/mpeg4.ts';
import { h264NalType, h265NalType } from '../../core/media/codecs/nal-unit.ts';
import { packetizeAac } from '../../wire/rtp/payload/aac-packetizer.ts';
import { packetizeAv1 } from '../../wire/rtp/payload/av1-packetizer.ts';
import { g729Frame, g729Ticks } from '../../wire/rtp/payload/g729.ts';
import { packetizeMpegAudio } from '../../wire/rtp/payload/mpeg-audio.ts';
import { packetizeMpeg4Video } from '../../wire/rtp/payload/mpeg4-video.ts';
import { packetizeH264, packetizeH265 } from '../../wire/rtp/payload/nal-packetizer.ts';
import { packetizeBlocks } from '../../wire/rtp/payload/plain.ts';
import { packetizeVp8 } from '../../wire/rtp/payload/vp8.ts';
import { packetizeVp9 } from '../../wire/rtp/payload/vp9.ts';
import { splitVp9Superframe } from '../../wire/rtp/payload/vp9-superframe.ts';

const noBytes = Buffer.alloc(0);

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
  const frame = parts[0] ?? noBytes;
  switch (codec.name) {
    case 'h264':
      return packetizeH264(withSets(unit, [...codec.sps, ...codec.pps], h264NalType, 7), most);
    case 'h265':
      return packetizeH265(withSets(unit, [...codec.vps, ...codec.sps, ...codec.pps], h265NalType, 33), most);
    case 'aac':
      return packetizeAac(frame, most);
    case 'vp8':
      return packetizeVp8(frame, most);
    case 'vp9':
      // Of a picture of many frames the descriptor tells the first's size, which may be that of its smallest layer.
      return packetizeVp9(frame, unit.keyframe, most, splitVp9Superframe(frame).length === 1 ? codec : undefined);
    case 'av1':
      return packetizeAv1(withSets(unit, [codec.sequenceHeader], obuType, OBU_SEQUENCE_HEADER), unit.keyframe, most);
    case 'mpeg4':
      return packetizeMpeg4Video(withHeaders(unit, codec), most);
    case 'mp3':
    case 'mp2':
      return packetizeMpegAudio(frame, most);
    case 'pcmu':
    case 'pcma':
    case 'g722':
      return packetizeBlocks(frame, codec.channels, most);
    case 'g729':
      return packetizeBlocks(frame, g729Frame, most);
    default:
      return parts; // a frame is a payload
  }
}

/** Headers go before each key frame that has none, as parameter sets do. */
function withHeaders({ keyframe, parts }: AccessUnit, { config }: Mpeg4Codec): Buffer {
  const frame = parts[0] ?? noBytes;
  return !keyframe || findMpeg4Config(frame) !== undefined ? frame : Buffer.concat([config, frame]);
}

/**
 * Ticks from one payload of a unit to the next: 0 where all share a timestamp, as pictures and pieces of frames do; telephony that
 * was published in long units goes out as packets that are each later than the one before (RFC 3551 4.2).
 */
export function ticksOfPayload(codec: CodecDescriptor, payload: Buffer): number {
  switch (codec.name) {
    case 'pcmu':
    case 'pcma':
    case 'g722': // one byte a tick: the clock is 8000 (RFC 3551 4.5.2)
      return payload.length / codec.channels;
    case 'g729':
      return Math.floor(payload.length / g729Frame) * g729Ticks;
    default:
      return 0;
  }
}

/** Parameter sets and sequence headers go before each key frame that has none: descriptions are read once, and joiners have to start. */
function withSets(
  unit: AccessUnit,
  sets: readonly Buffer[],
  typeOf: (part: Buffer) => number,
  setType: number,
): readonly Buffer[] {
  if (!unit.keyframe || unit.parts.some((part) => typeOf(part) === setType)) return unit.parts;
  return [...sets, ...unit.parts];
}
