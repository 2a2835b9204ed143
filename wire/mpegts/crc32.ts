import type { Buffer } from 'node:buffer';

const POLYNOMIAL = 0x04c1_1db7;

function makeTable(): Uint32Array {
  const table = new Uint32Array(256);
  for (let index = 0; index < 256; index++) {
    let rest = index << 24;
    for (let bit = 0; bit < 8; bit++) rest = rest < 0 ? (rest << 1) ^ POLYNOMIAL : rest << 1;
    table[index] = rest;
  }
  return table;
}

const table = makeTable();

/** CRC_32 of the PSI tables (ISO/IEC 13818-1 annex A). Over a whole section, its CRC included, it is 0. */
export function crc32Mpeg(bytes: Buffer, start: number, end: number): number {
  let rest = 0xffff_ffff | 0;
  for (let i = start; i < end; i++) rest = (rest << 8) ^ (table[((rest >>> 24) ^ (bytes[i] ?? 0)) & 0xff] ?? 0);
  return rest >>> 0;
}
