import { Buffer } from 'node:buffer';
import type { RtpPacket } from '../packet.ts';
import type { Depacketizer, DepacketizerLimits, Emit } from './depacketizer.ts';

/** What is particular to a format of video: the payloads of one picture → its parts. */
export interface PictureGrammar {
  /** Whether nothing of its picture can stand before this payload. Asked where packets are missing before it. */
  begins(payload: Buffer): boolean;
  /** False when something of the picture is missing. Throws WireError; the picture is then given up. */
  take(payload: Buffer): boolean;
  /** The parts of what was taken since the last call, and a fresh beginning. Undefined when it is not whole. */
  finish(): readonly Buffer[] | undefined;
}

/**
 * Payloads of video → pictures: those of one timestamp, up to the marker (RFC 6184 5.1, RFC 7798 4.1, RFC 7741 4.1, RFC 9628 4.1,
 * AV1 RTP 4.2). What lacks a packet is given up, never passed on as whole.
 */
export class PictureDepacketizer implements Depacketizer {
  readonly #grammar: PictureGrammar;
  readonly #limits: DepacketizerLimits;
  readonly #emit: Emit;
  #timestamp: number | undefined;
  #packets = 0;
  #bytes = 0;
  /** Of the picture being gathered something is missing. */
  #broken = false;
  /** Something is missing in front of the next packet. */
  #gap = false;

  constructor(grammar: PictureGrammar, limits: DepacketizerLimits, emit: Emit) {
    this.#grammar = grammar;
    this.#limits = limits;
    this.#emit = emit;
  }

  push(packet: RtpPacket, timestamp: number): boolean {
    // A picture may end without a marker; that it ended too early shows only now.
    const passed = this.#timestamp === undefined || timestamp === this.#timestamp || this.#finish();
    const first = this.#timestamp === undefined;
    this.#timestamp = timestamp;
    const payload = packet.payload();
    if (this.#gap) {
      this.#gap = false;
      this.#broken = true; // should the grammar throw
      this.#broken = !first || !this.#grammar.begins(payload);
    }
    this.#count(payload.length);
    if (!this.#broken) {
      this.#broken = true;
      this.#broken = !this.#grammar.take(payload);
    }
    const whole = !this.#broken && passed;
    return packet.marker ? this.#finish() && whole : whole;
  }

  lose(): void {
    this.#gap = true;
    if (this.#timestamp !== undefined) this.#broken = true;
  }

  #count(length: number): void {
    this.#packets += 1;
    this.#bytes += length;
    if (this.#packets <= this.#limits.unitPackets && this.#bytes <= this.#limits.unitBytes) return;
    if (!this.#broken) this.#grammar.finish(); // lets go of what it holds
    this.#broken = true;
  }

  /** False when the picture turns out not to be whole. */
  #finish(): boolean {
    const timestamp = this.#timestamp ?? 0;
    const broken = this.#broken;
    this.#timestamp = undefined;
    this.#packets = 0;
    this.#bytes = 0;
    this.#broken = false;
    const parts = this.#grammar.finish();
    if (broken) return true; // known, and told, when the packet came that showed it
    if (parts === undefined) return false;
    if (parts.length > 0) this.#emit(parts, timestamp);
    return true;
  }
}

/** Pieces of many packets as one: one copy, or none for a single piece. */
export function joinPieces(pieces: readonly Buffer[]): Buffer {
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
}
