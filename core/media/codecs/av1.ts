import { Buffer } from 'node:buffer';
import { OBU_SEQUENCE_HEADER, obuPayloadRange, obuType } from './av1-obu.ts';
import { BitReader } from './bit-reader.ts';
import type { Av1Codec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';
import { type Colour, colourFields, two } from './colour.ts';

/** Far above any real one (they have 10 to 60 bytes). */
const MAX_SEQUENCE_HEADER_BYTES = 4096;

/** The descriptor of an AV1 track, from a sequence header OBU, with or without its size field. Throws `CodecError`. */
export function av1Codec(sequenceHeaderObu: Buffer): Av1Codec {
  if (obuType(sequenceHeaderObu) !== OBU_SEQUENCE_HEADER) {
    throw new CodecError('malformed', 'av1', `OBU type ${obuType(sequenceHeaderObu)} is no sequence header`);
  }
  const { start, end } = obuPayloadRange(sequenceHeaderObu);
  if (end - start > MAX_SEQUENCE_HEADER_BYTES) {
    throw new CodecError('malformed', 'av1', `a sequence header of ${end - start} bytes`);
  }
  const payload = sequenceHeaderObu.subarray(start, end);
  const facts = readSequenceHeader(new BitReader(payload, 'av1'));
  // Neither extension nor size: a sequence header belongs to all layers
  const header = Buffer.of(OBU_SEQUENCE_HEADER << 3);
  return Object.freeze({
    kind: 'video',
    name: 'av1',
    sequenceHeader: Buffer.concat([header, payload]), // Once a descriptor, and it must own its bytes
    ...facts,
    codecString: av1CodecString(facts),
  });
}

type Facts = Omit<Av1Codec, 'kind' | 'name' | 'sequenceHeader' | 'codecString'>;

/** sequence_header_obu, AV1 5.5.1. */
function readSequenceHeader(bits: BitReader): Facts {
  const profile = bits.bits(3);
  if (profile > 2) throw new CodecError('unsupported', 'av1', `profile ${profile}`);
  bits.skip(1); // still_picture
  const reducedStill = bits.flag();
  const { level, tier } = reducedStill ? { level: bits.bits(5), tier: 0 } : readOperatingPoints(bits);
  const widthBits = bits.bits(4) + 1;
  const heightBits = bits.bits(4) + 1;
  const width = bits.bits(widthBits) + 1;
  const height = bits.bits(heightBits) + 1;
  if (!reducedStill && bits.flag()) bits.skip(7); // frame ids
  bits.skip(3); // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
  if (!reducedStill) skipTools(bits);
  bits.skip(3); // enable_superres, enable_cdef, enable_restoration
  return { profile, level, tier, ...readColour(bits, profile), width, height };
}

/** Timing, decoder model and operating points; those of operating point 0 count. */
function readOperatingPoints(bits: BitReader): { level: number; tier: number } {
  let delayBits = 0;
  let decoderModel = false;
  if (bits.flag()) {
    bits.skip(64); // num_units_in_display_tick, time_scale
    if (bits.flag()) bits.ue(); // equal_picture_interval; uvlc is ue(v)
    decoderModel = bits.flag();
    if (decoderModel) {
      delayBits = bits.bits(5) + 1;
      bits.skip(42); // num_units_in_decoding_tick, buffer_removal_time_length, frame_presentation_time_length
    }
  }
  const displayDelay = bits.flag();
  const points = bits.bits(5) + 1;
  let level = 0;
  let tier = 0;
  for (let i = 0; i < points; i++) {
    bits.skip(12); // operating_point_idc
    const pointLevel = bits.bits(5);
    const pointTier = pointLevel > 7 ? bits.bits(1) : 0;
    if (decoderModel && bits.flag()) bits.skip(2 * delayBits + 1);
    if (displayDelay && bits.flag()) bits.skip(4);
    if (i === 0) {
      level = pointLevel;
      tier = pointTier;
    }
  }
  return { level, tier };
}

function skipTools(bits: BitReader): void {
  bits.skip(4); // interintra, masked compound, warped motion, dual filter
  const orderHint = bits.flag();
  if (orderHint) bits.skip(2); // jnt_comp, ref_frame_mvs
  const screenContent = bits.flag() ? 2 : bits.bits(1); // SELECT_SCREEN_CONTENT_TOOLS
  if (screenContent > 0 && !bits.flag()) bits.skip(1); // seq_force_integer_mv
  if (orderHint) bits.skip(3); // order_hint_bits_minus_1
}

type Format = Colour &
  Pick<Facts, 'bitDepth' | 'monochrome' | 'chromaSubsamplingX' | 'chromaSubsamplingY' | 'chromaSamplePosition'>;

/** color_config, AV1 5.5.2. */
function readColour(bits: BitReader, profile: number): Format {
  const highBitDepth = bits.flag();
  let bitDepth = highBitDepth ? 10 : 8;
  if (profile === 2 && highBitDepth && bits.flag()) bitDepth = 12;
  const monochrome = profile !== 1 && bits.flag();
  let [colourPrimaries, transferCharacteristics, matrixCoefficients] = [2, 2, 2];
  if (bits.flag()) {
    colourPrimaries = bits.bits(8);
    transferCharacteristics = bits.bits(8);
    matrixCoefficients = bits.bits(8);
  }
  const colour = { bitDepth, monochrome, colourPrimaries, transferCharacteristics, matrixCoefficients };
  if (monochrome) {
    const sampling = { chromaSubsamplingX: 1, chromaSubsamplingY: 1, chromaSamplePosition: 0 };
    return { ...colour, fullRange: bits.flag(), ...sampling };
  }
  if (colourPrimaries === 1 && transferCharacteristics === 13 && matrixCoefficients === 0) {
    return { ...colour, fullRange: true, chromaSubsamplingX: 0, chromaSubsamplingY: 0, chromaSamplePosition: 0 }; // sRGB
  }
  const fullRange = bits.flag();
  let chromaSubsamplingX = profile === 1 ? 0 : 1;
  let chromaSubsamplingY = profile === 0 ? 1 : 0;
  if (profile === 2 && bitDepth === 12) {
    chromaSubsamplingX = bits.bits(1);
    chromaSubsamplingY = chromaSubsamplingX === 1 ? bits.bits(1) : 0;
  }
  const chromaSamplePosition = chromaSubsamplingX === 1 && chromaSubsamplingY === 1 ? bits.bits(2) : 0;
  return { ...colour, fullRange, chromaSubsamplingX, chromaSubsamplingY, chromaSamplePosition };
}

/** AV1 ISO media binding, section 5: the long form only where the defaults (8-bit colour of BT.709, 4:2:0) do not hold. */
function av1CodecString(of: Facts): string {
  const short = `av01.${of.profile}.${two(of.level)}${of.tier === 1 ? 'H' : 'M'}.${two(of.bitDepth)}`;
  const sampling = `${of.chromaSubsamplingX}${of.chromaSubsamplingY}${of.chromaSamplePosition}`;
  const usual = !of.monochrome && of.matrixCoefficients === 2 && of.chromaSubsamplingX + of.chromaSubsamplingY === 2;
  return usual && !of.fullRange ? short : `${short}.${of.monochrome ? 1 : 0}.${sampling}${colourFields(of)}`;
}
