import type { Buffer } from 'node:buffer';
import { BitReader } from './bit-reader.ts';
import type { Vp9Codec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';
import { type Colour, colourFields, two } from './colour.ts';

/** color_space to primaries, transfer and matrix (VP9 bitstream 7.2.2); where it names no standard, unspecified. */
const COLOUR_SPACES: readonly (readonly [number, number, number])[] = [
  [2, 2, 2],
  [6, 6, 6], // BT.601
  [1, 1, 1], // BT.709
  [6, 6, 6], // SMPTE 170
  [7, 7, 7], // SMPTE 240
  [9, 14, 9], // BT.2020
  [2, 2, 2],
  [1, 13, 0], // sRGB
];
const RGB = 7;

/** Ten times the level, luma samples a second, luma samples a picture (VP9 levels, annex A). */
const LEVELS: readonly (readonly [number, number, number])[] = [
  [10, 829_440, 36_864],
  [11, 2_764_800, 73_728],
  [20, 4_608_000, 122_880],
  [21, 9_216_000, 245_760],
  [30, 20_736_000, 552_960],
  [31, 36_864_000, 983_040],
  [40, 83_558_400, 2_228_224],
  [41, 160_432_128, 2_228_224],
  [50, 311_951_360, 8_912_896],
  [51, 588_251_136, 8_912_896],
  [52, 1_176_502_272, 8_912_896],
  [60, 1_176_502_272, 35_651_584],
  [61, 2_353_004_544, 35_651_584],
];
const ASSUMED_FRAME_RATE = 30;

/** Whether the frame (or the first of a superframe) is a key frame. Of bytes that are no VP9 frame, false. */
export function isVp9Keyframe(frame: Buffer): boolean {
  const first = frame[0] ?? 0;
  if (first >> 6 !== 2) return false; // frame_marker
  // profile 3 has a reserved bit before show_existing_frame
  const shift = ((first >> 4) & 3) === 3 ? 2 : 3;
  const showExisting = (first >> shift) & 1;
  const frameType = (first >> (shift - 1)) & 1;
  return showExisting === 0 && frameType === 0;
}

/** The descriptor of a VP9 track, from a key frame's uncompressed header (6.2). Throws `CodecError`. */
export function vp9Codec(keyframe: Buffer): Vp9Codec {
  if (!isVp9Keyframe(keyframe)) throw new CodecError('malformed', 'vp9', 'no key frame');
  const bits = new BitReader(keyframe, 'vp9');
  bits.skip(2); // frame_marker
  const profile = bits.bits(1) + 2 * bits.bits(1);
  bits.skip(profile === 3 ? 5 : 4); // (reserved_zero), show_existing_frame, frame_type, show_frame, error_resilient_mode
  if (bits.bits(24) !== 0x49_8342) throw bits.malformed('no frame_sync_code');
  const format = readColour(bits, profile);
  const width = bits.bits(16) + 1;
  const height = bits.bits(16) + 1;
  const level = leastLevel(width * height);
  const known = format.matrixCoefficients !== 2;
  const short = `vp09.${two(profile)}.${two(level)}.${two(format.bitDepth)}`;
  return Object.freeze({
    kind: 'video',
    name: 'vp9',
    profile,
    level,
    ...format,
    width,
    height,
    codecString:
      known || format.chromaSubsampling > 1
        ? `${short}.${two(format.chromaSubsampling)}${colourFields(format)}`
        : short,
  });
}

/** color_config, 6.2.2. */
function readColour(bits: BitReader, profile: number): Colour & { bitDepth: number; chromaSubsampling: number } {
  let bitDepth = 8;
  if (profile >= 2) bitDepth = bits.flag() ? 12 : 10;
  const space = bits.bits(3);
  const [colourPrimaries = 2, transferCharacteristics = 2, matrixCoefficients = 2] = COLOUR_SPACES[space] ?? [];
  let fullRange = true;
  let subsamplingX = 0;
  let subsamplingY = 0;
  if (space !== RGB) {
    fullRange = bits.flag();
    subsamplingX = 1;
    subsamplingY = 1;
  }
  if (profile === 1 || profile === 3) {
    if (space !== RGB) {
      subsamplingX = bits.bits(1);
      subsamplingY = bits.bits(1);
    }
    bits.skip(1); // reserved_zero
  } else if (space === RGB) {
    throw bits.malformed(`RGB in profile ${profile}`);
  }
  if (subsamplingX === 0 && subsamplingY === 1) throw new CodecError('unsupported', 'vp9', '4:4:0 sampling');
  const chromaSubsampling = subsamplingX === 0 ? 3 : subsamplingY === 0 ? 2 : 1;
  return { bitDepth, chromaSubsampling, colourPrimaries, transferCharacteristics, matrixCoefficients, fullRange };
}

function leastLevel(lumaSamples: number): number {
  for (const [level, rate, size] of LEVELS) {
    if (lumaSamples <= size && lumaSamples * ASSUMED_FRAME_RATE <= rate) return level;
  }
  return 62;
}
