import { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import type { NalLengthSize } from './nal.ts';
import { readUnits, sizeOfUnits, writeUnits } from './parameter-sets.ts';

const format = 'avc-record';

/** AVCDecoderConfigurationRecord (`avcC`), ISO/IEC 14496-15 5.3.3.1. Parameter sets are NAL units with their header byte. */
export interface AvcRecord {
  /** profile_idc. */
  readonly profile: number;
  /** The constraint_set flags: the byte between profile and level in the SPS. */
  readonly compatibility: number;
  /** level_idc: 31 is level 3.1. */
  readonly level: number;
  readonly lengthSize: NalLengthSize;
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
  /** Follows for High and later profiles; many writers leave it out. */
  readonly high?: AvcHighExtension;
}

export interface AvcHighExtension {
  /** chroma_format_idc: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  readonly spsExtensions: readonly Buffer[];
}

/** Reads an `avcC`. The parameter sets are views of `bytes`. Bytes behind the record are ignored. */
export function readAvcRecord(bytes: Buffer): AvcRecord {
  const reader = new ByteReader(bytes, format);
  const version = reader.u8();
  if (version !== 1) throw new WireError('unsupported', format, `configurationVersion ${version}`);
  const profile = reader.u8();
  const compatibility = reader.u8();
  const level = reader.u8();
  const lengthSize = readLengthSize(reader.u8(), format);
  const sps: Buffer[] = [];
  readUnits(reader, reader.u8() & 0x1f, sps, format);
  const pps: Buffer[] = [];
  readUnits(reader, reader.u8(), pps, format);
  const record = { profile, compatibility, level, lengthSize, sps, pps };
  if (!hasHighExtension(profile) || reader.remaining < 4) return record;
  return { ...record, high: readHighExtension(reader) };
}

function readHighExtension(reader: ByteReader): AvcHighExtension {
  const chromaFormat = reader.u8() & 0x03;
  const bitDepthLuma = 8 + (reader.u8() & 0x07);
  const bitDepthChroma = 8 + (reader.u8() & 0x07);
  const spsExtensions: Buffer[] = [];
  readUnits(reader, reader.u8(), spsExtensions, format);
  return { chromaFormat, bitDepthLuma, bitDepthChroma, spsExtensions };
}

/** Writes an `avcC`. Throws `too-large` for more than 31 SPS, 255 PPS or a parameter set over 65535 bytes. */
export function writeAvcRecord(record: AvcRecord): Buffer {
  const { sps, pps, high } = record;
  checkCount(sps, 31);
  checkCount(pps, 255);
  const withHigh = high !== undefined && hasHighExtension(record.profile);
  const extensions = withHigh ? high.spsExtensions : [];
  checkCount(extensions, 255);
  const size = 7 + sizeOfUnits(sps) + sizeOfUnits(pps) + (withHigh ? 4 + sizeOfUnits(extensions) : 0);
  const bytes = Buffer.allocUnsafe(size);
  bytes[0] = 1;
  bytes[1] = record.profile;
  bytes[2] = record.compatibility;
  bytes[3] = record.level;
  bytes[4] = 0xfc | (record.lengthSize - 1); // six reserved bits are ones
  bytes[5] = 0xe0 | sps.length; // three reserved bits are ones
  let at = writeUnits(bytes, 6, sps);
  bytes[at] = pps.length;
  at = writeUnits(bytes, at + 1, pps);
  if (withHigh) {
    bytes[at] = 0xfc | high.chromaFormat;
    bytes[at + 1] = 0xf8 | (high.bitDepthLuma - 8);
    bytes[at + 2] = 0xf8 | (high.bitDepthChroma - 8);
    bytes[at + 3] = extensions.length;
    writeUnits(bytes, at + 4, extensions);
  }
  return bytes;
}

/** lengthSizeMinusOne from the low two bits; the value for three bytes is not allowed (ISO/IEC 14496-15 5.3.3.1.2). */
export function readLengthSize(byte: number, of: string): NalLengthSize {
  const size = (byte & 0x03) + 1;
  if (size === 3) throw new WireError('malformed', of, 'NAL unit lengths of three bytes');
  return size as NalLengthSize;
}

/** ISO/IEC 14496-15 5.3.3.1.2: not for Baseline (66), Main (77) and Extended (88). */
function hasHighExtension(profile: number): boolean {
  return profile !== 66 && profile !== 77 && profile !== 88;
}

function checkCount(units: readonly Buffer[], most: number): void {
  if (units.length > most || units.some((unit) => unit.length > 0xffff)) {
    throw new WireError('too-large', format, `more than ${most} parameter sets of one kind, or one over 65535 bytes`);
  }
}
