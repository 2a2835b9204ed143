import type { Buffer } from 'node:buffer';
import { maxObus, obuType, readLeb128, readObuType, splitObus } from '../../codec-records/obu.ts';
import { WireError } from '../../errors.ts';
import type { DepacketizerLimits, Emit } from './depacketizer.ts';
import { joinPieces, PictureDepacketizer, type PictureGrammar } from './picture.ts';

const hasSizeField = 0x02;

/** AV1, RTP payload format 1.0: a unit is a temporal unit, its OBUs without size fields and without delimiters. */
export class Av1Depacketizer extends PictureDepacketizer {
  constructor(limits: DepacketizerLimits, emit: Emit) {
    super(new Av1TemporalUnit(), limits, emit);
  }
}

class Av1TemporalUnit implements PictureGrammar {
  #obus: Buffer[] = [];
  /** Of the OBU that goes on in the next packet. */
  #pieces: Buffer[] = [];

  /** A new sequence, or what can only stand first (AV1 7.5). Of other frames can't be told whether one was lost before them. */
  begins(payload: Buffer): boolean {
    const head = payload[0] ?? 0;
    if ((head & 0x88) !== 0) return (head & 0x80) === 0; // Z: AV1 RTP 4.4: never with N
    const first = (head & 0x30) === 0x10 ? 1 : 1 + lengthSpan(payload, 1);
    const element = payload.subarray(first);
    const type = readObuType(element);
    return element.length > 0 && (type === obuType.sequenceHeader || type === obuType.temporalDelimiter);
  }

  take(payload: Buffer): boolean {
    const head = payload[0];
    if (head === undefined) throw new WireError('truncated', 'rtp', 'no AV1 aggregation header');
    const count = (head >> 4) & 3; // W: AV1 RTP 4.4
    if (((head & 0x80) !== 0) !== this.#pieces.length > 0) return false; // Z: what goes on is missing, or how it goes on
    let at = 1;
    for (let index = 0; at < payload.length; index += 1) {
      let end = payload.length;
      if (count === 0 || index < count - 1) {
        const size = readLeb128(payload, at, 'rtp');
        at += lengthSpan(payload, at);
        end = at + size;
        if (end > payload.length) throw new WireError('truncated', 'rtp', 'an OBU element is cut off');
      }
      this.#pieces.push(payload.subarray(at, end));
      at = end;
      const last = at === payload.length;
      if (last && count !== 0 && index !== count - 1)
        throw new WireError('truncated', 'rtp', 'OBU elements are missing');
      if (!last || (head & 0x40) === 0) this.#close(); // Y: the last one goes on
    }
    return true;
  }

  finish(): readonly Buffer[] | undefined {
    const obus = this.#pieces.length === 0 ? this.#obus : undefined;
    this.#obus = [];
    this.#pieces = [];
    return obus;
  }

  #close(): void {
    const obu = joinPieces(this.#pieces);
    this.#pieces = [];
    if (obu.length === 0) return;
    if (((obu[0] ?? 0) & hasSizeField) !== 0) {
      for (const plain of splitObus(obu, 'rtp')) this.#add(plain);
    } else {
      this.#add(obu);
    }
  }

  #add(obu: Buffer): void {
    const head = obu[0] ?? 0;
    if ((head & 0x80) !== 0) throw new WireError('malformed', 'rtp', 'obu_forbidden_bit is set');
    if (this.#obus.length === maxObus) throw new WireError('too-large', 'rtp', `more than ${maxObus} OBUs`);
    const type = readObuType(obu);
    // AV1 RTP 5: to be ignored
    if (type === obuType.temporalDelimiter || type === obuType.tileList) return;
    this.#obus.push(obu);
  }
}

/** Bytes of the leb128 at `at`. */
function lengthSpan(payload: Buffer, at: number): number {
  let end = at;
  while (((payload[end] ?? 0) & 0x80) !== 0) end += 1;
  return end + 1 - at;
}
