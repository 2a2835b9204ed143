import { Buffer } from 'node:buffer';

/** Collects bits, most significant first. For small headers and records, not for media. */
export class BitWriter {
  readonly #bytes: number[] = [];
  #bit = 0;

  /** Appends the low `count` bits (0 to 32) of `value`. */
  bits(value: number, count: number): this {
    for (let at = count - 1; at >= 0; at -= 1) {
      const bit = Math.floor(value / 2 ** at) & 1;
      if (this.#bit === 0) this.#bytes.push(0);
      const last = this.#bytes.length - 1;
      this.#bytes[last] = (this.#bytes[last] ?? 0) | (bit << (7 - this.#bit));
      this.#bit = (this.#bit + 1) & 7;
    }
    return this;
  }

  flag(value: boolean): this {
    return this.bits(value ? 1 : 0, 1);
  }

  /** Pads with zero bits to the next whole byte. */
  align(): this {
    this.#bit = 0;
    return this;
  }

  /** All that was written, padded with zero bits to whole bytes. */
  finish(): Buffer {
    return Buffer.from(this.#bytes);
  }
}
