import { Buffer } from 'node:buffer';

/*
 * ITU-T G.711: 13 and 14 bit samples as 8 bits, in seven or eight segments that double. Samples here are 16 bit linear.
 */

const ulawBias = 0x84;
const ulawClip = 32_635;

/** G.711 table 2b: µ-law of one sample. */
export function encodeUlaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), ulawClip) + ulawBias;
  const exponent = 31 - Math.clz32(magnitude) - 7;
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}

export function decodeUlaw(code: number): number {
  const bits = ~code & 0xff;
  const exponent = (bits >> 4) & 7;
  const magnitude = ((((bits & 0x0f) << 3) + ulawBias) << exponent) - ulawBias;
  return (bits & 0x80) !== 0 ? -magnitude : magnitude;
}

/** G.711 table 1b: A-law of one sample; even bits are turned over. */
export function encodeAlaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  const magnitude = Math.min(sample >= 0 ? sample : -sample - 1, 32_767) >> 4;
  const exponent = magnitude < 16 ? 0 : 31 - Math.clz32(magnitude) - 3;
  const mantissa = exponent === 0 ? magnitude : (magnitude >> (exponent - 1)) & 0x0f;
  return (sign | (exponent << 4) | mantissa) ^ 0x55;
}

export function decodeAlaw(code: number): number {
  const bits = code ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = bits & 0x0f;
  const magnitude = exponent === 0 ? (mantissa << 4) + 8 : ((mantissa << 4) + 0x108) << (exponent - 1);
  return (bits & 0x80) !== 0 ? magnitude : -magnitude;
}

export type G711Law = 'pcmu' | 'pcma';

const decoded: Readonly<Record<G711Law, Int16Array>> = {
  pcmu: Int16Array.from({ length: 256 }, (_, code) => decodeUlaw(code)),
  pcma: Int16Array.from({ length: 256 }, (_, code) => decodeAlaw(code)),
};

/** Each code of one law in the other. */
const crossed: Readonly<Record<G711Law, Uint8Array>> = {
  pcmu: Uint8Array.from({ length: 256 }, (_, code) => encodeAlaw(decodeUlaw(code))),
  pcma: Uint8Array.from({ length: 256 }, (_, code) => encodeUlaw(decodeAlaw(code))),
};

/** Linear samples of G.711 bytes. */
export function g711ToLinear(law: G711Law, bytes: Buffer): Int16Array {
  const table = decoded[law];
  const samples = new Int16Array(bytes.length);
  for (let at = 0; at < bytes.length; at += 1) samples[at] = table[bytes[at] ?? 0] ?? 0;
  return samples;
}

/** G.711 bytes of linear samples. */
export function linearToG711(law: G711Law, samples: Int16Array): Buffer {
  const bytes = Buffer.allocUnsafe(samples.length);
  const encode = law === 'pcmu' ? encodeUlaw : encodeAlaw;
  for (let at = 0; at < samples.length; at += 1) bytes[at] = encode(samples[at] ?? 0);
  return bytes;
}

/** µ-law bytes as A-law, or the other way. */
export function crossG711(from: G711Law, bytes: Buffer): Buffer {
  const table = crossed[from];
  const made = Buffer.allocUnsafe(bytes.length);
  for (let at = 0; at < bytes.length; at += 1) made[at] = table[bytes[at] ?? 0] ?? 0;
  return made;
}
