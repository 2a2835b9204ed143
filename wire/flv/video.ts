import type { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import {
  exVideoBit,
  type FlvVideoCodec,
  findVideoCodecByFourCc,
  findVideoCodecById,
  frameType,
  videoCodecId,
  videoPacketType,
} from './codes.ts';
import { type FlvMultitrackLayout, flvFormat, readModEx, readMultitrack } from './enhanced.ts';

/** The body of a video tag or RTMP video message. Payloads are views of it. */
export type FlvVideo = FlvVideoPacket | FlvVideoCommand | FlvVideoMultitrack;

/** What concerns one track. */
export type FlvVideoPacket = FlvVideoFrame | FlvVideoConfig | FlvVideoEnd | FlvVideoMetadata;

interface OfVideoTrack {
  readonly codec: FlvVideoCodec;
  /** Came with an enhanced header (E-RTMP), not with a CodecID. */
  readonly enhanced: boolean;
  /** The id inside a multitrack message; 0 outside. */
  readonly track: number;
  /** Nanoseconds to add to the message's timestamp (ModEx); 0 when not said. */
  readonly nanoOffset: number;
}

/** One coded frame. */
export interface FlvVideoFrame extends OfVideoTrack {
  readonly kind: 'frame';
  readonly keyframe: boolean;
  /** Nothing refers to it: may be dropped. Only Sorenson H.263 says so. */
  readonly disposable: boolean;
  /** Presentation minus decoding time, milliseconds, -2^23 to 2^23 - 1. */
  readonly compositionTime: number;
  /**
   * h264 and h265: NAL units after lengths of the record's lengthSize. av1: a temporal unit with OBU sizes. vp8, vp9: the frame.
   * vp6 and vp6-alpha: begins with the adjustment byte (and the offset to alpha), FLV E.4.3.
   */
  readonly payload: Buffer;
}

/** A sequence start: the decoder configuration record of the codec, or with `mpeg2Ts` an AV1 video descriptor. */
export interface FlvVideoConfig extends OfVideoTrack {
  readonly kind: 'config';
  readonly mpeg2Ts: boolean;
  readonly payload: Buffer;
}

export interface FlvVideoEnd extends OfVideoTrack {
  readonly kind: 'end';
}

/** AMF name and value pairs; `colorInfo` is the only name defined. */
export interface FlvVideoMetadata extends OfVideoTrack {
  readonly kind: 'metadata';
  readonly payload: Buffer;
}

/** A video info or command frame: the server tells the player of a seek. Carries no video. */
export interface FlvVideoCommand {
  readonly kind: 'command';
  readonly enhanced: boolean;
  /** 0 start of seek, 1 end of seek; others are reserved. */
  readonly command: number;
}

export interface FlvVideoMultitrack {
  readonly kind: 'multitrack';
  readonly layout: FlvMultitrackLayout;
  /** At least one; all of one kind. */
  readonly tracks: readonly FlvVideoPacket[];
}

/** Reads FLV VIDEODATA (FLV E.4.3) with E-RTMP's extension. */
export function readVideoTag(body: Buffer): FlvVideo {
  const first = body[0];
  if (first === undefined) throw new WireError('truncated', flvFormat, 'an empty video tag');
  if ((first & exVideoBit) !== 0) return readEnhanced(body, first);
  const id = first & 0x0f;
  const type = first >> 4;
  const withPacketType = id === videoCodecId.h264 || id === videoCodecId.h265;
  if (type === frameType.command) {
    // FLV E.4.3.1: one byte stands in for the video; AVC's packet type and composition time come before it, where written.
    const command = withPacketType && body.length >= 6 ? body[5] : body[1];
    if (command === undefined) throw new WireError('truncated', flvFormat, 'a command frame without command');
    return { kind: 'command', enhanced: false, command };
  }
  const codec = findVideoCodecById(id);
  if (codec === undefined) throw new WireError('unsupported', flvFormat, `video codec id ${id}`);
  const keyframe = isKey(type);
  if (withPacketType) return readAvcTag(body, codec, keyframe);
  return {
    kind: 'frame',
    codec,
    enhanced: false,
    track: 0,
    nanoOffset: 0,
    keyframe,
    disposable: type === frameType.disposable,
    compositionTime: 0,
    payload: body.subarray(1),
  };
}

/** AVCVIDEOPACKET, FLV E.4.3.2: packet type, composition time of 24 bits, payload. */
function readAvcTag(body: Buffer, codec: FlvVideoCodec, keyframe: boolean): FlvVideo {
  const packet = body[1];
  if (packet === 2) return { kind: 'end', codec, enhanced: false, track: 0, nanoOffset: 0 };
  if (body.length < 5) throw new WireError('truncated', flvFormat, 'an AVC packet header has five bytes');
  if (packet === 0) {
    return {
      kind: 'config',
      codec,
      enhanced: false,
      track: 0,
      nanoOffset: 0,
      mpeg2Ts: false,
      payload: body.subarray(5),
    };
  }
  if (packet !== 1) throw new WireError('malformed', flvFormat, `AVC packet type ${packet}`);
  return {
    kind: 'frame',
    codec,
    enhanced: false,
    track: 0,
    nanoOffset: 0,
    keyframe,
    disposable: false,
    compositionTime: body.readIntBE(2, 3),
    payload: body.subarray(5),
  };
}

/** ExVideoTagHeader and ExVideoTagBody, E-RTMP "Enhanced Video". */
function readEnhanced(body: Buffer, first: number): FlvVideo {
  const type = (first >> 4) & 0x07;
  const reader = new ByteReader(body, flvFormat, 1);
  let packetType = first & 0x0f;
  let nanoOffset = 0;
  if (packetType === videoPacketType.modEx) ({ packetType, nanoOffset } = readModEx(reader, videoPacketType.modEx));
  if (type === frameType.command && packetType !== videoPacketType.metadata) {
    return { kind: 'command', enhanced: true, command: reader.u8() };
  }
  if (packetType !== videoPacketType.multitrack) {
    const fourCc = reader.u32();
    return readPacket(reader.rest(), { packetType, fourCc, track: 0, nanoOffset, type });
  }
  const {
    layout,
    packetType: inner,
    slices,
  } = readMultitrack(reader, [videoPacketType.multitrack, videoPacketType.modEx]);
  const tracks: FlvVideoPacket[] = [];
  for (const { fourCc, track, body: payload } of slices) {
    tracks.push(readPacket(payload, { packetType: inner, fourCc, track, nanoOffset, type }));
  }
  return { kind: 'multitrack', layout, tracks };
}

interface PacketHead {
  readonly packetType: number;
  readonly fourCc: number;
  readonly track: number;
  readonly nanoOffset: number;
  readonly type: number;
}

function readPacket(body: Buffer, head: PacketHead): FlvVideoPacket {
  const { track, nanoOffset } = head;
  const codec = findVideoCodecByFourCc(head.fourCc);
  if (codec === undefined) throw new WireError('unsupported', flvFormat, `video FourCC 0x${head.fourCc.toString(16)}`);
  let compositionTime = 0;
  let payload = body;
  switch (head.packetType) {
    case videoPacketType.sequenceStart:
      return { kind: 'config', codec, enhanced: true, track, nanoOffset, mpeg2Ts: false, payload };
    case videoPacketType.mpeg2TsSequenceStart:
      return { kind: 'config', codec, enhanced: true, track, nanoOffset, mpeg2Ts: true, payload };
    case videoPacketType.sequenceEnd:
      return { kind: 'end', codec, enhanced: true, track, nanoOffset };
    case videoPacketType.metadata:
      return { kind: 'metadata', codec, enhanced: true, track, nanoOffset, payload };
    case videoPacketType.codedFrames:
      if (codec === 'h264' || codec === 'h265') {
        if (body.length < 3) throw new WireError('truncated', flvFormat, 'a composition time has three bytes');
        compositionTime = body.readIntBE(0, 3);
        payload = body.subarray(3);
      }
      break;
    case videoPacketType.codedFramesX:
      break;
    default:
      throw new WireError('unsupported', flvFormat, `video packet type ${head.packetType}`);
  }
  return {
    kind: 'frame',
    codec,
    enhanced: true,
    track,
    nanoOffset,
    keyframe: isKey(head.type),
    disposable: head.type === frameType.disposable,
    compositionTime,
    payload,
  };
}

function isKey(type: number): boolean {
  return type === frameType.key || type === frameType.generatedKey;
}
