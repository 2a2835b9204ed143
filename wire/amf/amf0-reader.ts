import type { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import { Amf3Reader } from './amf3-reader.ts';
import { AmfBudget, type AmfLimits, AmfReferences, amfLimits } from './budget.ts';
import { AmfDate, AmfEcmaArray, AmfObject, AmfTypedObject, type AmfValue, AmfXml } from './value.ts';

/** AMF 0 2.1; 0x11 is AMF 3 4.1 */
export const amf0Marker = {
  number: 0x00,
  boolean: 0x01,
  string: 0x02,
  object: 0x03,
  movieClip: 0x04,
  null: 0x05,
  undefined: 0x06,
  reference: 0x07,
  ecmaArray: 0x08,
  objectEnd: 0x09,
  strictArray: 0x0a,
  date: 0x0b,
  longString: 0x0c,
  unsupported: 0x0d,
  recordSet: 0x0e,
  xmlDocument: 0x0f,
  typedObject: 0x10,
  avmPlusObject: 0x11,
} as const;

/** Reads AMF0 values of one message; the reference table lives as long as this. */
class Amf0Reader {
  readonly #reader: ByteReader;
  readonly #budget: AmfBudget;
  readonly #objects: AmfReferences;
  #amf3: Amf3Reader | undefined;

  constructor(reader: ByteReader, budget: AmfBudget) {
    this.#reader = reader;
    this.#budget = budget;
    this.#objects = new AmfReferences(budget);
  }

  value(): AmfValue {
    return this.#valueAfter(this.#reader.u8());
  }

  #valueAfter(marker: number): AmfValue {
    if (marker === amf0Marker.avmPlusObject) {
      // The AMF3 tables span the message: its values are one context.
      this.#amf3 ??= new Amf3Reader(this.#reader, this.#budget);
      return this.#amf3.value();
    }
    this.#budget.enter();
    const value = this.#marked(marker);
    this.#budget.leave();
    return value;
  }

  #marked(marker: number): AmfValue {
    const reader = this.#reader;
    switch (marker) {
      case amf0Marker.number:
        return reader.f64();
      case amf0Marker.boolean:
        return reader.u8() !== 0; // AMF 0 2.3
      case amf0Marker.string:
        return this.#utf8(reader.u16());
      case amf0Marker.longString:
        return this.#utf8(reader.u32());
      case amf0Marker.null:
        return null;
      case amf0Marker.undefined:
      case amf0Marker.unsupported: // AMF 0 2.15: the sender could not serialise it
        return undefined;
      case amf0Marker.date: {
        const epochMillis = reader.f64();
        reader.skip(2); // AMF 0 2.13: the time zone is reserved
        return new AmfDate(epochMillis);
      }
      case amf0Marker.xmlDocument:
        return new AmfXml(this.#utf8(reader.u32()), 'document');
      case amf0Marker.reference:
        return this.#objects.resolve(reader.u16());
      case amf0Marker.movieClip:
      case amf0Marker.recordSet:
        throw new WireError('unsupported', 'amf', `AMF0 marker ${marker} is reserved`);
      default:
        return this.#referable(marker);
    }
  }

  /** The types that a later reference may mean. AMF 0 2.9. */
  #referable(marker: number): AmfValue {
    const index = this.#objects.open();
    const value = this.#complex(marker);
    this.#objects.close(index, value);
    return value;
  }

  #complex(marker: number): AmfValue {
    switch (marker) {
      case amf0Marker.object:
        return this.#members(new AmfObject());
      case amf0Marker.typedObject:
        return this.#members(new AmfTypedObject(this.#utf8(this.#reader.u16())));
      case amf0Marker.ecmaArray:
        this.#reader.skip(4); // AMF 0 2.10: the count is a hint; the end marker decides
        return this.#members(new AmfEcmaArray());
      case amf0Marker.strictArray:
        return this.#strictArray(this.#reader.u32());
      default:
        throw new WireError('malformed', 'amf', `AMF0 marker ${marker}`);
    }
  }

  #utf8(byteLength: number): string {
    this.#budget.charge(0, byteLength, 0);
    return this.#reader.utf8(byteLength);
  }

  #members<Into extends Map<string, AmfValue>>(into: Into): Into {
    for (;;) {
      const name = this.#utf8(this.#reader.u16());
      const marker = this.#reader.u8();
      // AMF 0 2.11. Before any other marker an empty name is a name.
      if (name === '' && marker === amf0Marker.objectEnd) return into;
      into.set(name, this.#valueAfter(marker));
    }
  }

  #strictArray(count: number): AmfValue[] {
    if (count > this.#reader.remaining) {
      throw new WireError('truncated', 'amf', `${count} items declared, ${this.#reader.remaining} bytes left`);
    }
    const items: AmfValue[] = [];
    for (let i = 0; i < count; i += 1) items.push(this.value());
    return items;
  }
}

/** Every AMF0 value of a message, as commands and data messages carry them. Throws WireError. */
export function readAmf0All(bytes: Buffer, limits: AmfLimits = amfLimits): AmfValue[] {
  const reader = new ByteReader(bytes, 'amf');
  const values = new Amf0Reader(reader, new AmfBudget(limits, bytes.length));
  const all: AmfValue[] = [];
  while (reader.remaining > 0) all.push(values.value());
  return all;
}

/** The AMF0 value at `offset`, and the offset behind it. Throws WireError. */
export function readAmf0(bytes: Buffer, offset = 0, limits: AmfLimits = amfLimits): { value: AmfValue; end: number } {
  const reader = new ByteReader(bytes, 'amf', offset);
  const value = new Amf0Reader(reader, new AmfBudget(limits, bytes.length - offset)).value();
  return { value, end: reader.offset };
}
