import type { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';

/** A cursor over one buffer. Every read is checked against what remains and throws `WireError('truncated')`. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #format: string;
  #offset: number;

  constructor(bytes: Buffer, format: string, offset = 0) {
    this.#bytes = bytes;
    this.#format = format;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  #take(count: number): number {
    const at = this.#offset;
    if (count < 0 || count > this.#bytes.length - at) {
      throw new WireError('truncated', this.#format, `${count} bytes wanted, ${this.#bytes.length - at} left`);
    }
    this.#offset = at + count;
    return at;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  u24(): number {
    return this.#bytes.readUIntBE(this.#take(3), 3);
  }

  s24(): number {
    return this.#bytes.readIntBE(this.#take(3), 3);
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  s32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  f64(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  /** A view of the next `count` bytes, not a copy. */
  bytes(count: number): Buffer {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  utf8(count: number): string {
    const at = this.#take(count);
    return this.#bytes.toString('utf8', at, at + count);
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** What is left, as a view; the cursor goes to the end. */
  rest(): Buffer {
    return this.bytes(this.remaining);
  }
}
