import { Buffer } from 'node:buffer';

/** Bytes written one behind the other into one buffer that doubles when it is full. Integers are big-endian. */
export class GrowingBytes {
  #bytes: Buffer;
  #length = 0;

  constructor(size = 256) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  #room(count: number): number {
    const at = this.#length;
    this.#length = at + count;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#bytes.writeUInt16BE(value, at);
  }

  u24(value: number): void {
    const at = this.#room(3);
    this.#bytes.writeUIntBE(value, at, 3);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeUInt32BE(value, at);
  }

  f64(value: number): void {
    const at = this.#room(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  /** `byteLength` is that of `text` in UTF-8, as Buffer.byteLength tells. */
  utf8(text: string, byteLength: number): void {
    const at = this.#room(byteLength);
    this.#bytes.write(text, at, byteLength, 'utf8');
  }

  bytes(bytes: Buffer): void {
    const at = this.#room(bytes.length);
    bytes.copy(this.#bytes, at);
  }

  /** What was written, as a view: write no more afterwards. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}
