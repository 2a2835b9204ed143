import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import {
  type ExVideoCodec,
  exVideoBit,
  type FlvVideoCodec,
  frameType,
  videoCodecId,
  videoFourCc,
  videoPacketType,
} from './codes.ts';
import { flvFormat, multitrackTypeOf, writeNanoOffset } from './enhanced.ts';
import type { FlvVideo, FlvVideoMultitrack, FlvVideoPacket } from './video.ts';

const maxCompositionTime = 0x7f_ffff;

/**
 * The header to send in front of a frame: `[videoFrameHeader(…), ...payload]`.
 * h264 and Flash's own codecs get the CodecID header; h265, av1, vp8 and vp9 the enhanced one. `enhanced` overrules:
 * true for h264 as `avc1`, false for h265 as codec id 12, which some vendors' players read.
 * `compositionTime` is in milliseconds, rounded and held within 24 bits; codecs without reordering fields drop it.
 */
export function videoFrameHeader(
  codec: FlvVideoCodec,
  keyframe: boolean,
  compositionTime: number,
  enhanced = isEnhancedByHabit(codec),
): Buffer {
  const type = keyframe ? frameType.key : frameType.inter;
  if (enhanced) return enhancedHeader(codec, type, compositionTime);
  if (codec === 'h264' || codec === 'h265') return avcHeader(codec, type, 1, compositionTime);
  return Buffer.from([(type << 4) | codecIdOf(codec)]);
}

/** A whole sequence start: the decoder configuration record (wire/codec-records) behind its header. Headers as for `videoFrameHeader`. */
export function writeVideoConfig(codec: FlvVideoCodec, record: Buffer, enhanced = isEnhancedByHabit(codec)): Buffer {
  return writeVideoTag({
    kind: 'config',
    codec,
    enhanced,
    track: 0,
    nanoOffset: 0,
    mpeg2Ts: false,
    payload: record,
  });
}

/** A whole end of sequence. */
export function writeVideoEnd(codec: FlvVideoCodec, enhanced = isEnhancedByHabit(codec)): Buffer {
  return writeVideoTag({ kind: 'end', codec, enhanced, track: 0, nanoOffset: 0 });
}

/**
 * Writes any video tag body that `readVideoTag` reads, copying the payload: for tests, multitrack and what is rare.
 * Throws `unsupported` for a codec that the asked header can't name.
 */
export function writeVideoTag(video: FlvVideo): Buffer {
  switch (video.kind) {
    case 'command':
      // Screen video stands for "no codec" in a legacy command frame: no packet type can be looked for behind it.
      return video.enhanced
        ? Buffer.from([exVideoBit | (frameType.command << 4), video.command])
        : Buffer.from([(frameType.command << 4) | videoCodecId.screen, video.command]);
    case 'multitrack':
      return writeMultitrack(video);
    default:
      return video.enhanced ? writeEnhanced(video) : writeLegacy(video);
  }
}

function isEnhancedByHabit(codec: FlvVideoCodec): boolean {
  return codec === 'h265' || codec === 'av1' || codec === 'vp8' || codec === 'vp9';
}

function avcHeader(codec: 'h264' | 'h265', type: number, packet: number, compositionTime: number): Buffer {
  const bytes = Buffer.allocUnsafe(5);
  bytes[0] = (type << 4) | videoCodecId[codec];
  bytes[1] = packet;
  bytes.writeIntBE(heldComposition(compositionTime), 2, 3);
  return bytes;
}

function enhancedHeader(codec: FlvVideoCodec, type: number, compositionTime: number): Buffer {
  const fourCc = fourCcOf(codec);
  const withTime = (codec === 'h264' || codec === 'h265') && compositionTime !== 0;
  const bytes = Buffer.allocUnsafe(withTime ? 8 : 5);
  bytes[0] = exVideoBit | (type << 4) | framePacketType(codec, compositionTime);
  bytes.writeUInt32BE(fourCc, 1);
  if (withTime) bytes.writeIntBE(heldComposition(compositionTime), 5, 3);
  return bytes;
}

/** CodedFramesX saves the three zero bytes, and is defined for AVC and HEVC alone (E-RTMP "ExVideoTagBody"). */
function framePacketType(codec: FlvVideoCodec, compositionTime: number): number {
  const short = (codec === 'h264' || codec === 'h265') && compositionTime === 0;
  return short ? videoPacketType.codedFramesX : videoPacketType.codedFrames;
}

