import type { Buffer } from 'node:buffer';

/** The nonce of AES-GCM in SRTP: two zero bytes, SSRC and index of 48 bits, XOR the salt (RFC 7714 8.1 and 9.1). Three words as numbers. */
export class GcmNonce {
  first = 0;
  second = 0;
  third = 0;
  readonly #salt: readonly [number, number, number];

  /** `salt`: 12 bytes. */
  constructor(salt: Buffer) {
    this.#salt = [salt.readUInt32BE(0), salt.readUInt32BE(4), salt.readUInt32BE(8)];
  }

  set(ssrc: number, index: number): void {
    const low = index % 0x1_0000_0000;
    const high = (index - low) / 0x1_0000_0000;
    this.first = (this.#salt[0] ^ (ssrc >>> 16)) >>> 0;
    this.second = (this.#salt[1] ^ (((ssrc & 0xffff) << 16) | high)) >>> 0;
    this.third = (this.#salt[2] ^ low) >>> 0;
  }
}
