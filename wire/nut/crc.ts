import type { Buffer } from 'node:buffer';

/** NUT "checksum": CRC-32 with generator 0x104C11DB7, first bit first, starting value 0. */
const table = new Uint32Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  let rest = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) rest = (rest << 1) ^ (rest < 0 ? 0x04c11db7 : 0);
  table[byte] = rest;
}

/** The checksum of `bytes[start..end)`, an unsigned 32 bit number; `before` is the checksum of what stands in front. */
export function nutChecksum(bytes: Buffer, start: number, end: number, before = 0): number {
  let crc = before;
  for (let at = start; at < end; at += 1) {
    crc = ((crc << 8) ^ (table[((crc >>> 24) ^ (bytes[at] ?? 0)) & 0xff] ?? 0)) >>> 0;
  }
  return crc >>> 0;
}
