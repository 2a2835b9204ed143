import { Buffer } from 'node:buffer';
import { writeAv1Record } from './av1-record.ts';
import { writeAvcRecord } from './avc-record.ts';
import { writeHevcRecord } from './hevc-record.ts';
import { withLengths } from './nal.ts';
import { withObuSizes } from './obu.ts';
import { writeVpRecord } from './vp-record.ts';

/** What a record is made of; the shapes of the core's codec descriptors, which wire/ may not name. */
export type DescribedVideo = DescribedH264 | DescribedH265 | DescribedAv1 | DescribedVp9 | DescribedVp8;

export interface DescribedH264 {
  readonly name: 'h264';
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
  readonly profile: number;
  readonly constraints: number;
  readonly level: number;
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
}

export interface DescribedH265 {
  readonly name: 'h265';
  readonly vps: readonly Buffer[];
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
  readonly profileSpace: number;
  readonly tier: number;
  readonly profile: number;
  readonly compatibilityFlags: number;
  readonly constraintFlags: number;
  readonly level: number;
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  readonly numTemporalLayers: number;
  readonly temporalIdNested: boolean;
}

export interface DescribedAv1 {
  readonly name: 'av1';
  readonly sequenceHeader: Buffer;
  readonly profile: number;
  readonly level: number;
  readonly tier: number;
  readonly bitDepth: number;
  readonly monochrome: boolean;
  readonly chromaSubsamplingX: number;
  readonly chromaSubsamplingY: number;
  readonly chromaSamplePosition: number;
}

export interface DescribedVp9 {
  readonly name: 'vp9';
  readonly profile: number;
  readonly level: number;
  readonly bitDepth: number;
  readonly chromaSubsampling: number;
  readonly colourPrimaries: number;
  readonly transferCharacteristics: number;
  readonly matrixCoefficients: number;
  readonly fullRange: boolean;
}

export interface DescribedVp8 {
  readonly name: 'vp8';
}

export interface DecoderRecordOptions {
  /** Whether the VP record gets version and flags in front, as FLV wants it; fMP4 writers put their own. */
  readonly fullBox: boolean;
  /** Whether all parameter sets of H.265 stand in the record (hvc1) or may come in the stream as well. */
  readonly complete: boolean;
}

const none = Buffer.alloc(0);

/** The decoder configuration record of FLV and MP4 for a codec: avcC, hvcC, av1C or vpcC without its box header. */
export function decoderRecord(codec: DescribedVideo, options: DecoderRecordOptions): Buffer {
  switch (codec.name) {
    case 'h264':
      return avcRecord(codec);
    case 'h265':
      return hevcRecord(codec, options.complete);
    case 'av1':
      return writeAv1Record({
        profile: codec.profile,
        level: codec.level,
        tier: bit(codec.tier),
        bitDepth: depth(codec.bitDepth),
        monochrome: codec.monochrome,
        chromaSubsamplingX: bit(codec.chromaSubsamplingX),
        chromaSubsamplingY: bit(codec.chromaSubsamplingY),
        chromaSamplePosition: codec.chromaSamplePosition,
        obus: [codec.sequenceHeader],
      });
    case 'vp9': {
      const record = { ...codec, bitDepth: depth(codec.bitDepth), initialization: none };
      return writeVpRecord(record, options.fullBox);
    }
    case 'vp8':
      return writeVpRecord(vp8Record, options.fullBox);
  }
}

/** VP8 has one profile of note, and says nothing of colour. */
const vp8Record = {
  profile: 0,
  level: 0,
  bitDepth: 8,
  chromaSubsampling: 0,
  fullRange: false,
  colourPrimaries: 2,
  transferCharacteristics: 2,
  matrixCoefficients: 2,
  initialization: none,
} as const;

function avcRecord(codec: DescribedH264): Buffer {
  const { sps, pps, profile, constraints, level, chromaFormat, bitDepthLuma, bitDepthChroma } = codec;
  const high = { chromaFormat, bitDepthLuma, bitDepthChroma, spsExtensions: [] };
  return writeAvcRecord({ profile, compatibility: constraints, level, lengthSize: 4, sps, pps, high });
}

function hevcRecord(codec: DescribedH265, complete: boolean): Buffer {
  return writeHevcRecord({
    profileSpace: codec.profileSpace,
    tier: bit(codec.tier),
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
    complete,
    vps: codec.vps,
    sps: codec.sps,
    pps: codec.pps,
    sei: [],
  });
}

/** A unit's parts as FLV and MP4 carry them: NAL units after their lengths, OBUs with their sizes. */
export function framedParts(codec: string, parts: readonly Buffer[]): readonly Buffer[] {
  switch (codec) {
    case 'h264':
    case 'h265':
      return withLengths(parts);
    case 'av1':
      return withObuSizes(parts);
    default:
      return parts;
  }
}

function bit(value: number): 0 | 1 {
  return value === 0 ? 0 : 1;
}

function depth(bits: number): 8 | 10 | 12 {
  return bits === 12 ? 12 : bits === 10 ? 10 : 8;
}
