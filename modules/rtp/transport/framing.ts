import { Buffer } from 'node:buffer';

/** RFC 4571 2: the length of a packet in front of it. */
export const frameHeaderLength = 2;

/** Cuts a connection's bytes into packets (RFC 4571). Keeps no more than one packet that is not complete. */
export class FrameReader {
  /** Longest packet that is taken, bytes. May be raised once the peer is known. */
  longest: number;
  readonly #header = Buffer.alloc(frameHeaderLength);
  #headerHave = 0;
  #partial: Buffer | undefined;
  #have = 0;

  constructor(longest: number) {
    this.longest = longest;
  }

  /**
   * Gives each packet that has become complete to `take`, as a view of `chunk` or of a memory of its own. False when a packet is
   * longer than may be: nothing behind it can be read. `take` returns false to stop.
   */
  read(chunk: Buffer, take: (packet: Buffer) => boolean): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#partial === undefined) {
        at = this.#readHeader(chunk, at);
        if (this.#headerHave < frameHeaderLength) return true;
        this.#headerHave = 0;
        const length = this.#header.readUInt16BE(0);
        if (length > this.longest) return false;
        if (length === 0) continue; // nothing in it, and nothing kept
        if (at + length <= chunk.length) {
          if (!take(chunk.subarray(at, at + length))) return true;
          at += length;
          continue;
        }
        this.#partial = Buffer.allocUnsafe(length);
        this.#have = 0;
      }
      const partial: Buffer = this.#partial;
      const copied = chunk.copy(partial, this.#have, at);
      at += copied;
      this.#have += copied;
      if (this.#have < partial.length) return true;
      this.#partial = undefined;
      if (!take(partial)) return true;
    }
    return true;
  }

  #readHeader(chunk: Buffer, from: number): number {
    let at = from;
    while (this.#headerHave < frameHeaderLength && at < chunk.length) {
      this.#header[this.#headerHave] = chunk[at] ?? 0;
      this.#headerHave += 1;
      at += 1;
    }
    return at;
  }
}

/** A packet with its header, in memory of its own. */
export function frame(memory: Buffer, start: number, length: number): Buffer {
  const framed = Buffer.allocUnsafe(frameHeaderLength + length);
  framed.writeUInt16BE(length, 0);
  memory.copy(framed, frameHeaderLength, start, start + length);
  return framed;
}
