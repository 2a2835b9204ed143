import { Buffer } from 'node:buffer';
import { MAX_SECTION_BYTES } from './psi.ts';

/** Joins PSI sections that are cut over packets (ISO/IEC 13818-1 2.4.4.1). Holds one section of 1024 bytes at most. */
export class SectionAssembler {
  readonly #section = Buffer.allocUnsafe(MAX_SECTION_BYTES);
  /** Bytes gathered; undefined while waiting for a section to start. */
  #length: number | undefined;

  /** Forgets what was begun: a packet is missing. */
  reset(): void {
    this.#length = undefined;
  }

  /**
   * Takes a packet's payload. `take` gets each complete section as a view that holds until it
   * returns. Returns false when the payload breaks the grammar.
   */
  push(payload: Buffer, unitStart: boolean, take: (section: Buffer) => void): boolean {
    const end = payload.length;
    let at = 0;
    if (unitStart) {
      const pointer = payload[at] ?? 0;
      at++;
      if (at + pointer > end) {
        this.reset();
        return false;
      }
      if (this.#length !== undefined) this.#gather(payload, at, at + pointer, take);
      this.#length = 0;
      at += pointer;
    }
    while (at < end && this.#length !== undefined) {
      if (this.#length === 0 && payload[at] === 0xff) {
        this.#length = undefined; // Stuffing up to the end
        return true;
      }
      const used = this.#gather(payload, at, end, take);
      if (used === 0) return false;
      at += used;
    }
    return true;
  }

  /** Adds bytes to the section; returns how many it took, 0 when the section is too long. */
  #gather(packet: Buffer, start: number, end: number, take: (section: Buffer) => void): number {
    let length = this.#length ?? 0;
    let at = start;
    while (at < end && length < 3) this.#section[length++] = packet[at++] ?? 0;
    if (length >= 3) {
      const size = 3 + (this.#section.readUInt16BE(1) & 0x0fff);
      if (size > MAX_SECTION_BYTES) {
        this.#length = undefined;
        return 0;
      }
      const copied = packet.copy(this.#section, length, at, Math.min(end, at + size - length));
      length += copied;
      at += copied;
      if (length === size) {
        this.#length = 0;
        take(this.#section.subarray(0, size));
        return at - start;
      }
    }
    this.#length = length;
    return at - start;
  }
}
