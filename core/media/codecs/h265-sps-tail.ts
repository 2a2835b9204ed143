import type { BitReader } from './bit-reader.ts';
import { plausibleFrameRate } from './frame-rate.ts';

/** scaling_list_data, ISO/IEC 23008-2 7.3.4. */
export function skipScalingLists(bits: BitReader): void {
  for (let sizeId = 0; sizeId < 4; sizeId++) {
    const step = sizeId === 3 ? 3 : 1;
    for (let matrixId = 0; matrixId < 6; matrixId += step) {
      if (!bits.flag()) {
        bits.ue(5); // scaling_list_pred_matrix_id_delta
        continue;
      }
      const coefficients = Math.min(64, 1 << (4 + (sizeId << 1)));
      if (sizeId > 1) bits.se(); // scaling_list_dc_coef_minus8
      for (let i = 0; i < coefficients; i++) bits.se();
    }
  }
}

/** num_short_term_ref_pic_sets and the sets, 7.3.7. */
export function skipShortTermSets(bits: BitReader): void {
  const count = bits.ue(64);
  let previous = 0; // NumDeltaPocs of the set before
  for (let i = 0; i < count; i++) previous = skipShortTermSet(bits, i, previous);
}

/** Returns the set's NumDeltaPocs, which the next set may be coded against. */
function skipShortTermSet(bits: BitReader, index: number, previous: number): number {
  if (index > 0 && bits.flag()) {
    bits.skip(1); // delta_rps_sign
    bits.ue(); // abs_delta_rps_minus1
    let kept = 0;
    for (let j = 0; j <= previous; j++) {
      const usedByCurrent = bits.flag();
      if (usedByCurrent || bits.flag()) kept++; // use_delta_flag, (7-61), (7-62)
    }
    return kept;
  }
  const negative = bits.ue(16);
  const positive = bits.ue(16);
  for (let j = 0; j < negative + positive; j++) {
    bits.ue(); // delta_poc_s_minus1
    bits.skip(1); // used_by_curr_pic_s_flag
  }
  return negative + positive;
}

/** vui_parameters up to the timing, E.2.1. */
export function readH265VuiFrameRate(bits: BitReader): number | undefined {
  if (bits.flag() && bits.bits(8) === 255) bits.skip(32); // EXTENDED_SAR
  if (bits.flag()) bits.skip(1); // overscan
  if (bits.flag()) {
    bits.skip(4); // video_format, video_full_range_flag
    if (bits.flag()) bits.skip(24); // colour description
  }
  if (bits.flag()) {
    bits.ue(5);
    bits.ue(5);
  }
  bits.skip(3); // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
  if (bits.flag()) for (let i = 0; i < 4; i++) bits.ue(); // default_display_window
  if (!bits.flag()) return undefined;
  const unitsInTick = bits.bits(32);
  return plausibleFrameRate(bits.bits(32), unitsInTick); // A tick is a picture
}
