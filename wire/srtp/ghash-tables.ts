import { Buffer } from 'node:buffer';

/** Bytes of the tables of one key. */
export const ghashTablesLength = 16 * 128;

/** Powers of H in a row, the highest first: as many blocks are multiplied at a time. */
const powers = 4;
const blockLength = 16;
/** 1 + x + x² + x⁷ in the order of SP 800-38D 6.3, where the first coefficient is the highest bit. */
const reduction = 0xe1n << 120n;

/**
 * The multiples of H, H², H³ and H⁴ by each half byte, as gcm-kernel.wat reads them. `hashKey` is the encrypted block of zeros
 * (NIST SP 800-38D 7.1 step 1).
 */
export function makeGhashTables(hashKey: Buffer): Buffer {
  const tables = Buffer.alloc(ghashTablesLength);
  const key = BigInt(`0x${hashKey.toString('hex')}`);
  let power = key;
  for (let place = powers - 1; place >= 0; place -= 1) {
    writeMultiples(tables, place * 2 * blockLength, power);
    power = multiply(power, key);
  }
  return tables;
}

/** Rows stand from the last byte to the first, 128 bytes each; `at` is the place in a row. High halves first, then low ones. */
function writeMultiples(tables: Buffer, at: number, factor: bigint): void {
  const shifted = [factor];
  while (shifted.length < 8) shifted.push(timesX(shifted.at(-1) as bigint));
  for (const half of [0, 1]) {
    for (let value = 0; value < 16; value += 1) {
      let multiple = 0n;
      for (let bit = 0; bit < 4; bit += 1) if (value & (8 >> bit)) multiple ^= shifted[half * 4 + bit] as bigint;
      for (let row = 0; row < blockLength; row += 1) {
        tables[row * 128 + at + half * blockLength + value] = Number(BigInt.asUintN(8, multiple));
        multiple >>= 8n;
      }
    }
  }
}

/** SP 800-38D 6.3, algorithm 1. */
function multiply(left: bigint, right: bigint): bigint {
  let product = 0n;
  let multiple = right;
  for (let bit = 127n; bit >= 0n; bit -= 1n) {
    if ((left >> bit) & 1n) product ^= multiple;
    multiple = timesX(multiple);
  }
  return product;
}

function timesX(value: bigint): bigint {
  return value & 1n ? (value >> 1n) ^ reduction : value >> 1n;
}
