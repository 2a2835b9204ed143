import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { format } from './nut.ts';

/** NUT "v": the most bytes that a number below 2^53 needs, and the reader takes. */
export const longestVarint = 8;

/** Bytes of `value` as "v". */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) length += 1;
  return length;
}

/** Writes "v": seven bits a byte, the highest first, all but the last with bit 7. Returns the offset behind it. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  const end = at + varintLength(value);
  let rest = value;
  for (let place = end - 1; place >= at; place -= 1) {
    bytes[place] = (rest % 128) | (place === end - 1 ? 0 : 0x80);
    rest = Math.floor(rest / 128);
  }
  return end;
}

/** Builds a header out of NUT's number types. For headers, not for frames: it grows a list. */
export class NutFields {
  readonly #pieces: Buffer[] = [];

  /** "v". */
  v(value: number): this {
    const bytes = Buffer.alloc(varintLength(value));
    writeVarint(bytes, 0, value);
    this.#pieces.push(bytes);
    return this;
  }

  /** "s": signed. */
  s(value: number): this {
    return this.v(value > 0 ? 2 * value - 1 : -2 * value);
  }

  /** "vb": bytes with their length. */
  vb(bytes: Buffer): this {
    this.v(bytes.length);
    this.#pieces.push(bytes);
    return this;
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

/** A cursor over a complete piece. Every read throws `truncated` past the end, `too-large` for numbers of 2^53 and more. */
export class NutCursor {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  u8(): number {
    if (this.at >= this.end) throw new WireError('truncated', format, 'the header ends too early');
    return this.bytes[this.at++] ?? 0;
  }

  v(): number {
    let value = 0;
    for (let count = 0; count < longestVarint; count += 1) {
      const byte = this.u8();
      value = value * 128 + (byte & 0x7f);
      if (value > Number.MAX_SAFE_INTEGER) break;
      if (byte < 0x80) return value;
    }
    throw new WireError('too-large', format, 'a number of 2^53 or more');
  }

  /** Passes over a "v" or "s" whose value does not matter, of up to 64 bits. */
  skipVarint(): void {
    for (let count = 0; count < 10; count += 1) if (this.u8() < 0x80) return;
    throw new WireError('too-large', format, 'a number of more than 64 bits');
  }

  s(): number {
    const value = this.v() + 1;
    const half = Math.floor(value / 2);
    return value % 2 === 1 ? -half : half;
  }

  /** A view of a "vb" of at most `longest` bytes. */
  vb(longest: number): Buffer {
    const length = this.v();
    if (length > longest) throw new WireError('too-large', format, `a field of ${length} bytes`);
    if (length > this.remaining) throw new WireError('truncated', format, 'a field ends too early');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}
