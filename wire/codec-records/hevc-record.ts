import { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import { readLengthSize } from './avc-record.ts';
import type { NalLengthSize } from './nal.ts';
import { readUnits, sizeOfUnits, writeUnits } from './parameter-sets.ts';

const format = 'hevc-record';

/** nal_unit_type of what the arrays hold, ITU-T H.265 table 7-1. */
const nalType = { vps: 32, sps: 33, pps: 34, prefixSei: 39, suffixSei: 40 } as const;
const maxArrays = 16;
const fixedLength = 23;

/** HEVCDecoderConfigurationRecord (`hvcC`), ISO/IEC 14496-15 8.3.3.1. Units are NAL units with their two header bytes. */
export interface HevcRecord {
  readonly profileSpace: number;
  readonly tier: 0 | 1;
  /** general_profile_idc: 1 Main, 2 Main 10. */
  readonly profile: number;
  /** general_profile_compatibility_flags, 32 bits. */
  readonly compatibility: number;
  /** general_constraint_indicator_flags, 48 bits. */
  readonly constraints: number;
  /** general_level_idc: thirty times the level. */
  readonly level: number;
  readonly minSpatialSegmentation: number;
  readonly parallelism: number;
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Frames in 256 seconds; 0 is not said. */
  readonly averageFrameRate: number;
  readonly constantFrameRate: number;
  readonly temporalLayers: number;
  readonly temporalIdNested: boolean;
  readonly lengthSize: NalLengthSize;
  /** array_completeness of all arrays: no parameter sets come in the stream (what `hvc1` promises and `hev1` does not). */
  readonly complete: boolean;
  readonly vps: readonly Buffer[];
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
  /** Prefix and suffix SEI messages that hold for the whole stream. */
  readonly sei: readonly Buffer[];
}

/**
 * Reads an `hvcC`. The units are views of `bytes`; arrays of types that are not named in `HevcRecord` are left out.
 * Throws `too-large` past 16 arrays or 256 units a kind.
 */
export function readHevcRecord(bytes: Buffer): HevcRecord {
  const reader = new ByteReader(bytes, format);
  const version = reader.u8();
  // Some early writers put 0 there; the layout is the same.
  if (version > 1) throw new WireError('unsupported', format, `configurationVersion ${version}`);
  const general = reader.u8();
  const compatibility = reader.u32();
  const constraints = reader.u16() * 2 ** 32 + reader.u32();
  const level = reader.u8();
  const minSpatialSegmentation = reader.u16() & 0x0fff;
  const parallelism = reader.u8() & 0x03;
  const chromaFormat = reader.u8() & 0x03;
  const bitDepthLuma = 8 + (reader.u8() & 0x07);
  const bitDepthChroma = 8 + (reader.u8() & 0x07);
  const averageFrameRate = reader.u16();
  const layers = reader.u8();
  return {
    profileSpace: general >> 6,
    tier: (general & 0x20) === 0 ? 0 : 1,
    profile: general & 0x1f,
    compatibility,
    constraints,
    level,
    minSpatialSegmentation,
    parallelism,
    chromaFormat,
    bitDepthLuma,
    bitDepthChroma,
    averageFrameRate,
    constantFrameRate: layers >> 6,
    temporalLayers: (layers >> 3) & 0x07,
    temporalIdNested: (layers & 0x04) !== 0,
    lengthSize: readLengthSize(layers, format),
    ...readArrays(reader),
  };
}

function readArrays(reader: ByteReader): Pick<HevcRecord, 'complete' | 'vps' | 'sps' | 'pps' | 'sei'> {
  const count = reader.u8();
  if (count > maxArrays) throw new WireError('too-large', format, `${count} arrays`);
  const vps: Buffer[] = [];
  const sps: Buffer[] = [];
  const pps: Buffer[] = [];
  const sei: Buffer[] = [];
  let complete = count > 0;
  for (let index = 0; index < count; index += 1) {
    const head = reader.u8();
    if ((head & 0x80) === 0) complete = false;
    const units = arrayFor(head & 0x3f, { vps, sps, pps, sei });
    readUnits(reader, reader.u16(), units, format);
  }
  return { complete, vps, sps, pps, sei };
}

function arrayFor(type: number, into: Record<'vps' | 'sps' | 'pps' | 'sei', Buffer[]>): Buffer[] {
  switch (type) {
    case nalType.vps:
      return into.vps;
    case nalType.sps:
      return into.sps;
    case nalType.pps:
      return into.pps;
    case nalType.prefixSei:
    case nalType.suffixSei:
      return into.sei;
    default:
      return [];
  }
}

/** Writes an `hvcC` with an array for each kind that has units: VPS, SPS, PPS, prefix SEI, suffix SEI. */
export function writeHevcRecord(record: HevcRecord): Buffer {
  const isSuffix = (unit: Buffer): boolean => (((unit[0] ?? 0) >> 1) & 0x3f) === nalType.suffixSei;
  const prefix = record.sei.filter((unit) => !isSuffix(unit));
  const suffix = record.sei.filter(isSuffix);
  const arrays: [number, readonly Buffer[]][] = [
    [nalType.vps, record.vps],
    [nalType.sps, record.sps],
    [nalType.pps, record.pps],
    [nalType.prefixSei, prefix],
    [nalType.suffixSei, suffix],
  ];
  const present = arrays.filter(([, units]) => units.length > 0);
  let size = fixedLength;
  for (const [, units] of present) {
    if (units.length > 0xffff || units.some((unit) => unit.length > 0xffff)) {
      throw new WireError('too-large', format, 'more than 65535 units, or one over 65535 bytes');
    }
    size += 3 + sizeOfUnits(units);
  }
  const bytes = Buffer.allocUnsafe(size);
  writeFixed(bytes, record, present.length);
  let at = fixedLength;
  for (const [type, units] of present) {
    bytes[at] = (record.complete ? 0x80 : 0) | type;
    bytes.writeUInt16BE(units.length, at + 1);
    at = writeUnits(bytes, at + 3, units);
  }
  return bytes;
}

function writeFixed(bytes: Buffer, record: HevcRecord, arrays: number): void {
  bytes[0] = 1;
  bytes[1] = (record.profileSpace << 6) | (record.tier << 5) | record.profile;
  bytes.writeUInt32BE(record.compatibility, 2);
  bytes.writeUIntBE(record.constraints, 6, 6);
  bytes[12] = record.level;
  // Reserved bits before these fields are ones.
  bytes.writeUInt16BE(0xf000 | record.minSpatialSegmentation, 13);
  bytes[15] = 0xfc | record.parallelism;
  bytes[16] = 0xfc | record.chromaFormat;
  bytes[17] = 0xf8 | (record.bitDepthLuma - 8);
  bytes[18] = 0xf8 | (record.bitDepthChroma - 8);
  bytes.writeUInt16BE(record.averageFrameRate, 19);
  bytes[21] =
    (record.constantFrameRate << 6) |
    (record.temporalLayers << 3) |
    (record.temporalIdNested ? 0x04 : 0) |
    (record.lengthSize - 1);
  bytes[22] = arrays;
}
