import type { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';

/** A cursor over the bits of one buffer, most significant first. Reading past the end throws `WireError('truncated')`. */
export class BitReader {
  readonly #bytes: Buffer;
  readonly #format: string;
  #position = 0;

  constructor(bytes: Buffer, format: string) {
    this.#bytes = bytes;
    this.#format = format;
  }

  /** Bits left. */
  get remaining(): number {
    return this.#bytes.length * 8 - this.#position;
  }

  /** The next `count` bits (0 to 32) as an unsigned number. */
  bits(count: number): number {
    if (count > this.remaining) {
      throw new WireError('truncated', this.#format, `${count} bits wanted, ${this.remaining} left`);
    }
    let value = 0;
    let left = count;
    while (left > 0) {
      const within = this.#position & 7;
      const taken = Math.min(8 - within, left);
      const byte = this.#bytes.readUInt8(this.#position >>> 3);
      const piece = (byte >>> (8 - within - taken)) & ((1 << taken) - 1);
      value = value * 2 ** taken + piece; // a shift would turn the 32nd bit into a sign
      this.#position += taken;
      left -= taken;
    }
    return value;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  skip(count: number): void {
    if (count < 0 || count > this.remaining) {
      throw new WireError('truncated', this.#format, `${count} bits wanted, ${this.remaining} left`);
    }
    this.#position += count;
  }

  /** Moves on to the next whole byte, if not at one. */
  align(): void {
    this.#position = (this.#position + 7) & ~7;
  }
}
