import { Buffer } from 'node:buffer';

/** What a player must know of an Opus stream (Opus in ISOBMFF 4.3.2, mapping family 0: one or two channels). */
export interface OpusConfig {
  readonly channels: 1 | 2;
  /** Samples at 48 kHz to throw away at the start; 0 for a live stream that was joined. */
  readonly preSkip: number;
  /** The rate before encoding, in hertz; informative. */
  readonly inputSampleRate: number;
}

/** The body of `dOps`. It is the Ogg header of RFC 7845 5.1 in big-endian order and without the signature. */
export function opusConfigRecord(config: OpusConfig): Buffer {
  const record = Buffer.alloc(11);
  record[0] = 0; // Version
  record[1] = config.channels;
  record.writeUInt16BE(config.preSkip, 2);
  record.writeUInt32BE(config.inputSampleRate, 4);
  record.writeInt16BE(0, 8); // OutputGain
  record[10] = 0; // ChannelMappingFamily
  return record;
}

/** Fields of VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding 1.0, 2.2). */
export interface VpConfig {
  readonly profile: number;
  /** Level times ten: 31 is level 3.1. */
  readonly level: number;
  readonly bitDepth: number;
  /** 0: 4:2:0 vertical, 1: 4:2:0 colocated, 2: 4:2:2, 3: 4:4:4. */
  readonly chromaSubsampling: number;
  readonly fullRange?: boolean;
  /** ISO/IEC 23091-2 code points; 2 (unspecified) when absent. */
  readonly primaries?: number;
  readonly transfer?: number;
  readonly matrix?: number;
}

/** The record of `vpcC` behind version and flags. */
export function vpConfigRecord(config: VpConfig): Buffer {
  const record = Buffer.alloc(8); // the last two bytes: codecInitializationDataSize, 0 for VP8 and VP9
  record[0] = config.profile;
  record[1] = config.level;
  record[2] = (config.bitDepth << 4) | (config.chromaSubsampling << 1) | (config.fullRange === true ? 1 : 0);
  record[3] = config.primaries ?? 2;
  record[4] = config.transfer ?? 2;
  record[5] = config.matrix ?? 2;
  return record;
}
