import { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';

const format = 'vp-record';

/** VPCodecConfigurationRecord (`vpcC`, VP8 and VP9), VP Codec ISO Media File Format Binding. */
export interface VpRecord {
  readonly profile: number;
  /** Ten times the level: 31 is level 3.1; 0 is not known. */
  readonly level: number;
  readonly bitDepth: 8 | 10 | 12;
  /** 0 4:2:0 with chroma between rows, 1 4:2:0 with chroma on luma, 2 4:2:2, 3 4:4:4. */
  readonly chromaSubsampling: number;
  readonly fullRange: boolean;
  /** ISO/IEC 23091-2: 2 is not known. */
  readonly colourPrimaries: number;
  readonly transferCharacteristics: number;
  readonly matrixCoefficients: number;
  /** Always empty for VP8 and VP9. */
  readonly initialization: Buffer;
}

/**
 * Reads a `vpcC` payload, with the version and flags of a full box in front (MP4, and FLV as FFmpeg writes it) or
 * without (the record alone). The two can't be mistaken: the third byte of a record holds the bit depth, which is never 0,
 * and in a full box it is a byte of the flags, which are 0.
 */
export function readVpRecord(bytes: Buffer): VpRecord {
  const reader = new ByteReader(bytes, format);
  if (bytes.length >= 4 && bytes[2] === 0) {
    const version = reader.u8();
    if (version !== 1 || reader.u24() !== 0) throw new WireError('unsupported', format, `vpcC version ${version}`);
  }
  const profile = reader.u8();
  const level = reader.u8();
  const picture = reader.u8();
  const bitDepth = picture >> 4;
  if (bitDepth !== 8 && bitDepth !== 10 && bitDepth !== 12) {
    throw new WireError('malformed', format, `a bit depth of ${bitDepth}`);
  }
  return {
    profile,
    level,
    bitDepth,
    chromaSubsampling: (picture >> 1) & 0x07,
    fullRange: (picture & 0x01) !== 0,
    colourPrimaries: reader.u8(),
    transferCharacteristics: reader.u8(),
    matrixCoefficients: reader.u8(),
    initialization: reader.bytes(reader.u16()),
  };
}

/** Writes a `vpcC` payload: the record alone (`fullBox` false), or with version 1 and flags in front, as MP4 wants it. */
export function writeVpRecord(record: VpRecord, fullBox: boolean): Buffer {
  const front = fullBox ? 4 : 0;
  const bytes = Buffer.alloc(front + 8 + record.initialization.length);
  if (fullBox) bytes[0] = 1;
  bytes[front] = record.profile;
  bytes[front + 1] = record.level;
  bytes[front + 2] = (record.bitDepth << 4) | (record.chromaSubsampling << 1) | (record.fullRange ? 1 : 0);
  bytes[front + 3] = record.colourPrimaries;
  bytes[front + 4] = record.transferCharacteristics;
  bytes[front + 5] = record.matrixCoefficients;
  bytes.writeUInt16BE(record.initialization.length, front + 6);
  record.initialization.copy(bytes, front + 8);
  return bytes;
}
