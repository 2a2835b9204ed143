import { Buffer } from 'node:buffer';
import type { BitReader } from '../bits/bit-reader.ts';
import type { BitWriter } from '../bits/bit-writer.ts';

/** A single channel (`pair` false) or channel pair element and its tag. */
export interface ChannelElement {
  readonly pair: boolean;
  readonly tag: number;
}

/** program_config_element(), ISO/IEC 14496-3 4.4.1.1 table 4.2: the channels, when channelConfiguration is 0. */
export interface ProgramConfig {
  readonly tag: number;
  readonly objectType: number;
  readonly sampleRateIndex: number;
  readonly front: readonly ChannelElement[];
  readonly side: readonly ChannelElement[];
  readonly back: readonly ChannelElement[];
  readonly lfe: readonly number[];
  readonly associated: readonly number[];
  /** Coupling channels: `pair` here is cc_element_is_ind_sw. */
  readonly coupling: readonly ChannelElement[];
  readonly monoMixdown?: number;
  readonly stereoMixdown?: number;
  /** matrix_mixdown_idx and pseudo_surround_enable, three bits. */
  readonly matrixMixdown?: number;
  readonly comment: Buffer;
}

/** Reads a PCE; it aligns itself relative to the start of the reader. All counts are four bits or fewer. */
export function readProgramConfig(reader: BitReader): ProgramConfig {
  const tag = reader.bits(4);
  const objectType = reader.bits(2);
  const sampleRateIndex = reader.bits(4);
  const frontCount = reader.bits(4);
  const sideCount = reader.bits(4);
  const backCount = reader.bits(4);
  const lfeCount = reader.bits(2);
  const associatedCount = reader.bits(3);
  const couplingCount = reader.bits(4);
  const monoMixdown = reader.flag() ? reader.bits(4) : undefined;
  const stereoMixdown = reader.flag() ? reader.bits(4) : undefined;
  const matrixMixdown = reader.flag() ? reader.bits(3) : undefined;
  const front = readElements(reader, frontCount);
  const side = readElements(reader, sideCount);
  const back = readElements(reader, backCount);
  const lfe = readTags(reader, lfeCount);
  const associated = readTags(reader, associatedCount);
  const coupling = readElements(reader, couplingCount);
  reader.align();
  const comment = Buffer.alloc(reader.bits(8));
  for (let index = 0; index < comment.length; index += 1) comment[index] = reader.bits(8);
  return {
    tag,
    objectType,
    sampleRateIndex,
    front,
    side,
    back,
    lfe,
    associated,
    coupling,
    ...(monoMixdown === undefined ? {} : { monoMixdown }),
    ...(stereoMixdown === undefined ? {} : { stereoMixdown }),
    ...(matrixMixdown === undefined ? {} : { matrixMixdown }),
    comment,
  };
}

/** Writes a PCE; the writer must have started at the beginning of the AudioSpecificConfig. */
export function writeProgramConfig(writer: BitWriter, config: ProgramConfig): void {
  writer.bits(config.tag, 4).bits(config.objectType, 2).bits(config.sampleRateIndex, 4);
  writer.bits(config.front.length, 4).bits(config.side.length, 4).bits(config.back.length, 4);
  writer.bits(config.lfe.length, 2).bits(config.associated.length, 3).bits(config.coupling.length, 4);
  writeOptional(writer, config.monoMixdown, 4);
  writeOptional(writer, config.stereoMixdown, 4);
  writeOptional(writer, config.matrixMixdown, 3);
  writeElements(writer, config.front);
  writeElements(writer, config.side);
  writeElements(writer, config.back);
  for (const tag of config.lfe) writer.bits(tag, 4);
  for (const tag of config.associated) writer.bits(tag, 4);
  writeElements(writer, config.coupling);
  writer.align().bits(config.comment.length, 8);
  for (const byte of config.comment) writer.bits(byte, 8);
}

/** Output channels of a PCE, low-frequency channels counted. */
export function countChannels(config: ProgramConfig): number {
  let channels = config.lfe.length;
  for (const elements of [config.front, config.side, config.back]) {
    for (const element of elements) channels += element.pair ? 2 : 1;
  }
  return channels;
}

function readElements(reader: BitReader, count: number): ChannelElement[] {
  const elements: ChannelElement[] = [];
  for (let index = 0; index < count; index += 1) elements.push({ pair: reader.flag(), tag: reader.bits(4) });
  return elements;
}

function readTags(reader: BitReader, count: number): number[] {
  const tags: number[] = [];
  for (let index = 0; index < count; index += 1) tags.push(reader.bits(4));
  return tags;
}

function writeElements(writer: BitWriter, elements: readonly ChannelElement[]): void {
  for (const element of elements) writer.flag(element.pair).bits(element.tag, 4);
}

function writeOptional(writer: BitWriter, value: number | undefined, bits: number): void {
  writer.flag(value !== undefined);
  if (value !== undefined) writer.bits(value, bits);
}
