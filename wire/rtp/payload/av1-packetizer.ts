import { Buffer } from 'node:buffer';
import { leb128Length, obuType, readObuType, splitObus, writeLeb128 } from '../../codec-records/obu.ts';

const extensionFlag = 0x04;
const hasSizeField = 0x02;
/** The aggregation header, AV1 RTP 4.4. */
const continues = 0x80; // Z
const goesOn = 0x40; // Y
const newSequence = 0x08; // N
/** Elements that W can count; with more of them each tells its length. */
const mostCounted = 3;

/**
 * The OBUs of a temporal unit → payloads of at most `most` bytes (AV1 RTP 4.5). `sequence`: a new coded video sequence begins.
 * Delimiters, tile lists and padding stay behind, and size fields.
 */
export function packetizeAv1(obus: readonly Buffer[], sequence: boolean, most: number): Buffer[] {
  const packets = new Av1Packets(most, sequence);
  for (const obu of obus) {
    const type = readObuType(obu);
    // AV1 RTP 5: the first two are not sent; padding says nothing
    if (type === obuType.temporalDelimiter || type === obuType.tileList || type === obuType.padding) continue;
    if (((obu[0] ?? 0) & hasSizeField) === 0) packets.add(obu);
    else for (const plain of splitObus(obu, 'rtp')) packets.add(plain);
  }
  return packets.end();
}

class Av1Packets {
  readonly #payloads: Buffer[] = [];
  readonly #most: number;
  #elements: Buffer[] = [];
  /** What `#elements` take, lengths and the aggregation header with them. */
  #used = 1;
  #flags: number;
  /** Temporal and spatial id of what is in the packet, where an OBU tells them. */
  #layer: number | undefined;

  constructor(most: number, sequence: boolean) {
    this.#most = most;
    this.#flags = sequence ? newSequence : 0;
  }

  add(obu: Buffer): void {
    if (obu.length === 0) return;
    const layer = ((obu[0] ?? 0) & extensionFlag) === 0 ? undefined : obu[1];
    // AV1 RTP 5: what is in a packet belongs to one layer
    if (layer !== undefined && this.#layer !== undefined && layer !== this.#layer) this.#flush(0);
    this.#layer = layer ?? this.#layer;
    let rest = obu;
    for (;;) {
      const left = this.#most - this.#used;
      if (rest.length + leb128Length(rest.length) <= left) break;
      const room = left - leb128Length(left);
      if (room > 0) {
        this.#put(rest.subarray(0, room));
        rest = rest.subarray(room);
      }
      const cut = rest !== obu;
      this.#flush(cut ? goesOn : 0);
      if (cut) this.#flags |= continues;
      this.#layer = layer;
    }
    this.#put(rest);
  }

  end(): Buffer[] {
    this.#flush(0);
    return this.#payloads;
  }

  #put(element: Buffer): void {
    this.#elements.push(element);
    this.#used += leb128Length(element.length) + element.length;
  }

  #flush(flags: number): void {
    const elements = this.#elements;
    if (elements.length === 0) return;
    const counted = elements.length <= mostCounted ? elements.length : 0;
    const last = elements[elements.length - 1] as Buffer;
    const payload = Buffer.allocUnsafe(this.#used - (counted === 0 ? 0 : leb128Length(last.length)));
    payload[0] = this.#flags | flags | (counted << 4);
    let at = 1;
    for (let index = 0; index < elements.length; index += 1) {
      const element = elements[index] as Buffer;
      if (counted === 0 || index < counted - 1) at = writeLeb128(payload, at, element.length); // the last needs none
      at += element.copy(payload, at);
    }
    this.#payloads.push(payload);
    this.#elements = [];
    this.#used = 1;
    this.#flags = 0;
    this.#layer = undefined;
  }
}
