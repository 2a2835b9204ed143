import { Buffer } from 'node:buffer';

const TWO_32 = 0x1_0000_0000;

/** Appends boxes to one buffer that grows. Give it the right capacity and it allocates once. */
export class BoxWriter {
  #bytes: Buffer;
  #offset = 0;

  constructor(capacity: number) {
    // Fragments are kept for as long as their segment: memory of their own, so that they pin no shared slab.
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
  }

  get offset(): number {
    return this.#offset;
  }

  /** Opens a box; hand what it returns to `end`. */
  begin(type: string): number {
    const at = this.#take(8);
    this.#bytes.write(type, at + 4, 4, 'latin1');
    return at;
  }

  /** Opens a FullBox (ISO/IEC 14496-12 4.2). */
  beginFull(type: string, version: number, flags: number): number {
    const at = this.begin(type);
    this.u32(version * 0x100_0000 + flags);
    return at;
  }

  end(at: number): void {
    this.#bytes.writeUInt32BE(this.#offset - at, at);
  }

  u8(value: number): void {
    const at = this.#take(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#take(2);
    this.#bytes.writeUInt16BE(value, at);
  }

  u32(value: number): void {
    const at = this.#take(4);
    this.#bytes.writeUInt32BE(value, at);
  }

  s32(value: number): void {
    const at = this.#take(4);
    this.#bytes.writeInt32BE(value, at);
  }

  /** A whole number below 2^53, or a bigint below 2^64. */
  u64(value: number | bigint): void {
    const at = this.#take(8);
    if (typeof value === 'bigint') {
      this.#bytes.writeBigUInt64BE(value, at);
      return;
    }
    this.#bytes.writeUInt32BE(Math.floor(value / TWO_32), at);
    this.#bytes.writeUInt32BE(value % TWO_32, at + 4);
  }

  zeros(count: number): void {
    const at = this.#take(count);
    this.#bytes.fill(0, at, at + count);
  }

  bytes(value: Buffer): void {
    const at = this.#take(value.length);
    value.copy(this.#bytes, at);
  }

  latin1(value: string): void {
    const at = this.#take(value.length);
    this.#bytes.write(value, at, 'latin1');
  }

  /** UTF-8 with a closing zero. */
  text(value: string): void {
    const length = Buffer.byteLength(value);
    const at = this.#take(length + 1);
    this.#bytes.write(value, at, 'utf8');
    this.#bytes[at + length] = 0;
  }

  /** Puts a value where room was left for it. */
  patchS32(at: number, value: number): void {
    this.#bytes.writeInt32BE(value, at);
  }

  finish(): Buffer {
    return this.#offset === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#offset);
  }

  #take(count: number): number {
    const at = this.#offset;
    const end = at + count;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#offset = end;
    return at;
  }
}
