import type { Buffer } from 'node:buffer';
import { BitReader } from '../bits/bit-reader.ts';
import { BitWriter } from '../bits/bit-writer.ts';
import { WireError } from '../errors.ts';
import { countChannels, type ProgramConfig, readProgramConfig, writeProgramConfig } from './program-config.ts';

const format = 'audio-specific-config';

/** samplingFrequencyIndex 0 to 12, ISO/IEC 14496-3 table 1.18. */
export const aacSampleRates: readonly number[] = [
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
];

/** Audio object types named in this folder, ISO/IEC 14496-3 table 1.17. */
export const aacObjectType = {
  main: 1,
  lc: 2,
  ssr: 3,
  ltp: 4,
  sbr: 5,
  scalable: 6,
  erLc: 17,
  erLd: 23,
  ps: 29,
} as const;

/** AudioSpecificConfig(), ISO/IEC 14496-3 1.6.2.1, for the object types that GASpecificConfig (4.4.1) covers. */
export interface AudioSpecificConfig {
  /** Of the core coder: 2 is AAC LC, also under HE-AAC. */
  readonly objectType: number;
  /** Of the core coder, hertz. */
  readonly sampleRate: number;
  /** 1 to 7 and up, or 0 when `programConfig` says it. */
  readonly channelConfiguration: number;
  readonly programConfig?: ProgramConfig;
  /** Set by frameLengthFlag: samples a frame are 960 instead of 1024 (480 instead of 512 for AAC LD). */
  readonly shortFrames: boolean;
  readonly coreCoderDelay?: number;
  /** Explicit signalling of SBR and PS; absent, a decoder has to look into the frames. */
  readonly extension?: SbrExtension;
  /** extensionFlag and what follows it, for the scalable and error resilient types. */
  readonly layer?: number;
  readonly resilience?: number;
}

/** ISO/IEC 14496-3 1.6.5: SBR doubles the rate, PS makes two channels of one. */
export interface SbrExtension {
  /** `hierarchical` leads with object type 5 or 29; `compatible` appends sync extension 0x2b7, which old decoders skip. */
  readonly signalling: 'hierarchical' | 'compatible';
  /** False only in `compatible`: it is said that there is no SBR. */
  readonly sbr: boolean;
  /** Output rate in hertz; without SBR the core's. */
  readonly sampleRate: number;
  /** Undefined in `compatible`: not said. */
  readonly ps: boolean | undefined;
}

/** Reads an AudioSpecificConfig. Bytes behind it are ignored. Throws `unsupported` for object types without GASpecificConfig. */
export function readAudioSpecificConfig(bytes: Buffer): AudioSpecificConfig {
  const reader = new BitReader(bytes, format);
  let objectType = readObjectType(reader);
  const sampleRate = readSampleRate(reader);
  const channelConfiguration = reader.bits(4);
  let extension: SbrExtension | undefined;
  if (objectType === aacObjectType.sbr || objectType === aacObjectType.ps) {
    const ps = objectType === aacObjectType.ps;
    extension = { signalling: 'hierarchical', sbr: true, sampleRate: readSampleRate(reader), ps };
    objectType = readObjectType(reader);
  }
  const general = readGaSpecificConfig(reader, objectType, channelConfiguration);
  if (objectType >= 17) {
    const epConfig = reader.bits(2);
    if (epConfig > 1) throw new WireError('unsupported', format, `epConfig ${epConfig}`);
  }
  extension ??= readCompatibleExtension(reader, sampleRate);
  return {
    objectType,
    sampleRate,
    channelConfiguration,
    ...general,
    ...(extension === undefined ? {} : { extension }),
  };
}

/** Writes an AudioSpecificConfig, padded to whole bytes. */
export function writeAudioSpecificConfig(config: AudioSpecificConfig): Buffer {
  checkObjectType(config.objectType);
  const writer = new BitWriter();
  const { extension } = config;
  const hierarchical = extension?.signalling === 'hierarchical' ? extension : undefined;
  const leading =
    hierarchical === undefined ? config.objectType : hierarchical.ps ? aacObjectType.ps : aacObjectType.sbr;
  writer.bits(leading, 5);
  writeSampleRate(writer, config.sampleRate);
  writer.bits(config.channelConfiguration, 4);
  if (hierarchical !== undefined) {
    writeSampleRate(writer, hierarchical.sampleRate);
    writer.bits(config.objectType, 5);
  }
  writeGaSpecificConfig(writer, config);
  if (config.objectType >= 17) writer.bits(0, 2);
  if (extension?.signalling === 'compatible') {
    writer.bits(0x2b7, 11).bits(aacObjectType.sbr, 5).flag(extension.sbr);
    if (extension.sbr) {
      writeSampleRate(writer, extension.sampleRate);
      if (extension.ps !== undefined) writer.bits(0x548, 11).flag(extension.ps);
    }
  }
  return writer.finish();
}

/** Samples a channel in one frame at the core's rate. */
export function samplesPerFrame(config: AudioSpecificConfig): number {
  if (config.objectType === aacObjectType.erLd) return config.shortFrames ? 480 : 512;
  return config.shortFrames ? 960 : 1024;
}

