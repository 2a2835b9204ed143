import type { ByteReader } from '../bits/byte-reader.ts';
import type { GrowingBytes } from './growing-bytes.ts';

export const maxU29 = 0x1fffffff;

/** A variable-length unsigned integer of at most 29 bits. AMF 3 1.3.1. */
export function readU29(reader: ByteReader): number {
  let value = 0;
  for (let i = 0; i < 3; i += 1) {
    const byte = reader.u8();
    value = (value << 7) | (byte & 0x7f);
    if (byte < 0x80) return value;
  }
  return (value << 8) | reader.u8(); // the fourth byte has all its eight bits
}

/** The other way; `value` is 0 to 2^29 - 1. */
export function writeU29(out: GrowingBytes, value: number): void {
  if (value < 0x80) {
    out.u8(value);
  } else if (value < 0x4000) {
    out.u8((value >> 7) | 0x80);
    out.u8(value & 0x7f);
  } else if (value < 0x200000) {
    out.u8((value >> 14) | 0x80);
    out.u8(((value >> 7) & 0x7f) | 0x80);
    out.u8(value & 0x7f);
  } else {
    out.u8((value >> 22) | 0x80);
    out.u8(((value >> 15) & 0x7f) | 0x80);
    out.u8(((value >> 8) & 0x7f) | 0x80);
    out.u8(value & 0xff);
  }
}
