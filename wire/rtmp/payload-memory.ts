import { Buffer } from 'node:buffer';

const slabBytes = 16384;
const largestShared = 4096;

/**
 * Memory for the payloads of one connection. Small ones are cut from a slab that only this connection's payloads share:
 * they live about equally long, so that nothing foreign is pinned and at most a slab more than is used, and a cut costs a tenth of
 * an allocation. Larger ones have memory of their own.
 */
export class PayloadMemory {
  #slab: Buffer | undefined;
  #used = 0;

  take(size: number): Buffer {
    if (size > largestShared) return Buffer.allocUnsafeSlow(size);
    if (this.#slab === undefined || size > slabBytes - this.#used) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used = from + size;
    return this.#slab.subarray(from, this.#used);
  }
}
