import { Buffer } from 'node:buffer';
import { TS_PACKET_BYTES, TS_SYNC_BYTE } from './packet.ts';

/**
 * Cuts a byte stream into packets. While the sync byte is where it must be, packets are views of the pushed bytes; when
 * it is not, two sync bytes 188 bytes apart are looked for. Holds less than two packets between calls.
 */
export class PacketSync {
  readonly #take: (bytes: Buffer, at: number) => void;
  #pending = Buffer.alloc(0);
  #locked = true;
  skippedBytes = 0;
  losses = 0;

  /** `take` gets a buffer and where in it a packet begins; all 188 bytes are there. */
  constructor(take: (bytes: Buffer, at: number) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    let bytes = chunk;
    const pending = this.#pending;
    if (pending.length > 0 && this.#locked) {
      // What is pending begins with a sync byte and is less than a packet: complete it, and read on in place
      const missing = TS_PACKET_BYTES - pending.length;
      const packet = Buffer.concat([pending, chunk.subarray(0, missing)]); // Once a chunk
      if (packet.length < TS_PACKET_BYTES) {
        this.#pending = packet;
        return;
      }
      this.#take(packet, 0);
      bytes = chunk.subarray(missing);
    } else if (pending.length > 0) {
      bytes = Buffer.concat([pending, chunk]); // Only while sync is lost
    }
    const rest = this.#cut(bytes);
    this.#pending = Buffer.from(bytes.subarray(rest)); // A copy: a view would pin the chunk
  }

  /** The stream ends: a packet that stands alone after a loss of sync is taken, one that is not complete is not. */
  flush(): void {
    const pending = this.#pending;
    if (pending.length === TS_PACKET_BYTES) this.#take(pending, 0);
    else this.skippedBytes += pending.length;
    this.#pending = Buffer.alloc(0);
    this.#locked = true;
  }

  /** Hands out packets; returns where what is left begins: less than two packets. */
  #cut(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length) {
      if (this.#locked && bytes[at] !== TS_SYNC_BYTE) {
        this.#locked = false;
        this.losses++;
      }
      if (!this.#locked) {
        const found = findSync(bytes, at);
        this.skippedBytes += found - at;
        at = found;
        if (at + TS_PACKET_BYTES >= bytes.length) return at;
        this.#locked = true;
      }
      if (at + TS_PACKET_BYTES > bytes.length) return at;
      this.#take(bytes, at);
      at += TS_PACKET_BYTES;
    }
    return at;
  }
}

/** The first sync byte that is followed by another one packet later, or that may still be; the end when there is none. */
function findSync(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(TS_SYNC_BYTE, from);
  while (at !== -1) {
    const next = at + TS_PACKET_BYTES;
    if (next >= bytes.length || bytes[next] === TS_SYNC_BYTE) return at;
    at = bytes.indexOf(TS_SYNC_BYTE, at + 1);
  }
  return bytes.length;
}
