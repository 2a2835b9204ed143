import { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import { AmfBudget, type AmfLimits, AmfReferences, amfLimits } from './budget.ts';
import { readU29 } from './u29.ts';
import {
  AmfDate,
  AmfDictionary,
  AmfEcmaArray,
  AmfObject,
  AmfTypedObject,
  type AmfValue,
  AmfVector,
  AmfXml,
} from './value.ts';

/** AMF 3 3.1 */
export const amf3Marker = {
  undefined: 0x00,
  null: 0x01,
  false: 0x02,
  true: 0x03,
  integer: 0x04,
  double: 0x05,
  string: 0x06,
  xmlDocument: 0x07,
  date: 0x08,
  array: 0x09,
  object: 0x0a,
  xml: 0x0b,
  byteArray: 0x0c,
  vectorInt: 0x0d,
  vectorUint: 0x0e,
  vectorDouble: 0x0f,
  vectorObject: 0x10,
  dictionary: 0x11,
} as const;

type Traits = { readonly className: string; readonly dynamic: boolean; readonly sealed: readonly string[] };
type TextEntry = { readonly text: string; readonly bytes: number };

/** Reads AMF3 values of one message: the three reference tables of AMF 3 2.2 live as long as this. */
export class Amf3Reader {
  readonly #reader: ByteReader;
  readonly #budget: AmfBudget;
  readonly #strings: TextEntry[] = [];
  readonly #traits: Traits[] = [];
  readonly #objects: AmfReferences;

  constructor(reader: ByteReader, budget: AmfBudget) {
    this.#reader = reader;
    this.#budget = budget;
    this.#objects = new AmfReferences(budget);
  }

  /** One value with its marker. Throws WireError. */
  value(): AmfValue {
    this.#budget.enter();
    const value = this.#marked(this.#reader.u8());
    this.#budget.leave();
    return value;
  }

  #marked(marker: number): AmfValue {
    switch (marker) {
      case amf3Marker.undefined:
        return undefined;
      case amf3Marker.null:
        return null;
      case amf3Marker.false:
        return false;
      case amf3Marker.true:
        return true;
      case amf3Marker.integer:
        return (readU29(this.#reader) << 3) >> 3; // AMF 3 3.6: 29 bits, signed
      case amf3Marker.double:
        return this.#reader.f64();
      case amf3Marker.string:
        return this.#text();
      default:
        return this.#referable(marker);
    }
  }

  /** The types that go through the table of objects: U29O with the low bit 0 is a reference. */
  #referable(marker: number): AmfValue {
    if (marker < amf3Marker.xmlDocument || marker > amf3Marker.dictionary) {
      throw new WireError('malformed', 'amf', `AMF3 marker ${marker}`);
    }
    const head = readU29(this.#reader);
    if ((head & 1) === 0) return this.#objects.resolve(head >> 1);
    const index = this.#objects.open();
    const value = this.#complex(marker, head >> 1);
    this.#objects.close(index, value);
    return value;
  }

  #complex(marker: number, head: number): AmfValue {
    switch (marker) {
      case amf3Marker.xmlDocument:
        return new AmfXml(this.#utf8(head), 'document');
      case amf3Marker.xml:
        return new AmfXml(this.#utf8(head), 'e4x');
      case amf3Marker.date:
        return new AmfDate(this.#reader.f64());
      case amf3Marker.array:
        return this.#array(head);
      case amf3Marker.object:
        return this.#object(head);
      case amf3Marker.byteArray:
        return this.#byteArray(head);
      case amf3Marker.dictionary:
        return this.#dictionary(head);
      default:
        return this.#vector(marker, head);
    }
  }

  #utf8(byteLength: number): string {
    this.#budget.charge(0, byteLength, 0);
    return this.#reader.utf8(byteLength);
  }

  /** UTF-8-vr, AMF 3 1.3.2: the empty string is never put into the table. */
  #text(): string {
    const head = readU29(this.#reader);
    const at = head >> 1;
    if ((head & 1) === 1) {
      const text = this.#utf8(at);
      if (at > 0) this.#strings.push({ text, bytes: at });
      return text;
    }
    const known = this.#strings[at];
    if (known === undefined) throw new WireError('malformed', 'amf', `reference to unknown string ${at}`);
    this.#budget.charge(0, known.bytes, 0);
    return known.text;
  }

  /** Name and value pairs up to the empty name. */
  #members(into: Map<string, AmfValue>): void {
    for (let name = this.#text(); name !== ''; name = this.#text()) into.set(name, this.value());
  }

  /** Refuses a declared count that the bytes left cannot hold, before anything is made for it. */
  #checkCount(count: number, bytesEach: number): void {
    if (count * bytesEach > this.#reader.remaining) {
      throw new WireError('truncated', 'amf', `${count} items declared, ${this.#reader.remaining} bytes left`);
    }
  }

  #array(count: number): AmfValue {
    const named = new AmfEcmaArray();
    this.#members(named);
    this.#checkCount(count, 1);
    if (named.size === 0) return this.#values(count);
    for (let i = 0; i < count; i += 1) named.set(String(i), this.value());
    return named;
  }

  #values(count: number): AmfValue[] {
    const items: AmfValue[] = [];
    for (let i = 0; i < count; i += 1) items.push(this.value());
    return items;
  }

  #object(head: number): AmfValue {
    const traits = this.#readTraits(head);
    const object = traits.className === '' ? new AmfObject() : new AmfTypedObject(traits.className);
    for (const name of traits.sealed) object.set(name, this.value());
    if (traits.dynamic) this.#members(object);
    return object;
  }

  /** AMF 3 3.12; `head` is the U29O without its lowest bit. */
  #readTraits(head: number): Traits {
    if ((head & 1) === 0) {
      const known = this.#traits[head >> 1];
      if (known === undefined) throw new WireError('malformed', 'amf', `reference to unknown traits ${head >> 1}`);
      return known;
    }
    if ((head & 2) !== 0) throw new WireError('unsupported', 'amf', 'an externalizable object');
    const count = head >> 3;
    const className = this.#text();
    this.#checkCount(count, 1);
    const sealed: string[] = [];
    for (let i = 0; i < count; i += 1) {
      this.#budget.charge(1, 0, 0); // a name of no value yet, but memory all the same
      sealed.push(this.#text());
    }
    const traits = { className, dynamic: (head & 4) !== 0, sealed };
    this.#traits.push(traits);
    return traits;
  }

  #byteArray(byteLength: number): Buffer {
    this.#budget.charge(0, byteLength, 0);
    const view = this.#reader.bytes(byteLength);
    const own = Buffer.allocUnsafeSlow(byteLength);
    view.copy(own);
    return own;
  }

  /** AMF 3 3.15 */
  #vector(marker: number, count: number): AmfVector {
    const fixed = this.#reader.u8() !== 0;
    if (marker === amf3Marker.vectorObject) {
      const className = this.#text();
      this.#checkCount(count, 1);
      return new AmfVector('object', this.#values(count), fixed, className);
    }
    this.#checkCount(count, marker === amf3Marker.vectorDouble ? 8 : 4);
    this.#budget.charge(count, 0, 0);
    const items: number[] = [];
    for (let i = 0; i < count; i += 1) {
      if (marker === amf3Marker.vectorInt) items.push(this.#reader.s32());
      else items.push(marker === amf3Marker.vectorUint ? this.#reader.u32() : this.#reader.f64());
    }
    if (marker === amf3Marker.vectorInt) return new AmfVector('int', items, fixed);
    return new AmfVector(marker === amf3Marker.vectorUint ? 'uint' : 'double', items, fixed);
  }

  /** AMF 3 3.16 */
  #dictionary(count: number): AmfDictionary {
    const weakKeys = this.#reader.u8() !== 0;
    this.#checkCount(count, 2);
    const entries: [AmfValue, AmfValue][] = [];
    for (let i = 0; i < count; i += 1) entries.push([this.value(), this.value()]);
    return new AmfDictionary(entries, weakKeys);
  }
}

/** Every AMF3 value of `bytes`, with one set of reference tables. Throws WireError. */
export function readAmf3All(bytes: Buffer, limits: AmfLimits = amfLimits): AmfValue[] {
  const reader = new ByteReader(bytes, 'amf');
  const values = new Amf3Reader(reader, new AmfBudget(limits, bytes.length));
  const all: AmfValue[] = [];
  while (reader.remaining > 0) all.push(values.value());
  return all;
}

/** The AMF3 value at `offset`, and the offset behind it. Throws WireError. */
export function readAmf3(bytes: Buffer, offset = 0, limits: AmfLimits = amfLimits): { value: AmfValue; end: number } {
  const reader = new ByteReader(bytes, 'amf', offset);
  const value = new Amf3Reader(reader, new AmfBudget(limits, bytes.length - offset)).value();
  return { value, end: reader.offset };
}
