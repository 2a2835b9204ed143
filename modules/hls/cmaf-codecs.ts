import { Buffer } from 'node:buffer';
import type { AudioCodec, H264Codec, OpusCodec, VideoCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { writeAv1Record } from '../../wire/codec-records/av1-record.ts';
import { type AvcHighExtension, writeAvcRecord } from '../../wire/codec-records/avc-record.ts';
import { writeFlacHeader } from '../../wire/codec-records/flac-record.ts';
import { writeHevcRecord } from '../../wire/codec-records/hevc-record.ts';
import { readOpusHead, writeDops } from '../../wire/codec-records/opus-record.ts';
import { writeVpRecord } from '../../wire/codec-records/vp-record.ts';
import { WireError } from '../../wire/errors.ts';
import type { AudioSampleEntry, Fmp4AudioTrack, Fmp4VideoTrack, VideoSampleEntry } from '../../wire/fmp4/track.ts';

/** RTP's clock of video, which holds whole milliseconds exactly. */
export const videoTimescale = 90_000;
export const videoTrackId = 1;
export const audioTrackId = 2;

/** The video track of an init section. Throws WireError for a codec that fMP4 does not carry here. */
export function videoTrack(codec: VideoCodec): Fmp4VideoTrack {
  const { width, height } = codec;
  const shape = { kind: 'video', trackId: videoTrackId, timescale: videoTimescale, width, height } as const;
  return { ...shape, ...videoEntry(codec) };
}

function videoEntry(codec: VideoCodec): { codec: VideoSampleEntry; config: Buffer } {
  switch (codec.name) {
    case 'h264':
      return { codec: 'avc1', config: avcConfig(codec) };
    case 'h265':
      return {
        codec: 'hvc1',
        config: writeHevcRecord({
          profileSpace: codec.profileSpace,
          tier: codec.tier === 1 ? 1 : 0,
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
          complete: true,
          vps: codec.vps,
          sps: codec.sps,
          pps: codec.pps,
          sei: [],
        }),
      };
    case 'av1':
      return {
        codec: 'av01',
        config: writeAv1Record({
          profile: codec.profile,
          level: codec.level,
          tier: codec.tier === 1 ? 1 : 0,
          bitDepth: bitDepth(codec.bitDepth),
          monochrome: codec.monochrome,
          chromaSubsamplingX: codec.chromaSubsamplingX === 1 ? 1 : 0,
          chromaSubsamplingY: codec.chromaSubsamplingY === 1 ? 1 : 0,
          chromaSamplePosition: codec.chromaSamplePosition,
          obus: [codec.sequenceHeader],
        }),
      };
    case 'vp9':
      return {
        codec: 'vp09',
        config: writeVpRecord(
          {
            profile: codec.profile,
            level: codec.level,
            bitDepth: bitDepth(codec.bitDepth),
            chromaSubsampling: codec.chromaSubsampling,
            fullRange: codec.fullRange,
            colourPrimaries: codec.colourPrimaries,
            transferCharacteristics: codec.transferCharacteristics,
            matrixCoefficients: codec.matrixCoefficients,
            initialization: Buffer.alloc(0),
          },
          false,
        ),
      };
    default:
      throw new WireError('unsupported', 'fmp4', `${codec.name} in HLS`);
  }
}

function bitDepth(bits: number): 8 | 10 | 12 {
  return bits === 10 || bits === 12 ? bits : 8;
}

/** Profiles whose record tells chroma and depth, ISO/IEC 14496-15 5.3.3.1.2. */
const highProfiles: readonly number[] = [100, 110, 122, 144];

function avcConfig(codec: H264Codec): Buffer {
  const high: AvcHighExtension = {
    chromaFormat: codec.chromaFormat,
    bitDepthLuma: codec.bitDepthLuma,
    bitDepthChroma: codec.bitDepthChroma,
    spsExtensions: [],
  };
  return writeAvcRecord({
    profile: codec.profile,
    compatibility: codec.constraints,
    level: codec.level,
    lengthSize: 4,
    sps: codec.sps,
    pps: codec.pps,
    ...(highProfiles.includes(codec.profile) ? { high } : {}),
  });
}

/** The audio track of an init section, in ticks of its own sample rate. Throws WireError for a codec that fMP4 does not carry here. */
export function audioTrack(codec: AudioCodec): Fmp4AudioTrack {
  const { sampleRate, channels } = codec;
  const shape = { kind: 'audio', trackId: audioTrackId, timescale: sampleRate, sampleRate, channels } as const;
  return { ...shape, ...audioEntry(codec) };
}

function audioEntry(codec: AudioCodec): { codec: AudioSampleEntry; config: Buffer } {
  switch (codec.name) {
    case 'aac':
      return { codec: 'mp4a.40', config: codec.config };
    case 'mp3':
      return { codec: 'mp4a.6B', config: Buffer.alloc(0) };
    case 'opus':
      return { codec: 'Opus', config: opusConfig(codec) };
    case 'flac':
      // dfLa has the metadata blocks without the signature of the file.
      return { codec: 'fLaC', config: writeFlacHeader(codec.streamInfo).subarray(4) };
    default:
      throw new WireError('unsupported', 'fmp4', `${codec.name} in HLS`);
  }
}

function opusConfig(codec: OpusCodec): Buffer {
  const plain = {
    channels: codec.channels,
    inputSampleRate: codec.sampleRate,
    outputGain: 0,
    mappingFamily: 0,
  };
  // Who joins a live stream is past the samples that the decoder would drop at its start.
  return writeDops({ ...(codec.head === undefined ? plain : readOpusHead(codec.head)), preSkip: 0 });
}
