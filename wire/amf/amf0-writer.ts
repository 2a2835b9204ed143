import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { amf0Marker } from './amf0-reader.ts';
import { writeAmf3Value } from './amf3-writer.ts';
import { amfLimits } from './budget.ts';
import { GrowingBytes } from './growing-bytes.ts';
import { AmfDate, AmfDictionary, type AmfRecord, type AmfValue, AmfVector, AmfXml } from './value.ts';

/**
 * The values one behind the other, as commands and data messages carry them; no references are written. What only AMF3
 * has (byte arrays, vectors, dictionaries, E4X) goes behind the avmplus marker.
 * Throws WireError('too-large') for nesting deeper than our own reader takes, and for names over 65535 bytes.
 */
export function writeAmf0(values: readonly AmfValue[]): Buffer {
  const out = new GrowingBytes();
  for (const value of values) writeValue(out, value, 1);
  return out.written();
}

function writeValue(out: GrowingBytes, value: AmfValue, depth: number): void {
  if (depth > amfLimits.depth) throw new WireError('too-large', 'amf', `nested deeper than ${amfLimits.depth}`);
  switch (typeof value) {
    case 'undefined':
      return out.u8(amf0Marker.undefined);
    case 'boolean':
      out.u8(amf0Marker.boolean);
      return out.u8(value ? 1 : 0);
    case 'number':
      out.u8(amf0Marker.number);
      return out.f64(value);
    case 'string':
      return writeString(out, value);
    default:
      return value === null ? out.u8(amf0Marker.null) : writeComplex(out, value, depth);
  }
}

function writeString(out: GrowingBytes, text: string): void {
  const byteLength = Buffer.byteLength(text);
  if (byteLength <= 0xffff) {
    out.u8(amf0Marker.string);
    out.u16(byteLength);
  } else {
    out.u8(amf0Marker.longString); // AMF 0 2.14
    out.u32(byteLength);
  }
  out.utf8(text, byteLength);
}

function writeComplex(out: GrowingBytes, value: AmfValue & object, depth: number): void {
  if (value instanceof Map) return writeRecord(out, value, depth);
  if (value instanceof AmfDate) {
    out.u8(amf0Marker.date);
    out.f64(value.epochMillis);
    return out.u16(0); // AMF 0 2.13
  }
  if (value instanceof AmfXml && value.flavour === 'document') {
    const byteLength = Buffer.byteLength(value.text);
    out.u8(amf0Marker.xmlDocument);
    out.u32(byteLength);
    return out.utf8(value.text, byteLength);
  }
  if (
    value instanceof AmfXml ||
    value instanceof AmfVector ||
    value instanceof AmfDictionary ||
    Buffer.isBuffer(value)
  ) {
    out.u8(amf0Marker.avmPlusObject);
    return writeAmf3Value(out, value, depth);
  }
  out.u8(amf0Marker.strictArray);
  out.u32(value.length);
  for (const item of value) writeValue(out, item, depth + 1);
}

function writeRecord(out: GrowingBytes, record: AmfRecord, depth: number): void {
  if (record.kind === 'object') {
    out.u8(amf0Marker.object);
  } else if (record.kind === 'ecma-array') {
    out.u8(amf0Marker.ecmaArray);
    out.u32(record.size);
  } else {
    out.u8(amf0Marker.typedObject);
    writeName(out, record.className);
  }
  for (const [name, member] of record) {
    writeName(out, name);
    writeValue(out, member, depth + 1);
  }
  out.u16(0);
  out.u8(amf0Marker.objectEnd);
}

function writeName(out: GrowingBytes, name: string): void {
  const byteLength = Buffer.byteLength(name);
  if (byteLength > 0xffff) throw new WireError('too-large', 'amf', 'a name over 65535 bytes');
  out.u16(byteLength);
  out.utf8(name, byteLength);
}
