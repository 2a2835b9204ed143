import { Buffer } from 'node:buffer';
import { WireError } from '../../wire/errors.ts';
import type { RtpPacket } from '../../wire/rtp/packet.ts';
import type { Depacketizer, DepacketizerLimits, Emit } from './depacketizer.ts';

/** What H.264 (RFC 6184) and H.265 (RFC 7798) differ in. */
export interface NalGrammar {
  readonly headerBytes: number;
  readonly type: (nal: Buffer) => number;
  readonly aggregation: number;
  readonly fragmentation: number;
  /** The header of the NAL unit that a first fragment begins, from the payload's header and the FU header's type. */
  readonly restore: (payload: Buffer) => Buffer;
  /** Whether a NAL unit can only be the first of its picture, or the first slice of it. */
  readonly begins: (nal: Buffer) => boolean;
  /** Delimiters and filler: of no use to anybody behind us. */
  readonly discards: (type: number) => boolean;
}

export const h264Grammar: NalGrammar = {
  headerBytes: 1,
  type: (nal) => (nal[0] ?? 0) & 31,
  aggregation: 24, // STAP-A, RFC 6184 5.7.1
  fragmentation: 28, // FU-A, RFC 6184 5.8
  restore: (payload) => Buffer.of(((payload[0] ?? 0) & 0xe0) | ((payload[1] ?? 0) & 31)),
  begins: (nal) => {
    const type = (nal[0] ?? 0) & 31;
    // first_mb_in_slice 0 is a single bit 1: ISO/IEC 14496-10 7.3.3
    return type >= 6 || ((type === 1 || type === 5) && (nal[1] ?? 0) >= 0x80);
  },
  discards: (type) => type === 9 || type === 12,
};

export const h265Grammar: NalGrammar = {
  headerBytes: 2,
  type: (nal) => ((nal[0] ?? 0) >> 1) & 63,
  aggregation: 48, // AP, RFC 7798 4.4.2
  fragmentation: 49, // FU, RFC 7798 4.4.3
  restore: (payload) => Buffer.of(((payload[0] ?? 0) & 0x81) | (((payload[2] ?? 0) & 63) << 1), payload[1] ?? 0),
  begins: (nal) => {
    const type = ((nal[0] ?? 0) >> 1) & 63;
    return type >= 32 || (nal[2] ?? 0) >= 0x80; // first_slice_segment_in_pic_flag
  },
  discards: (type) => type === 35 || type === 38,
};

/** Single NAL units, aggregations and fragments → pictures. What lacks a part is given up, never passed on as whole. */
export class NalDepacketizer implements Depacketizer {
  readonly #grammar: NalGrammar;
  readonly #limits: DepacketizerLimits;
  readonly #emit: Emit;
  #parts: Buffer[] = [];
  #fragments: Buffer[] = [];
  #timestamp: number | undefined;
  #packets = 0;
  #bytes = 0;
  /** Of the unit being gathered something is missing. */
  #broken = false;
  /** Something is missing in front of the next packet. */
  #gap = false;

  constructor(grammar: NalGrammar, limits: DepacketizerLimits, emit: Emit) {
    this.#grammar = grammar;
    this.#limits = limits;
    this.#emit = emit;
  }

  push(packet: RtpPacket, timestamp: number): boolean {
    if (this.#timestamp !== undefined && timestamp !== this.#timestamp) this.#finish();
    const begins = this.#timestamp === undefined;
    this.#timestamp = timestamp;
    const payload = packet.payload();
    this.#count(payload.length);
    if (this.#gap) {
      this.#gap = false;
      if (!begins || !this.#beginsUnit(payload)) this.#broken = true;
    }
    if (!this.#broken && payload.length > this.#grammar.headerBytes) this.#take(payload);
    const whole = !this.#broken;
    if (packet.marker) this.#finish(); // RFC 6184 5.1
    return whole;
  }

  lose(): void {
    this.#gap = true;
    if (this.#timestamp !== undefined) this.#broken = true;
  }

  #beginsUnit(payload: Buffer): boolean {
    const { headerBytes, aggregation, fragmentation, begins, restore } = this.#grammar;
    const type = this.#grammar.type(payload);
    if (type === aggregation) return begins(payload.subarray(headerBytes + 2));
    if (type !== fragmentation) return begins(payload);
    const isFirst = ((payload[headerBytes] ?? 0) & 0x80) !== 0;
    return isFirst && begins(Buffer.concat([restore(payload), payload.subarray(headerBytes + 1, headerBytes + 2)]));
  }

  #take(payload: Buffer): void {
    const type = this.#grammar.type(payload);
    if (type === this.#grammar.aggregation) this.#split(payload);
    else if (type === this.#grammar.fragmentation) this.#gather(payload);
    else this.#add(payload);
  }

  #split(payload: Buffer): void {
    for (let at = this.#grammar.headerBytes; at < payload.length; ) {
      if (at + 2 > payload.length) throw new WireError('truncated', 'rtp', 'an aggregation is cut off');
      const end = at + 2 + payload.readUInt16BE(at);
      if (end > payload.length) throw new WireError('truncated', 'rtp', 'an aggregated NAL unit is cut off');
      if (end > at + 2) this.#add(payload.subarray(at + 2, end));
      at = end;
    }
  }

  #gather(payload: Buffer): void {
    const { headerBytes, restore } = this.#grammar;
    const head = payload[headerBytes] ?? 0;
    if ((head & 0x80) !== 0) this.#fragments = [restore(payload)];
    else if (this.#fragments.length === 0) {
      this.#broken = true; // its beginning is missing
      return;
    }
    this.#fragments.push(payload.subarray(headerBytes + 1));
    if ((head & 0x40) === 0) return;
    const nal = Buffer.concat(this.#fragments); // one copy makes one part of many packets
    this.#fragments = [];
    this.#add(nal);
  }

  #add(nal: Buffer): void {
    if (!this.#grammar.discards(this.#grammar.type(nal))) this.#parts.push(nal);
  }

  #count(length: number): void {
    this.#packets += 1;
    this.#bytes += length;
    if (this.#packets > this.#limits.unitPackets || this.#bytes > this.#limits.unitBytes) {
      this.#parts = [];
      this.#fragments = [];
      this.#broken = true;
    }
  }

  #finish(): void {
    const parts = this.#parts;
    const timestamp = this.#timestamp;
    const whole = !this.#broken && this.#fragments.length === 0;
    this.#parts = [];
    this.#fragments = [];
    this.#timestamp = undefined;
    this.#packets = 0;
    this.#bytes = 0;
    this.#broken = false;
    if (whole && parts.length > 0 && timestamp !== undefined) this.#emit(parts, timestamp);
  }
}
