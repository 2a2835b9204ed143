import { Buffer } from 'node:buffer';
import type { AccessUnit, SharedForm } from '../../core/media/access-unit.ts';
import type { AudioCodec, CodecDescriptor, VideoCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { writeAv1Record } from '../../wire/codec-records/av1-record.ts';
import { writeAvcRecord } from '../../wire/codec-records/avc-record.ts';
import { writeFlacHeader } from '../../wire/codec-records/flac-record.ts';
import { writeHevcRecord } from '../../wire/codec-records/hevc-record.ts';
import { withLengths } from '../../wire/codec-records/nal.ts';
import { withObuSizes } from '../../wire/codec-records/obu.ts';
import { writeOpusHead } from '../../wire/codec-records/opus-record.ts';
import { writeVpRecord } from '../../wire/codec-records/vp-record.ts';
import { audioFrameHeader, videoFrameHeader, writeAudioConfig, writeVideoConfig } from '../../wire/flv/tag.ts';
import { chunkMessage } from '../../wire/rtmp/chunk-writer.ts';
import { messageType } from '../../wire/rtmp/message.ts';

/** One for all peers, so that one Buffer serves them all. Small enough for every client in use. */
export const outgoingChunkSize = 60_000;
/** The message stream that the shared form names; nearly every player's stream has this id. */
export const usualStreamId = 1;
/** Where the message stream id stands in a message with a basic header of one byte. RTMP 1.0 5.3.1.2.1. */
const streamIdOffset = 8;

/** Chunk streams of what we send; any numbers would do. */
export const chunkStream = { connection: 3, audio: 4, stream: 5, video: 6 } as const;

/** A unit as a whole chunked message, ready for the socket, for message stream 1. */
export const rtmpMessageForm: SharedForm<Buffer> = { name: 'rtmp message', make: frameMessage };

/** RTMP timestamps are stream time in milliseconds, the same for every player of the stream. */
export function timestampOf(unit: AccessUnit): number {
  return Math.round(unit.dts / 1_000);
}

function frameMessage(unit: AccessUnit): Buffer {
  const { codec } = unit;
  const timestamp = timestampOf(unit);
  const payload = [
    codec.kind === 'video'
      ? videoFrameHeader(codec.name, unit.keyframe, Math.round(unit.pts / 1_000) - timestamp)
      : soundHeader(codec),
  ];
  const pieces = framePieces(unit);
  for (let index = 0; index < pieces.length; index += 1) payload.push(pieces[index] as Buffer);
  return mediaMessage(codec.kind, timestamp, payload);
}

function framePieces(unit: AccessUnit): readonly Buffer[] {
  switch (unit.codec.name) {
    case 'h264':
    case 'h265':
      return withLengths(unit.parts);
    case 'av1':
      return withObuSizes(unit.parts);
    default:
      return unit.parts;
  }
}

function soundHeader(codec: AudioCodec): Buffer {
  if (codec.name === 'g722' || codec.name === 'g729') throw new TypeError(`RTMP has no ${codec.name}`);
  return audioFrameHeader(codec.name, { sampleRate: codec.sampleRate, channels: codec.channels, sampleSize: 16 });
}

function mediaMessage(kind: 'video' | 'audio', timestamp: number, payload: readonly Buffer[]): Buffer {
  const type = kind === 'video' ? messageType.video : messageType.audio;
  return chunkMessage(
    { type, streamId: usualStreamId, timestamp, csid: chunkStream[kind], payload },
    outgoingChunkSize,
  );
}

/** The sequence header of a codec as a whole message for message stream 1; undefined for codecs that have none. */
export function configMessage(codec: CodecDescriptor, timestamp: number): Buffer | undefined {
  const payload = codec.kind === 'video' ? videoConfig(codec) : audioConfig(codec);
  return payload === undefined ? undefined : mediaMessage(codec.kind, timestamp, [payload]);
}

/** The same message for another message stream; `from` is where it begins in `bytes`, which must be nobody else's. */
export function addressMessage(bytes: Buffer, from: number, streamId: number): void {
  bytes.writeUInt32LE(streamId, from + streamIdOffset);
}

function videoConfig(codec: VideoCodec): Buffer {
  return writeVideoConfig(codec.name, decoderRecord(codec));
}

function decoderRecord(codec: VideoCodec): Buffer {
  switch (codec.name) {
    case 'h264': {
      const { sps, pps, profile, level, chromaFormat, bitDepthLuma, bitDepthChroma } = codec;
      const high = { chromaFormat, bitDepthLuma, bitDepthChroma, spsExtensions: [] };
      return writeAvcRecord({ profile, compatibility: codec.constraints, level, lengthSize: 4, sps, pps, high });
    }
    case 'h265':
      return writeHevcRecord({
        profileSpace: codec.profileSpace,
        tier: codec.tier === 0 ? 0 : 1,
        profile: codec.profile,
        compatibility: codec.compatibilityFlags,
        constraints: codec.constraintFlags,
        level: codec.level,
        minSpatialSegmentation: 0,
        parallelism: 0,
        chromaFormat: codec.chromaFormat,
        bitDepthLuma: codec.bitDepthLuma,
        bitDepthChroma: codec.bitDepthChroma,
        averageFrameRate: 0,
        constantFrameRate: 0,
        temporalLayers: codec.numTemporalLayers,
        temporalIdNested: codec.temporalIdNested,
        lengthSize: 4,
        complete: false, // parameter sets may stand in the stream as well
        vps: codec.vps,
        sps: codec.sps,
        pps: codec.pps,
        sei: [],
      });
    case 'av1':
      return writeAv1Record({
        profile: codec.profile,
        level: codec.level,
        tier: codec.tier === 0 ? 0 : 1,
        bitDepth: depth(codec.bitDepth),
        monochrome: codec.monochrome,
        chromaSubsamplingX: codec.chromaSubsamplingX === 0 ? 0 : 1,
        chromaSubsamplingY: codec.chromaSubsamplingY === 0 ? 0 : 1,
        chromaSamplePosition: codec.chromaSamplePosition,
        obus: [codec.sequenceHeader],
      });
    case 'vp9':
      return writeVpRecord({ ...codec, bitDepth: depth(codec.bitDepth), initialization: Buffer.alloc(0) }, true);
    case 'vp8':
      return writeVpRecord(
        {
          profile: 0,
          level: 0,
          bitDepth: 8,
          chromaSubsampling: 0,
          fullRange: false,
          colourPrimaries: 2,
          transferCharacteristics: 2,
          matrixCoefficients: 2,
          initialization: Buffer.alloc(0),
        },
        true,
      );
  }
}

function depth(bits: number): 8 | 10 | 12 {
  return bits === 12 ? 12 : bits === 10 ? 10 : 8;
}

function audioConfig(codec: AudioCodec): Buffer | undefined {
  switch (codec.name) {
    case 'aac':
      return writeAudioConfig('aac', codec.config);
    case 'opus': {
      const { channels, preSkip } = codec;
      const plain = { channels, preSkip, inputSampleRate: 48_000, outputGain: 0, mappingFamily: 0 };
      return writeAudioConfig('opus', codec.head ?? writeOpusHead(plain));
    }
    case 'flac':
      return writeAudioConfig('flac', writeFlacHeader(codec.streamInfo));
    default:
      return undefined; // the header of each tag says it all
  }
}
