import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { splitObus, withObuSizes } from './obu.ts';

const format = 'av1-record';
const fixedLength = 4;

/** AV1CodecConfigurationRecord (`av1C`), AV1 Codec ISO Media File Format Binding 2.3.3. */
export interface Av1Record {
  /** seq_profile: 0 Main, 1 High, 2 Professional. */
  readonly profile: number;
  /** seq_level_idx[0]. */
  readonly level: number;
  readonly tier: 0 | 1;
  readonly bitDepth: 8 | 10 | 12;
  readonly monochrome: boolean;
  readonly chromaSubsamplingX: 0 | 1;
  readonly chromaSubsamplingY: 0 | 1;
  readonly chromaSamplePosition: number;
  /** Frames that must be decoded before the first is shown, 1 to 16. */
  readonly initialPresentationDelay?: number;
  /** configOBUs without size fields: the sequence header and metadata, or nothing. */
  readonly obus: readonly Buffer[];
}

/** Reads an `av1C`. Throws `unsupported` for another version. */
export function readAv1Record(bytes: Buffer): Av1Record {
  if (bytes.length < fixedLength) throw new WireError('truncated', format, `${bytes.length} bytes`);
  // marker 1, version 1: one byte
  if (bytes[0] !== 0x81) throw new WireError('unsupported', format, 'not marker 1 and version 1');
  const second = bytes.readUInt8(1);
  const third = bytes.readUInt8(2);
  const fourth = bytes.readUInt8(3);
  const highBitDepth = (third & 0x40) !== 0;
  const twelveBit = (third & 0x20) !== 0;
  if (twelveBit && !highBitDepth) throw new WireError('malformed', format, 'twelve_bit without high_bitdepth'); // AV1 5.5.2
  return {
    profile: second >> 5,
    level: second & 0x1f,
    tier: (third & 0x80) === 0 ? 0 : 1,
    bitDepth: twelveBit ? 12 : highBitDepth ? 10 : 8,
    monochrome: (third & 0x10) !== 0,
    chromaSubsamplingX: (third & 0x08) === 0 ? 0 : 1,
    chromaSubsamplingY: (third & 0x04) === 0 ? 0 : 1,
    chromaSamplePosition: third & 0x03,
    ...((fourth & 0x10) === 0 ? {} : { initialPresentationDelay: (fourth & 0x0f) + 1 }),
    obus: splitObus(bytes.subarray(fixedLength), format),
  };
}

/** Writes an `av1C`; the OBUs get size fields, as 2.3.4 of the binding demands. */
export function writeAv1Record(record: Av1Record): Buffer {
  const delay = record.initialPresentationDelay;
  const fixed = Buffer.from([
    0x81,
    (record.profile << 5) | record.level,
    (record.tier << 7) |
      (record.bitDepth > 8 ? 0x40 : 0) |
      (record.bitDepth === 12 ? 0x20 : 0) |
      (record.monochrome ? 0x10 : 0) |
      (record.chromaSubsamplingX << 3) |
      (record.chromaSubsamplingY << 2) |
      record.chromaSamplePosition,
    delay === undefined ? 0 : 0x10 | (delay - 1),
  ]);
  return Buffer.concat([fixed, ...withObuSizes(record.obus)]);
}