function writeLegacy(packet: FlvVideoPacket): Buffer {
  const { codec } = packet;
  const type = frameTypeOf(packet);
  if (packet.kind === 'metadata' || (packet.kind === 'config' && packet.mpeg2Ts)) {
    throw new WireError('unsupported', flvFormat, `${packet.kind} needs an enhanced header`);
  }
  if (codec === 'h264' || codec === 'h265') {
    if (packet.kind === 'end') return avcHeader(codec, type, 2, 0);
    const header =
      packet.kind === 'config' ? avcHeader(codec, type, 0, 0) : avcHeader(codec, type, 1, packet.compositionTime);
    return Buffer.concat([header, packet.payload]);
  }
  if (packet.kind !== 'frame') throw new WireError('unsupported', flvFormat, `${codec} has no ${packet.kind}`);
  return Buffer.concat([Buffer.from([(type << 4) | codecIdOf(codec)]), packet.payload]);
}

function writeEnhanced(packet: FlvVideoPacket): Buffer {
  const packetType =
    packet.kind === 'frame' ? framePacketType(packet.codec, packet.compositionTime) : packetTypeOf(packet);
  const front = exHeader(frameTypeOf(packet), packetType, packet.nanoOffset);
  return Buffer.concat([Buffer.from(front), fourCcBytes(packet.codec), ...packetBody(packet, packetType)]);
}

function writeMultitrack(video: FlvVideoMultitrack): Buffer {
  const first = video.tracks[0];
  if (first === undefined) throw new WireError('malformed', flvFormat, 'multitrack without tracks');
  const packetType = packetTypeOf(first);
  const pieces: Buffer[] = [
    Buffer.from(exHeader(frameTypeOf(first), videoPacketType.multitrack, first.nanoOffset)),
    Buffer.from([(multitrackTypeOf(video.layout) << 4) | packetType]),
  ];
  if (video.layout !== 'many-codecs') pieces.push(fourCcBytes(first.codec));
  for (const packet of video.tracks) {
    const body = Buffer.concat(packetBody(packet, packetType));
    if (video.layout === 'many-codecs') pieces.push(fourCcBytes(packet.codec));
    pieces.push(Buffer.from([packet.track]));
    if (video.layout !== 'one-track') pieces.push(sizeBytes(body.length));
    pieces.push(body);
  }
  return Buffer.concat(pieces);
}

/** The first byte and, for a nanosecond offset, the ModEx entry behind it. */
function exHeader(type: number, packetType: number, nanoOffset: number): number[] {
  const first = exVideoBit | (type << 4);
  if (nanoOffset === 0) return [first | packetType];
  return [first | videoPacketType.modEx, ...writeNanoOffset(nanoOffset, packetType)];
}

function packetTypeOf(packet: FlvVideoPacket): number {
  switch (packet.kind) {
    case 'config':
      return packet.mpeg2Ts ? videoPacketType.mpeg2TsSequenceStart : videoPacketType.sequenceStart;
    case 'end':
      return videoPacketType.sequenceEnd;
    case 'metadata':
      return videoPacketType.metadata;
    case 'frame':
      return videoPacketType.codedFrames;
  }
}

function packetBody(packet: FlvVideoPacket, packetType: number): Buffer[] {
  if (packet.kind === 'end') return [];
  const timed = packet.codec === 'h264' || packet.codec === 'h265';
  if (packet.kind !== 'frame' || !timed || packetType !== videoPacketType.codedFrames) return [packet.payload];
  const time = Buffer.allocUnsafe(3);
  time.writeIntBE(heldComposition(packet.compositionTime), 0, 3);
  return [time, packet.payload];
}

function frameTypeOf(packet: FlvVideoPacket): number {
  if (packet.kind !== 'frame' || packet.keyframe) return frameType.key;
  return packet.disposable ? frameType.disposable : frameType.inter;
}

function heldComposition(milliseconds: number): number {
  return Math.max(-maxCompositionTime - 1, Math.min(maxCompositionTime, Math.round(milliseconds)));
}

function codecIdOf(codec: FlvVideoCodec): number {
  if (codec === 'av1' || codec === 'vp8' || codec === 'vp9') {
    throw new WireError('unsupported', flvFormat, `${codec} has no codec id`);
  }
  return videoCodecId[codec];
}

function fourCcOf(codec: FlvVideoCodec): number {
  const fourCc = videoFourCc[codec as ExVideoCodec] as number | undefined;
  if (fourCc === undefined) throw new WireError('unsupported', flvFormat, `${codec} has no FourCC`);
  return fourCc;
}

function fourCcBytes(codec: FlvVideoCodec): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(fourCcOf(codec), 0);
  return bytes;
}

function sizeBytes(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(3);
  if (length > 0xff_ffff) throw new WireError('too-large', flvFormat, `a track of ${length} bytes`);
  bytes.writeUIntBE(length, 0, 3);
  return bytes;
}
