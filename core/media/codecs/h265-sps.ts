import type { Buffer } from 'node:buffer';
import { BitReader } from './bit-reader.ts';
import { CodecError } from './codec-error.ts';
import { readH265VuiFrameRate, skipScalingLists, skipShortTermSets } from './h265-sps-tail.ts';
import { h265NalType, unescapeNal } from './nal-unit.ts';

/** profile_tier_level's general part, as hvcC wants it (ISO/IEC 23008-2 7.3.3). */
export type H265Profile = {
  readonly profileSpace: number;
  readonly tier: number;
  readonly profile: number;
  readonly compatibilityFlags: number;
  readonly constraintFlags: number;
  readonly level: number;
};

/** What a sequence parameter set says (7.4.3.2.1). Sizes in pixels, inside the conformance window. */
export type H265Sps = H265Profile & {
  readonly id: number;
  readonly vpsId: number;
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  readonly numTemporalLayers: number;
  readonly temporalIdNested: boolean;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number | undefined;
  readonly bFrames: boolean;
};

/** Pixels a side that level 6.2 allows: Sqrt(MaxLumaPs * 8), A.4.1. */
const MAX_SIDE = 16888;

/** Reads an SPS NAL unit, two header bytes included. Throws `CodecError` and nothing else. */
export function parseH265Sps(nal: Buffer): H265Sps {
  expectType(nal, 33, 'SPS');
  const bits = new BitReader(unescapeNal(nal, 2), 'h265');
  const vpsId = bits.bits(4);
  const maxSubLayers = bits.bits(3) + 1;
  if (maxSubLayers > 7) throw bits.malformed('more than 7 temporal layers');
  const temporalIdNested = bits.flag();
  const profile = readProfileTierLevel(bits, maxSubLayers);
  const id = bits.ue(15);
  const size = readSize(bits);
  const bitDepthLuma = 8 + bits.ue(8);
  const bitDepthChroma = 8 + bits.ue(8);
  const orderBits = 4 + bits.ue(12);
  const reorderPictures = readReorderPictures(bits, maxSubLayers);
  return {
    ...profile,
    id,
    vpsId,
    ...size,
    bitDepthLuma,
    bitDepthChroma,
    numTemporalLayers: maxSubLayers,
    temporalIdNested,
    frameRate: readOptionalFrameRate(bits, orderBits),
    bFrames: reorderPictures > 0,
  };
}

/** vps_video_parameter_set_id. */
export function parseH265Vps(nal: Buffer): { readonly id: number } {
  expectType(nal, 32, 'VPS');
  return { id: new BitReader(unescapeNal(nal.subarray(0, 8), 2), 'h265').bits(4) };
}

/** pps_pic_parameter_set_id and the SPS it refers to. */
export function parseH265Pps(nal: Buffer): { readonly id: number; readonly spsId: number } {
  expectType(nal, 34, 'PPS');
  const bits = new BitReader(unescapeNal(nal.subarray(0, 16), 2), 'h265');
  return { id: bits.ue(63), spsId: bits.ue(15) };
}

function expectType(nal: Buffer, type: number, what: string): void {
  if (h265NalType(nal) !== type)
    throw new CodecError('malformed', 'h265', `NAL type ${h265NalType(nal)} is no ${what}`);
  // nuh_layer_id: an enhancement layer's sets have another grammar (annex F)
  const layer = (((nal[0] ?? 0) & 1) << 5) | ((nal[1] ?? 0) >> 3);
  if (layer !== 0) throw new CodecError('unsupported', 'h265', `a ${what} of layer ${layer}`);
}

function readProfileTierLevel(bits: BitReader, maxSubLayers: number): H265Profile {
  const profileSpace = bits.bits(2);
  const tier = bits.bits(1);
  const profile = bits.bits(5);
  const compatibilityFlags = bits.bits(32);
  const constraintFlags = bits.bits(16) * 2 ** 32 + bits.bits(32);
  const level = bits.bits(8);
  let tail = 0;
  for (let i = 0; i < maxSubLayers - 1; i++) tail += (bits.flag() ? 88 : 0) + (bits.flag() ? 8 : 0);
  if (maxSubLayers > 1) bits.skip(2 * (8 - (maxSubLayers - 1))); // reserved_zero_2bits
  bits.skip(tail);
  return { profileSpace, tier, profile, compatibilityFlags, constraintFlags, level };
}

function readSize(bits: BitReader): { chromaFormat: number; width: number; height: number } {
  const chromaFormat = bits.ue(3);
  const separatePlanes = chromaFormat === 3 && bits.flag();
  let width = bits.ue(MAX_SIDE);
  let height = bits.ue(MAX_SIDE);
  if (bits.flag()) {
    const planes = separatePlanes ? 0 : chromaFormat;
    const unitX = planes === 1 || planes === 2 ? 2 : 1; // SubWidthC, table 6-1
    const unitY = planes === 1 ? 2 : 1; // SubHeightC
    width -= unitX * (bits.ue() + bits.ue());
    height -= unitY * (bits.ue() + bits.ue());
  }
  if (width <= 0 || height <= 0) throw bits.malformed('the conformance window leaves no picture');
  return { chromaFormat, width, height };
}

/** sps_max_num_reorder_pics of the highest layer. */
function readReorderPictures(bits: BitReader, maxSubLayers: number): number {
  const layers = bits.flag() ? maxSubLayers : 1;
  let reorder = 0;
  for (let i = 0; i < layers; i++) {
    bits.ue(16); // sps_max_dec_pic_buffering_minus1
    reorder = bits.ue(16);
    bits.ue(); // sps_max_latency_increase_plus1
  }
  return reorder;
}

/** What follows is walked only for the frame rate, which no decoder needs: where it is broken there is none. */
function readOptionalFrameRate(bits: BitReader, orderBits: number): number | undefined {
  try {
    return readFrameRate(bits, orderBits);
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

function readFrameRate(bits: BitReader, orderBits: number): number | undefined {
  for (let i = 0; i < 6; i++) bits.ue(16); // log2 sizes of coding and transform blocks, hierarchy depths
  if (bits.flag() && bits.flag()) skipScalingLists(bits);
  bits.skip(2); // amp_enabled_flag, sample_adaptive_offset_enabled_flag
  if (bits.flag()) {
    bits.skip(8); // pcm_sample_bit_depth_luma_minus1, _chroma_minus1
    bits.ue(5);
    bits.ue(5);
    bits.skip(1); // pcm_loop_filter_disabled_flag
  }
  skipShortTermSets(bits);
  if (bits.flag()) bits.skip(bits.ue(32) * (orderBits + 1)); // long-term reference pictures
  bits.skip(2); // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
  return bits.flag() ? readH265VuiFrameRate(bits) : undefined;
}
