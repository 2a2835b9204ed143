import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';

/** The long start code of the byte stream format, ITU-T H.264 B.1 and H.265 B.2. Shared: send it, never write to it. */
export const annexBStartCode = Buffer.from([0, 0, 0, 1]);

/** NAL units that one access unit may hold. 8K with a slice a row stays far below. */
export const maxNalUnits = 4096;

/** The field that stands before each NAL unit in MP4 and FLV: 1, 2 or 4 bytes (ISO/IEC 14496-15 5.3.3.1.2). */
export type NalLengthSize = 1 | 2 | 4;

const shortStartCode = Buffer.from([0, 0, 1]);

/**
 * Splits the sample format of ISO/IEC 14496-15 (each NAL unit after its length) into views of `bytes`.
 * NAL units of length zero are skipped. `format` names the caller's format in errors.
 * Throws `truncated` when a length passes the end, `too-large` past `maxNalUnits`.
 */
export function splitLengthPrefixed(bytes: Buffer, lengthSize: NalLengthSize, format: string): Buffer[] {
  const units: Buffer[] = [];
  const end = bytes.length;
  let at = 0;
  while (at < end) {
    if (end - at < lengthSize) throw new WireError('truncated', format, 'the length of a NAL unit is cut off');
    const length = bytes.readUIntBE(at, lengthSize);
    at += lengthSize;
    if (length > end - at) {
      throw new WireError('truncated', format, `a NAL unit of ${length} bytes where ${end - at} are left`);
    }
    if (length > 0) append(units, bytes.subarray(at, at + length), format);
    at += length;
  }
  return units;
}

/**
 * Splits a byte stream (ITU-T H.264 B.1.1, H.265 B.2.1) at its start codes into views of `bytes`, without the start codes
 * and without the zero bytes that may surround them. Bytes before the first start code belong to no NAL unit and are left out.
 * Throws `too-large` past `maxNalUnits`.
 */
export function splitAnnexB(bytes: Buffer, format: string): Buffer[] {
  const units: Buffer[] = [];
  let code = bytes.indexOf(shortStartCode);
  while (code !== -1) {
    const start = code + shortStartCode.length;
    code = bytes.indexOf(shortStartCode, start);
    let end = code === -1 ? bytes.length : code;
    // A NAL unit never ends in a zero byte (H.264 7.4.1): these are trailing_zero_8bits or the zero_byte of a long start code.
    while (end > start && bytes[end - 1] === 0) end -= 1;
    if (end > start) append(units, bytes.subarray(start, end), format);
  }
  return units;
}

/** `[length, unit, length, unit, …]` with lengths of four bytes: what MP4, FLV and MSE carry. The units are not copied. */
export function withLengths(units: readonly Buffer[]): Buffer[] {
  const lengths = Buffer.allocUnsafe(units.length * 4);
  const pieces: Buffer[] = [];
  let at = 0;
  for (const unit of units) {
    lengths.writeUInt32BE(unit.length, at);
    pieces.push(lengths.subarray(at, at + 4), unit);
    at += 4;
  }
  return pieces;
}

/** `[start code, unit, start code, unit, …]`: what MPEG-TS carries. The units are not copied. */
export function withStartCodes(units: readonly Buffer[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (const unit of units) pieces.push(annexBStartCode, unit);
  return pieces;
}

function append(units: Buffer[], unit: Buffer, format: string): void {
  if (units.length === maxNalUnits) throw new WireError('too-large', format, `more than ${maxNalUnits} NAL units`);
  units.push(unit);
}
