import type { Buffer } from 'node:buffer';
import type { Micros } from '../../../core/time/micros.ts';
import { unwrapSequence } from '../../../wire/rtp/sequence.ts';

export interface PacketHistorySettings {
  /** Packets; a power of two. */
  readonly capacity: number;
  readonly age: Micros;
  /** Of payloads. They are shared by all viewers of a unit: this bounds what one slow viewer can pin. */
  readonly bytes: number;
}

/**
 * What one source has sent lately, so that it can be sent again: payloads by reference and the few fields of their headers, in
 * arrays of numbers. Places in it are what `find` gives; they hold until the next `keep`.
 */
export class PacketHistory {
  readonly #settings: PacketHistorySettings;
  readonly #mask: number;
  readonly #payloads: (Buffer | undefined)[] = [];
  readonly #sequences: Float64Array;
  readonly #timestamps: Float64Array;
  /** Marker in the top bit, payload type below. */
  readonly #types: Uint8Array;
  readonly #sentAt: Float64Array;
  readonly #resentAt: Float64Array;
  readonly #resends: Uint8Array;
  #oldest = 0;
  #end = 0;
  #bytes = 0;

  constructor(settings: PacketHistorySettings) {
    const { capacity } = settings;
    this.#settings = settings;
    this.#mask = capacity - 1;
    this.#sequences = new Float64Array(capacity).fill(-1);
    this.#timestamps = new Float64Array(capacity);
    this.#types = new Uint8Array(capacity);
    this.#sentAt = new Float64Array(capacity);
    this.#resentAt = new Float64Array(capacity);
    this.#resends = new Uint8Array(capacity);
  }

  /** Bytes of payloads kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** `sequence` is unwrapped and rises by one from call to call. */
  keep(sequence: number, timestamp: number, type: number, payload: Buffer, now: Micros): void {
    if (this.#bytes === 0) this.#oldest = sequence;
    const { capacity, age, bytes } = this.#settings;
    while (
      this.#oldest < sequence &&
      (sequence - this.#oldest >= capacity ||
        this.#bytes + payload.length > bytes ||
        now - (this.#sentAt[this.#oldest & this.#mask] ?? 0) > age)
    ) {
      this.#forget(this.#oldest & this.#mask);
      this.#oldest += 1;
    }
    const place = sequence & this.#mask;
    this.#payloads[place] = payload;
    this.#sequences[place] = sequence;
    this.#timestamps[place] = timestamp;
    this.#types[place] = type;
    this.#sentAt[place] = now;
    this.#resentAt[place] = -Infinity;
    this.#resends[place] = 0;
    this.#bytes += payload.length;
    this.#end = sequence + 1;
  }

  /** The place of a packet by its sequence number of 16 bits; -1 when it is not kept. */
  find(sequence: number): number {
    if (this.#end === 0) return -1;
    const unwrapped = unwrapSequence(this.#end - 1, sequence);
    const place = unwrapped & this.#mask;
    return unwrapped >= 0 && this.#sequences[place] === unwrapped && this.#payloads[place] !== undefined ? place : -1;
  }

  payloadAt(place: number): Buffer | undefined {
    return this.#payloads[place];
  }

  /** Unwrapped. */
  sequenceAt(place: number): number {
    return this.#sequences[place] ?? 0;
  }

  timestampAt(place: number): number {
    return this.#timestamps[place] ?? 0;
  }

  typeAt(place: number): number {
    return this.#types[place] ?? 0;
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

  clear(): void {
    this.#payloads.length = 0;
    this.#sequences.fill(-1);
    this.#bytes = 0;
  }

  #forget(place: number): void {
    this.#bytes -= this.#payloads[place]?.length ?? 0;
    this.#payloads[place] = undefined;
    this.#sequences[place] = -1;
  }
}
