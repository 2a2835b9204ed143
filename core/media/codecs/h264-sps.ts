import type { Buffer } from 'node:buffer';
import { BitReader } from './bit-reader.ts';
import { CodecError } from './codec-error.ts';
import { plausibleFrameRate } from './frame-rate.ts';
import { h264NalType, unescapeNal } from './nal-unit.ts';

/** What a sequence parameter set says (ISO/IEC 14496-10 7.4.2.1.1). Sizes in pixels, after cropping. */
export type H264Sps = {
  readonly id: number;
  readonly profile: number;
  readonly constraints: number;
  readonly level: number;
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  readonly width: number;
  readonly height: number;
  readonly interlaced: boolean;
  readonly frameRate: number | undefined;
  readonly bFrames: boolean | undefined;
};

/** The profiles whose SPS carries chroma format, bit depths and scaling matrices (7.3.2.1.1). */
const HIGH_PROFILES: readonly number[] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/** With constraint_set3_flag, the intra profiles: no reordering (E.2.1, max_num_reorder_frames). */
const INTRA_PROFILES: readonly number[] = [44, 86, 100, 110, 122, 244];
/** Macroblocks a side that level 6.2 allows: Sqrt(MaxFS * 8), A.3.1. */
const MAX_SIDE_IN_MACROBLOCKS = 1055;

/** Reads an SPS NAL unit, header byte included. Throws `CodecError` and nothing else. */
export function parseH264Sps(nal: Buffer): H264Sps {
  if (h264NalType(nal) !== 7) throw new CodecError('malformed', 'h264', `NAL type ${h264NalType(nal)} is no SPS`);
  const bits = new BitReader(unescapeNal(nal, 1), 'h264');
  const profile = bits.bits(8);
  const constraints = bits.bits(8);
  const level = bits.bits(8);
  const id = bits.ue(31);
  const format = readFormat(bits, profile);
  bits.ue(12); // log2_max_frame_num_minus4
  const orderType = readPictureOrder(bits);
  bits.ue(16); // max_num_ref_frames
  bits.skip(1); // gaps_in_frame_num_value_allowed_flag
  const size = readSize(bits, format);
  const inferred = inferReordering(profile, constraints, orderType);
  const vui = readOptionalVui(bits);
  return {
    id,
    profile,
    constraints,
    level,
    chromaFormat: format.chromaFormat,
    bitDepthLuma: format.bitDepthLuma,
    bitDepthChroma: format.bitDepthChroma,
    ...size,
    frameRate: vui.frameRate,
    bFrames: inferred === false || vui.reorderFrames === undefined ? inferred : vui.reorderFrames > 0,
  };
}

/** pic_parameter_set_id and the SPS it refers to (7.3.2.2). Throws `CodecError` when it is no PPS. */
export function parseH264Pps(nal: Buffer): { readonly id: number; readonly spsId: number } {
  if (h264NalType(nal) !== 8) throw new CodecError('malformed', 'h264', `NAL type ${h264NalType(nal)} is no PPS`);
  // Two codes of at most 17 bits, and one emulation prevention byte or two
  const bits = new BitReader(unescapeNal(nal.subarray(0, 16), 1), 'h264');
  return { id: bits.ue(255), spsId: bits.ue(31) };
}

type Format = {
  readonly chromaFormat: number;
  readonly separatePlanes: boolean;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
};

function readFormat(bits: BitReader, profile: number): Format {
  if (!HIGH_PROFILES.includes(profile)) {
    return { chromaFormat: 1, separatePlanes: false, bitDepthLuma: 8, bitDepthChroma: 8 };
  }
  const chromaFormat = bits.ue(3);
  const separatePlanes = chromaFormat === 3 && bits.flag();
  const bitDepthLuma = 8 + bits.ue(6);
  const bitDepthChroma = 8 + bits.ue(6);
  bits.skip(1); // qpprime_y_zero_transform_bypass_flag
  if (bits.flag()) {
    const lists = chromaFormat === 3 ? 12 : 8;
    for (let i = 0; i < lists; i++) if (bits.flag()) skipScalingList(bits, i < 6 ? 16 : 64);
  }
  return { chromaFormat, separatePlanes, bitDepthLuma, bitDepthChroma };
}

/** 7.3.2.1.1.1. */
function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  for (let i = 0; i < size; i++) {
    const next = (((last + bits.se()) % 256) + 256) % 256;
    if (next === 0) return; // The rest repeats the last scale
    last = next;
  }
}

