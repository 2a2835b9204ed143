import type { Buffer } from 'node:buffer';
import type { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';

/** Parameter sets that one record may hold: more than H.264 (32 + 256 pps is the syntax, not practice) ever needs. */
export const maxParameterSets = 256;

/** Reads `count` NAL units, each after a length of 16 bits, onto `units`. They are views. */
export function readUnits(reader: ByteReader, count: number, units: Buffer[], format: string): void {
  for (let index = 0; index < count; index += 1) {
    const length = reader.u16();
    if (length === 0) throw new WireError('malformed', format, 'a parameter set of no bytes');
    if (units.length === maxParameterSets) {
      throw new WireError('too-large', format, `more than ${maxParameterSets} parameter sets`);
    }
    units.push(reader.bytes(length));
  }
}

/** Bytes that `units` take with their lengths. */
export function sizeOfUnits(units: readonly Buffer[]): number {
  let size = 0;
  for (const unit of units) size += 2 + unit.length;
  return size;
}

/** Writes each of `units` after a length of 16 bits. Returns the offset behind them. */
export function writeUnits(target: Buffer, at: number, units: readonly Buffer[]): number {
  let offset = at;
  for (const unit of units) {
    offset = target.writeUInt16BE(unit.length, offset);
    offset += unit.copy(target, offset);
  }
  return offset;
}
