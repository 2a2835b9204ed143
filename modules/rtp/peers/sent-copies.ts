import { Buffer } from 'node:buffer';
import type { Micros } from '../../../core/time/micros.ts';
import type { PacketCopies } from './packet-transport.ts';

export interface SentCopiesSettings {
  /** Packets; a power of two. */
  readonly capacity: number;
  /** Bytes of a packet on the wire; larger ones are not kept. */
  readonly packetBytes: number;
  readonly age: Micros;
}

/**
 * What one source has sent lately, byte by byte as it went over the wire: for a peer that asks for what it lost (NACK) and knows no
 * retransmission format (RFC 4588), and so has to get the same packet under the same number.
 *
 * A packet made anew would differ at least in its time of sending, and two different packets must never be protected under one index:
 * RFC 3711 9.1 calls that a two-time pad, and with GCM a nonce that is used twice gives away the key of all tags, even when only the
 * header differs (RFC 7714 8.4). So nothing is protected again here. Copies of what was protected go out; a receiver that has the
 * packet after all drops it as a replay (RFC 3711 3.3.2).
 *
 * A ring in one memory that is made for such a peer alone, with the fields beside it in arrays of numbers.
 */
export class SentCopies implements PacketCopies {
  readonly #settings: SentCopiesSettings;
  readonly #mask: number;
  readonly #memory: Buffer;
  /** Of 16 bits; -1: none. */
  readonly #sequences: Int32Array;
  readonly #transportSequences: Float64Array;
  /** 0 until the packet was protected. */
  readonly #lengths: Uint16Array;
  readonly #sentAt: Float64Array;
  readonly #resentAt: Float64Array;
  readonly #resends: Uint8Array;

  constructor(settings: SentCopiesSettings) {
    const { capacity, packetBytes } = settings;
    this.#settings = settings;
    this.#mask = capacity - 1;
    this.#memory = Buffer.allocUnsafeSlow(capacity * packetBytes);
    this.#sequences = new Int32Array(capacity).fill(-1);
    this.#transportSequences = new Float64Array(capacity);
    this.#lengths = new Uint16Array(capacity);
    this.#sentAt = new Float64Array(capacity);
    this.#resentAt = new Float64Array(capacity);
    this.#resends = new Uint8Array(capacity);
  }

  /** Bytes held, whether they are in use or not. */
  get bytes(): number {
    return this.#memory.length;
  }

  /** A packet is going out, whose bytes `keep` brings. `transportSequence` is the transport-wide number, unwrapped. */
  announce(sequence: number, transportSequence: number, now: Micros): void {
    const place = sequence & this.#mask;
    this.#sequences[place] = sequence & 0xffff;
    this.#transportSequences[place] = transportSequence;
    this.#lengths[place] = 0;
    this.#sentAt[place] = now;
    this.#resentAt[place] = -Infinity;
    this.#resends[place] = 0;
  }

  keep(memory: Buffer, start: number, length: number): void {
    const { packetBytes } = this.#settings;
    const sequence = memory.readUInt16BE(start + 2); // in clear: RFC 3711 3.1
    const place = sequence & this.#mask;
    if (this.#sequences[place] !== sequence || length > packetBytes) return;
    memory.copy(this.#memory, place * packetBytes, start, start + length);
    this.#lengths[place] = length;
  }

  /** The place of a packet by its sequence number of 16 bits; -1 when it is not kept. Holds until the next `announce`. */
  find(sequence: number, now: Micros): number {
    const place = sequence & this.#mask;
    if (this.#sequences[place] !== sequence || this.#lengths[place] === 0) return -1;
    return now - (this.#sentAt[place] ?? 0) > this.#settings.age ? -1 : place;
  }

  /** A copy for the way to have: this memory is written over. */
  copyAt(place: number): Buffer {
    const start = place * this.#settings.packetBytes;
    return Buffer.from(this.#memory.subarray(start, start + (this.#lengths[place] ?? 0)));
  }

  transportSequenceAt(place: number): number {
    return this.#transportSequences[place] ?? 0;
  }

  /** When it was last sent, the first time or again. */
  lastSentAt(place: number): number {
    return Math.max(this.#sentAt[place] ?? 0, this.#resentAt[place] ?? 0);
  }

  resendsAt(place: number): number {
    return this.#resends[place] ?? 0;
  }

  noteResend(place: number, now: Micros): void {
    this.#resentAt[place] = now;
    this.#resends[place] = (this.#resends[place] ?? 0) + 1;
  }
}
