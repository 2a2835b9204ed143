import { Buffer } from 'node:buffer';
import { maxNalUnits } from '../../codec-records/nal.ts';
import { WireError } from '../../errors.ts';
import type { DepacketizerLimits, Emit } from './depacketizer.ts';
import { joinPieces, PictureDepacketizer, type PictureGrammar } from './picture.ts';

/** What H.264 (RFC 6184) and H.265 (RFC 7798) differ in. */
export interface NalGrammar {
  readonly headerBytes: number;
  readonly type: (nal: Buffer) => number;
  readonly aggregation: number;
  readonly fragmentation: number;
  /** Payloads that hold NAL units in a way that is not read here: their picture is lost. */
  readonly foreign: (type: number) => boolean;
  /** The header of the NAL unit that a first fragment begins, from the payload's header and the FU header's type. */
  readonly restore: (payload: Buffer) => Buffer;
  /** Whether a NAL unit can only be the first of its picture, or the first slice of it. */
  readonly begins: (nal: Buffer) => boolean;
  /** Delimiters and filler, of no use to anybody behind us, and reserved types, which are to be ignored (RFC 6184 5.2). */
  readonly discards: (type: number) => boolean;
}

export const h264Grammar: NalGrammar = {
  headerBytes: 1,
  type: (nal) => (nal[0] ?? 0) & 31,
  aggregation: 24, // STAP-A, RFC 6184 5.7.1
  fragmentation: 28, // FU-A, RFC 6184 5.8
  foreign: (type) => (type > 24 && type < 28) || type === 29, // RFC 6184 5.2: of the interleaved mode, which nobody offers
  restore: (payload) => Buffer.of(((payload[0] ?? 0) & 0xe0) | ((payload[1] ?? 0) & 31)),
  begins: (nal) => {
    const type = (nal[0] ?? 0) & 31;
    // first_mb_in_slice 0 is a single bit 1: ISO/IEC 14496-10 7.3.3
    return type >= 6 || ((type === 1 || type === 5) && (nal[1] ?? 0) >= 0x80);
  },
  discards: (type) => type === 9 || type === 12 || type === 0 || type > 23,
};

export const h265Grammar: NalGrammar = {
  headerBytes: 2,
  type: (nal) => ((nal[0] ?? 0) >> 1) & 63,
  aggregation: 48, // AP, RFC 7798 4.4.2
  fragmentation: 49, // FU, RFC 7798 4.4.3
  foreign: (type) => type === 50, // PACI, RFC 7798 4.4.4
  restore: (payload) => Buffer.of(((payload[0] ?? 0) & 0x81) | (((payload[2] ?? 0) & 63) << 1), payload[1] ?? 0),
  begins: (nal) => {
    const type = ((nal[0] ?? 0) >> 1) & 63;
    return type >= 32 || (nal[2] ?? 0) >= 0x80; // first_slice_segment_in_pic_flag
  },
  discards: (type) => type === 35 || type === 38 || type > 47,
};

/** Single NAL units, aggregations and fragments → pictures. */
export class NalDepacketizer extends PictureDepacketizer {
  constructor(grammar: NalGrammar, limits: DepacketizerLimits, emit: Emit) {
    super(new NalPicture(grammar), limits, emit);
  }
}

class NalPicture implements PictureGrammar {
  readonly #grammar: NalGrammar;
  #parts: Buffer[] = [];
  #fragments: Buffer[] = [];

  constructor(grammar: NalGrammar) {
    this.#grammar = grammar;
  }

  begins(payload: Buffer): boolean {
    const { headerBytes, aggregation, fragmentation, begins, restore } = this.#grammar;
    const type = this.#grammar.type(payload);
    if (type === aggregation) return begins(payload.subarray(headerBytes + 2));
    if (type !== fragmentation) return begins(payload);
    const isFirst = ((payload[headerBytes] ?? 0) & 0x80) !== 0;
    return isFirst && begins(Buffer.concat([restore(payload), payload.subarray(headerBytes + 1, headerBytes + 2)]));
  }

  take(payload: Buffer): boolean {
    const { headerBytes, aggregation, fragmentation, foreign } = this.#grammar;
    if (payload.length <= headerBytes) return true; // nothing is in it
    const type = this.#grammar.type(payload);
    if (type === fragmentation) return this.#gather(payload);
    if (this.#fragments.length > 0) return false; // their end is missing
    if (type === aggregation) this.#split(payload);
    else if (foreign(type)) throw new WireError('unsupported', 'rtp', `NAL unit type ${type}`);
    else this.#add(payload);
    return true;
  }

  finish(): readonly Buffer[] | undefined {
    const parts = this.#fragments.length === 0 ? this.#parts : undefined;
    this.#parts = [];
    this.#fragments = [];
    return parts;
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

  #gather(payload: Buffer): boolean {
    const { headerBytes, restore } = this.#grammar;
    const head = payload[headerBytes] ?? 0;
    const first = (head & 0x80) !== 0;
    if (first !== (this.#fragments.length === 0)) return false; // its beginning, or the end of the one before, is missing
    if (first) this.#fragments.push(restore(payload));
    this.#fragments.push(payload.subarray(headerBytes + 1));
    if ((head & 0x40) === 0) return true;
    const nal = joinPieces(this.#fragments);
    this.#fragments = [];
    this.#add(nal);
    return true;
  }

  #add(nal: Buffer): void {
    if (this.#parts.length === maxNalUnits)
      throw new WireError('too-large', 'rtp', `more than ${maxNalUnits} NAL units`);
    if (!this.#grammar.discards(this.#grammar.type(nal))) this.#parts.push(nal);
  }
}