/** Returns pic_order_cnt_type. */
function readPictureOrder(bits: BitReader): number {
  const type = bits.ue(2);
  if (type === 0) bits.ue(12); // log2_max_pic_order_cnt_lsb_minus4
  if (type === 1) {
    bits.skip(1); // delta_pic_order_always_zero_flag
    bits.se(); // offset_for_non_ref_pic
    bits.se(); // offset_for_top_to_bottom_field
    const cycle = bits.ue(255);
    for (let i = 0; i < cycle; i++) bits.se();
  }
  return type;
}

function readSize(bits: BitReader, format: Format): { width: number; height: number; interlaced: boolean } {
  const widthInMacroblocks = bits.ue(MAX_SIDE_IN_MACROBLOCKS - 1) + 1;
  const heightInMapUnits = bits.ue(MAX_SIDE_IN_MACROBLOCKS - 1) + 1;
  const frameMacroblocksOnly = bits.flag();
  if (!frameMacroblocksOnly) bits.skip(1); // mb_adaptive_frame_field_flag
  bits.skip(1); // direct_8x8_inference_flag
  const fieldFactor = frameMacroblocksOnly ? 1 : 2;
  let width = widthInMacroblocks * 16;
  let height = heightInMapUnits * 16 * fieldFactor; // (7-18)
  if (bits.flag()) {
    const planes = format.separatePlanes ? 0 : format.chromaFormat; // ChromaArrayType
    const unitX = planes === 1 || planes === 2 ? 2 : 1; // (7-19), (7-21)
    const unitY = (planes === 1 ? 2 : 1) * fieldFactor; // (7-20), (7-22)
    width -= unitX * (bits.ue() + bits.ue());
    height -= unitY * (bits.ue() + bits.ue());
    if (width <= 0 || height <= 0) throw bits.malformed('the cropping leaves no picture');
  }
  return { width, height, interlaced: !frameMacroblocksOnly };
}

/** What the profile alone says about reordering; undefined when it says nothing. */
function inferReordering(profile: number, constraints: number, orderType: number): boolean | undefined {
  if (profile === 66) return false; // A.2.1: no B slices
  if (orderType === 2) return false; // 8.2.1.3: output order is decoding order
  if ((constraints & 0x10) !== 0 && INTRA_PROFILES.includes(profile)) return false;
  return undefined;
}

type Vui = { readonly frameRate: number | undefined; readonly reorderFrames: number | undefined };
const NO_VUI: Vui = { frameRate: undefined, reorderFrames: undefined };

/** Nothing in the VUI is needed to decode, and cameras are known to write it wrongly: a broken one counts as absent. */
function readOptionalVui(bits: BitReader): Vui {
  try {
    return bits.flag() ? readVui(bits) : NO_VUI;
  } catch (error) {
    if (error instanceof CodecError) return NO_VUI;
    throw error;
  }
}

/** E.1.1. */
function readVui(bits: BitReader): Vui {
  if (bits.flag() && bits.bits(8) === 255) bits.skip(32); // Extended_SAR
  if (bits.flag()) bits.skip(1); // overscan
  if (bits.flag()) {
    bits.skip(4); // video_format, video_full_range_flag
    if (bits.flag()) bits.skip(24); // colour description
  }
  if (bits.flag()) {
    bits.ue(5);
    bits.ue(5);
  }
  let frameRate: number | undefined;
  if (bits.flag()) {
    const unitsInTick = bits.bits(32);
    const timeScale = bits.bits(32);
    frameRate = plausibleFrameRate(timeScale, 2 * unitsInTick); // A tick is a field, (D-2)
    bits.skip(1); // fixed_frame_rate_flag
  }
  const nalHrd = bits.flag();
  if (nalHrd) skipHrd(bits);
  const vclHrd = bits.flag();
  if (vclHrd) skipHrd(bits);
  if (nalHrd || vclHrd) bits.skip(1); // low_delay_hrd_flag
  bits.skip(1); // pic_struct_present_flag
  return { frameRate, reorderFrames: readReorderFrames(bits) };
}

/** bitstream_restriction. */
function readReorderFrames(bits: BitReader): number | undefined {
  if (!bits.flag()) return undefined;
  bits.skip(1); // motion_vectors_over_pic_boundaries_flag
  bits.ue(16); // max_bytes_per_pic_denom
  bits.ue(16); // max_bits_per_mb_denom
  bits.ue(16);
  bits.ue(16);
  return bits.ue(16);
}

/** E.1.2. */
function skipHrd(bits: BitReader): void {
  const count = bits.ue(31) + 1;
  bits.skip(8); // bit_rate_scale, cpb_size_scale
  for (let i = 0; i < count; i++) {
    bits.ue();
    bits.ue();
    bits.skip(1);
  }
  bits.skip(20);
}
