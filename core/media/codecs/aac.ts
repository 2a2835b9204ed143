import { Buffer } from 'node:buffer';
import { BitReader } from './bit-reader.ts';
import type { AacCodec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';

/** samplingFrequencyIndex to Hz (ISO/IEC 14496-3 table 1.18). */
export const AAC_SAMPLE_RATES: readonly number[] = [
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
];
const EXPLICIT_RATE = 15;
const MAX_SAMPLE_RATE = 192_000;
/** channelConfiguration to channels (table 1.19); 0 is told by a program_config_element. */
const CHANNELS: readonly (number | undefined)[] = [
  undefined,
  1,
  2,
  3,
  4,
  5,
  6,
  8,
  undefined,
  undefined,
  undefined,
  7,
  8,
  undefined,
  8,
];
const MAX_CONFIG_BYTES = 1024;

const SBR = 5;
const PS = 29;
const ER_LD = 23;
const ER_ELD = 39;
/** Main, LC, SSR, LTP, and the error resilient LC, LTP and LD; ELD has a configuration of its own. */
const GENERAL_AUDIO: readonly number[] = [1, 2, 3, 4, 17, 19, ER_LD];

/** The descriptor of an AAC track, from an AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1). Throws `CodecError`. */
export function aacCodec(audioSpecificConfig: Buffer): AacCodec {
  if (audioSpecificConfig.length > MAX_CONFIG_BYTES) {
    throw new CodecError('malformed', 'aac', `an AudioSpecificConfig of ${audioSpecificConfig.length} bytes`);
  }
  const bits = new BitReader(audioSpecificConfig, 'aac');
  let coreObjectType = readObjectType(bits);
  const coreSampleRate = readSampleRate(bits);
  const channelConfiguration = bits.bits(4);
  let extension: Extension | undefined;
  if (coreObjectType === SBR || coreObjectType === PS) {
    extension = { sampleRate: readSampleRate(bits), parametricStereo: coreObjectType === PS };
    coreObjectType = readObjectType(bits);
  }
  const layout = readCore(bits, coreObjectType, channelConfiguration);
  if (coreObjectType !== ER_ELD) extension ??= readBackwardExtension(bits);
  const parametricStereo = extension?.parametricStereo === true;
  const sampleRate = extension?.sampleRate ?? coreSampleRate * layout.rateFactor;
  const objectType = extension === undefined ? coreObjectType : parametricStereo ? PS : SBR;
  return Object.freeze({
    kind: 'audio',
    name: 'aac',
    config: Buffer.from(audioSpecificConfig),
    objectType,
    coreObjectType,
    sampleRate,
    coreSampleRate,
    channels: parametricStereo ? Math.max(2, layout.channels) : layout.channels,
    channelConfiguration,
    samplesPerFrame: Math.round((layout.frameLength * sampleRate) / coreSampleRate),
    codecString: `mp4a.40.${objectType}`,
  });
}

/** What other containers and SDP tell instead of an AudioSpecificConfig. */
export type AacParameters = {
  /** 2 (LC) when left out. 5 and 29 write explicit hierarchical signalling. */
  readonly objectType?: number;
  /** Hz, as heard. */
  readonly sampleRate: number;
  readonly channels: number;
};

/** As `aacCodec`, writing the AudioSpecificConfig. Throws `CodecError` when the parameters have no configuration. */
export function aacCodecFromParameters(parameters: AacParameters): AacCodec {
  const { objectType = 2, sampleRate, channels } = parameters;
  const extended = objectType === SBR || objectType === PS;
  const coreChannels = objectType === PS ? 1 : channels;
  const configuration = coreChannels === 8 ? 7 : coreChannels;
  if (coreChannels === 7 || CHANNELS[configuration] === undefined) {
    throw new CodecError('unsupported', 'aac', `${channels} channels`);
  }
  if (!GENERAL_AUDIO.includes(objectType) && !extended) {
    throw new CodecError('unsupported', 'aac', `audio object type ${objectType}`);
  }
  const fields: [number, number][] = [[objectType, 5]];
  pushSampleRate(fields, extended ? sampleRate / 2 : sampleRate);
  fields.push([configuration, 4]);
  if (extended) {
    pushSampleRate(fields, sampleRate);
    fields.push([2, 5]);
  }
  fields.push([0, 3]); // GASpecificConfig: 1024 samples, no core coder, no extension
  if (objectType === 17 || objectType === 19 || objectType === ER_LD) {
    fields[fields.length - 1] = [1, 3]; // extensionFlag
    fields.push([0, 4], [0, 2]); // Resilience flags, extensionFlag3; epConfig
  }
  return aacCodec(packBits(fields));
}

type Extension = { readonly sampleRate: number; readonly parametricStereo: boolean };
type Core = { readonly channels: number; readonly frameLength: number; readonly rateFactor: number };

/** GetAudioObjectType, 1.6.2.1. */
function readObjectType(bits: BitReader): number {
  const type = bits.bits(5);
  return type === 31 ? 32 + bits.bits(6) : type;
}

function readSampleRate(bits: BitReader): number {
  const index = bits.bits(4);
  const rate = index === EXPLICIT_RATE ? bits.bits(24) : AAC_SAMPLE_RATES[index];
  if (rate === undefined || rate === 0 || rate > MAX_SAMPLE_RATE) {
    throw bits.malformed(`sampling frequency ${rate ?? `index ${index}`}`);
  }
  return rate;
}

/** GASpecificConfig (4.4.1) or ELDSpecificConfig (4.6.20.1). */
function readCore(bits: BitReader, objectType: number, channelConfiguration: number): Core {
  if (!GENERAL_AUDIO.includes(objectType) && objectType !== ER_ELD) {
    throw new CodecError('unsupported', 'aac', `audio object type ${objectType}`);
  }
  const short = bits.flag(); // frameLengthFlag
  if (objectType === ER_ELD) {
    bits.skip(3); // Resilience flags
    const rateFactor = bits.flag() && bits.flag() ? 2 : 1; // ldSbrPresentFlag, ldSbrSamplingRate
    return { channels: knownChannels(bits, channelConfiguration), frameLength: short ? 480 : 512, rateFactor };
  }
  if (bits.flag()) bits.skip(14); // coreCoderDelay
  const extensionFlag = bits.flag();
  const channels = channelConfiguration === 0 ? readProgramConfig(bits) : knownChannels(bits, channelConfiguration);
  if (extensionFlag) {
    if (objectType >= 17) bits.skip(3); // Resilience flags
    bits.skip(1); // extensionFlag3
  }
  if (objectType >= 17) bits.skip(Math.min(2, bits.remaining)); // epConfig
  if (objectType === ER_LD) return { channels, frameLength: short ? 480 : 512, rateFactor: 1 };
  return { channels, frameLength: short ? 960 : 1024, rateFactor: 1 };
}

function knownChannels(bits: BitReader, configuration: number): number {
  const channels = CHANNELS[configuration];
  if (channels === undefined) throw bits.malformed(`channelConfiguration ${configuration}`);
  return channels;
}

/** program_config_element, 4.4.1.1; returns its channels. */
function readProgramConfig(bits: BitReader): number {
  bits.skip(10); // element_instance_tag, object_type, sampling_frequency_index
  const front = bits.bits(4);
  const side = bits.bits(4);
  const back = bits.bits(4);
  const lowFrequency = bits.bits(2);
  const associated = bits.bits(3);
  const coupling = bits.bits(4);
  if (bits.flag()) bits.skip(4); // mono_mixdown
  if (bits.flag()) bits.skip(4); // stereo_mixdown
  if (bits.flag()) bits.skip(3); // matrix_mixdown
  let channels = lowFrequency;
  for (let i = 0; i < front + side + back; i++) {
    channels += bits.flag() ? 2 : 1;
    bits.skip(4);
  }
  bits.skip(4 * lowFrequency + 4 * associated + 5 * coupling);
  bits.alignToByte();
  bits.skip(8 * bits.bits(8)); // comment_field_data
  if (channels === 0) throw bits.malformed('a program without channels');
  return channels;
}

/** SBR and PS behind the core's configuration, where older decoders do not look (1.6.5.2). */
function readBackwardExtension(bits: BitReader): Extension | undefined {
  if (bits.remaining < 16 || bits.bits(11) !== 0x2b7 || readObjectType(bits) !== SBR || bits.remaining < 5)
    return undefined;
  if (!bits.flag()) return undefined;
  const sampleRate = readSampleRate(bits);
  const parametricStereo = bits.remaining >= 12 && bits.bits(11) === 0x548 && bits.flag();
  return { sampleRate, parametricStereo };
}

function pushSampleRate(fields: [number, number][], rate: number): void {
  const index = AAC_SAMPLE_RATES.indexOf(rate);
  if (index >= 0) fields.push([index, 4]);
  else fields.push([EXPLICIT_RATE, 4], [Math.min(Math.max(0, Math.round(rate)), 0xff_ffff), 24]);
}

/** Packs `[value, bits]` pairs, zero-filled to a byte. */
function packBits(fields: readonly (readonly [number, number])[]): Buffer {
  let text = '';
  for (const [value, count] of fields) text += value.toString(2).padStart(count, '0');
  const bytes = Buffer.alloc(Math.ceil(text.length / 8));
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(i * 8, i * 8 + 8).padEnd(8, '0'), 2);
  return bytes;
}
