import { Buffer } from 'node:buffer';
import { PES_FIXED_BYTES, readPesHeader } from './pes.ts';

/** A PES packet, put together. */
export type TsPes = {
  readonly pid: number;
  readonly streamType: number;
  readonly streamId: number;
  /** 90 kHz ticks of 33 bits (`unwrapTimestamp`); undefined when the packet does not carry one. */
  readonly pts: number | undefined;
  /** As `pts`, when it is not told apart. */
  readonly dts: number | undefined;
  /** Memory of its own. */
  readonly payload: Buffer;
  /** random_access_indicator on the packet that it begins in. */
  readonly randomAccess: boolean;
  /** A discontinuity was signalled since the track's last PES packet: the time base may have jumped. */
  readonly discontinuity: boolean;
  /** Bytes are missing: a packet was lost, or the PES packet ends before its length says. */
  readonly damaged: boolean;
};

/** What an assembler asks of the demuxer that all assemblers share. */
export type PesBudget = {
  /** The longest PES packet, in bytes. */
  readonly maxPesBytes: number;
  /** Whether the buffers of all tracks together may grow by so many bytes; takes them when they may. */
  take(bytes: number): boolean;
  give(bytes: number): void;
};

/** Why a PES packet was dropped. */
export type PesLoss = 'malformed' | 'oversized';

const FIRST_CAPACITY = 4096;
/** A buffer that grew beyond this for one packet is given back after it. */
const KEPT_CAPACITY = 1024 * 1024;

/** Gathers one track's PES packets in a buffer that is used again; each packet is handed out as a copy of its exact size. */
export class PesAssembler {
  readonly pid: number;
  readonly streamType: number;
  readonly #budget: PesBudget;
  #buffer = Buffer.alloc(0);
  #length = 0;
  /** Bytes of the whole packet, once its length is known; 0 when it has none. */
  #expected = 0;
  #open = false;
  #randomAccess = false;
  #damaged = false;
  #discontinuity = false;

  constructor(settings: { readonly pid: number; readonly streamType: number }, budget: PesBudget) {
    this.pid = settings.pid;
    this.streamType = settings.streamType;
    this.#budget = budget;
  }

  /** Whether all of a packet of known length is there. */
  get complete(): boolean {
    return this.#open && this.#expected > 0 && this.#length >= this.#expected;
  }

  start(randomAccess: boolean): void {
    this.#open = true;
    this.#length = 0;
    this.#expected = 0;
    this.#damaged = false;
    this.#randomAccess = randomAccess;
  }

  markDamaged(): void {
    this.#damaged = true;
  }

  markDiscontinuity(): void {
    this.#discontinuity = true;
  }

  /** Adds a piece; without a start before it, it goes nowhere. Returns the loss when the packet had to be given up. */
  push(packet: Buffer, start: number, end: number): PesLoss | undefined {
    if (!this.#open) return undefined;
    const length = this.#length + end - start;
    if (length > this.#budget.maxPesBytes || !this.#reserve(length)) {
      this.#open = false;
      return 'oversized';
    }
    packet.copy(this.#buffer, this.#length, start, end);
    const before = this.#length;
    this.#length = length;
    if (before < PES_FIXED_BYTES && length >= PES_FIXED_BYTES) {
      if (this.#buffer.readUIntBE(0, 3) !== 1) {
        this.#open = false;
        return 'malformed';
      }
      const declared = this.#buffer.readUInt16BE(4);
      this.#expected = declared === 0 ? 0 : PES_FIXED_BYTES + declared;
    }
    return undefined;
  }

  /** Hands out what is gathered and waits for the next start. Undefined when there is nothing; 'malformed' when it has no header. */
  finish(): TsPes | 'malformed' | undefined {
    if (!this.#open) return undefined;
    this.#open = false;
    const length = this.#expected > 0 ? Math.min(this.#length, this.#expected) : this.#length;
    const header = readPesHeader(this.#buffer, length);
    if (header === undefined) return 'malformed';
    const pes: TsPes = {
      pid: this.pid,
      streamType: this.streamType,
      streamId: header.streamId,
      pts: header.pts,
      dts: header.dts,
      payload: Buffer.from(this.#buffer.subarray(header.payloadStart, length)),
      randomAccess: this.#randomAccess,
      discontinuity: this.#discontinuity,
      damaged: this.#damaged || length < this.#expected,
    };
    this.#discontinuity = false;
    if (this.#buffer.length > KEPT_CAPACITY) this.release();
    return pes;
  }

  /** Gives the buffer back. */
  release(): void {
    this.#open = false;
    this.#budget.give(this.#buffer.length);
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
  }

  #reserve(length: number): boolean {
    const capacity = this.#buffer.length;
    if (length <= capacity) return true;
    const wanted = Math.min(Math.max(length, capacity * 2, FIRST_CAPACITY), this.#budget.maxPesBytes);
    if (!this.#budget.take(wanted - capacity)) return false;
    const grown = Buffer.allocUnsafeSlow(wanted);
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
    return true;
  }
}