/** Channels of the decoded sound: what the core codes, or two when PS is said to be there. */
export function outputChannels(config: AudioSpecificConfig): number {
  if (config.programConfig !== undefined) return countChannels(config.programConfig);
  // ISO/IEC 14496-3 table 1.19; 11, 12, 14 came with 2009 amendment 4
  const channels = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8][config.channelConfiguration] ?? 0;
  return channels === 1 && config.extension?.ps === true ? 2 : channels;
}

/** Rate of the decoded sound in hertz: the core's, or that of explicit SBR. */
export function outputSampleRate(config: AudioSpecificConfig): number {
  return config.extension?.sbr === true ? config.extension.sampleRate : config.sampleRate;
}

/** GetAudioObjectType(), table 1.16: 31 escapes to 32 and six more bits. */
function readObjectType(reader: BitReader): number {
  const type = reader.bits(5);
  return type === 31 ? 32 + reader.bits(6) : type;
}

function readSampleRate(reader: BitReader): number {
  const index = reader.bits(4);
  const rate = index === 15 ? reader.bits(24) : aacSampleRates[index];
  if (rate === undefined || rate === 0) throw new WireError('malformed', format, `sampling frequency index ${index}`);
  return rate;
}

function writeSampleRate(writer: BitWriter, rate: number): void {
  const index = aacSampleRates.indexOf(rate);
  if (index === -1) writer.bits(15, 4).bits(rate, 24);
  else writer.bits(index, 4);
}

type GeneralAudio = Pick<
  AudioSpecificConfig,
  'programConfig' | 'shortFrames' | 'coreCoderDelay' | 'layer' | 'resilience'
>;

/** GASpecificConfig(), ISO/IEC 14496-3 table 4.1. */
function readGaSpecificConfig(reader: BitReader, objectType: number, channelConfiguration: number): GeneralAudio {
  checkObjectType(objectType);
  const shortFrames = reader.flag();
  const coreCoderDelay = reader.flag() ? reader.bits(14) : undefined;
  const extensionFlag = reader.flag();
  const programConfig = channelConfiguration === 0 ? readProgramConfig(reader) : undefined;
  const layer = objectType === aacObjectType.scalable || objectType === 20 ? reader.bits(3) : undefined;
  // Three resilience flags for the ER types, then extensionFlag3; nothing but the latter for the others.
  const resilience = extensionFlag ? reader.bits(hasResilience(objectType) ? 4 : 1) : undefined;
  return {
    shortFrames,
    ...(coreCoderDelay === undefined ? {} : { coreCoderDelay }),
    ...(programConfig === undefined ? {} : { programConfig }),
    ...(layer === undefined ? {} : { layer }),
    ...(resilience === undefined ? {} : { resilience }),
  };
}

function writeGaSpecificConfig(writer: BitWriter, config: AudioSpecificConfig): void {
  const { objectType, coreCoderDelay, programConfig, resilience } = config;
  writer.flag(config.shortFrames).flag(coreCoderDelay !== undefined);
  if (coreCoderDelay !== undefined) writer.bits(coreCoderDelay, 14);
  writer.flag(resilience !== undefined);
  if (config.channelConfiguration === 0) {
    if (programConfig === undefined) throw new WireError('malformed', format, 'channel configuration 0 without a PCE');
    writeProgramConfig(writer, programConfig);
  }
  if (objectType === aacObjectType.scalable || objectType === 20) writer.bits(config.layer ?? 0, 3);
  if (resilience !== undefined) writer.bits(resilience, hasResilience(objectType) ? 4 : 1);
}

function hasResilience(objectType: number): boolean {
  return objectType === 17 || objectType === 19 || objectType === 20 || objectType === 23;
}

/** The types whose GASpecificConfig is read here: AAC 1-4 and 6, and the error resilient 17, 19, 20 and 23. */
function checkObjectType(type: number): void {
  const known = (type >= 1 && type <= 4) || type === aacObjectType.scalable || hasResilience(type);
  if (!known) throw new WireError('unsupported', format, `audio object type ${type}`);
}

/** The sync extension at the end, ISO/IEC 14496-3 1.6.2.1: only when at least 16 bits are left and they start with 0x2b7. */
function readCompatibleExtension(reader: BitReader, coreRate: number): SbrExtension | undefined {
  if (reader.remaining < 16 || reader.bits(11) !== 0x2b7) return undefined;
  if (readObjectType(reader) !== aacObjectType.sbr) return undefined;
  // Cut off by a writer that counted bits short: nothing is said, and the frames tell.
  if (reader.remaining < 1) return undefined;
  if (!reader.flag()) return { signalling: 'compatible', sbr: false, sampleRate: coreRate, ps: undefined };
  const sampleRate = readSampleRate(reader);
  const ps = reader.remaining >= 12 && reader.bits(11) === 0x548 ? reader.flag() : undefined;
  return { signalling: 'compatible', sbr: true, sampleRate, ps };
}
