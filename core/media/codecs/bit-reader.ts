import type { Buffer } from 'node:buffer';
import { CodecError } from './codec-error.ts';

/** A cursor over the bits of one buffer, most significant first. Reading past the end throws `CodecError('malformed')`. */
export class BitReader {
  readonly #bytes: Buffer;
  readonly #codec: string;
  readonly #end: number;
  #at: number;

  /** `codec` names the format in errors; `offset` is in bytes. */
  constructor(bytes: Buffer, codec: string, offset = 0) {
    this.#bytes = bytes;
    this.#codec = codec;
    this.#end = bytes.length * 8;
    this.#at = offset * 8;
  }

  /** Bits left. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  /** Bits read, counted from the first byte of the buffer. */
  get position(): number {
    return this.#at;
  }

  /** An unsigned number of `count` bits, at most 32. */
  bits(count: number): number {
    if (count > this.#end - this.#at) throw this.malformed('ends too early');
    let value = 0;
    let left = count;
    while (left > 0) {
      const inByte = 8 - (this.#at & 7);
      const taken = left < inByte ? left : inByte;
      const byte = this.#bytes[this.#at >> 3] ?? 0;
      value = value * 2 ** taken + ((byte >> (inByte - taken)) & ((1 << taken) - 1));
      this.#at += taken;
      left -= taken;
    }
    return value;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  skip(count: number): void {
    if (count > this.#end - this.#at) throw this.malformed('ends too early');
    this.#at += count;
  }

  alignToByte(): void {
    this.#at = Math.min((this.#at + 7) & ~7, this.#end);
  }

  /** ue(v), ISO/IEC 14496-10 9.1; a value above `max` is malformed. */
  ue(max = 0xffff_fffe): number {
    let zeros = 0;
    while (this.bits(1) === 0) {
      zeros++;
      if (zeros > 32) throw this.malformed('an exp-Golomb code is longer than 32 bits');
    }
    const value = 2 ** zeros - 1 + this.bits(zeros);
    if (value > max) throw this.malformed(`${value} where at most ${max} is allowed`);
    return value;
  }

  /** se(v), ISO/IEC 14496-10 9.1.1. */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }

  malformed(what: string): CodecError {
    return new CodecError('malformed', this.#codec, what);
  }
}
