import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { amf3Marker } from './amf3-reader.ts';
import { amfLimits } from './budget.ts';
import { GrowingBytes } from './growing-bytes.ts';
import { maxU29, writeU29 } from './u29.ts';
import { AmfDate, AmfDictionary, type AmfRecord, type AmfValue, AmfVector, AmfXml } from './value.ts';

/**
 * The values one behind the other; no references are written, which every reader must accept (AMF 3 2.2).
 * Throws WireError: 'too-large' for nesting deeper than our own reader takes, 'unsupported' for a member with an empty
 * name, which AMF3 cannot say.
 */
export function writeAmf3(values: readonly AmfValue[]): Buffer {
  const out = new GrowingBytes();
  for (const value of values) writeAmf3Value(out, value, 1);
  return out.written();
}

/** One value with its marker; `depth` is that of the value in its message. */
export function writeAmf3Value(out: GrowingBytes, value: AmfValue, depth: number): void {
  if (depth > amfLimits.depth) throw new WireError('too-large', 'amf', `nested deeper than ${amfLimits.depth}`);
  switch (typeof value) {
    case 'undefined':
      return out.u8(amf3Marker.undefined);
    case 'boolean':
      return out.u8(value ? amf3Marker.true : amf3Marker.false);
    case 'number':
      return writeNumber(out, value);
    case 'string':
      out.u8(amf3Marker.string);
      return writeText(out, value);
    default:
      return value === null ? out.u8(amf3Marker.null) : writeComplex(out, value, depth);
  }
}

/** AMF 3 3.6: integers of 29 bits with sign; everything else is a double. */
function writeNumber(out: GrowingBytes, value: number): void {
  if (Number.isInteger(value) && value >= -0x10000000 && value <= 0xfffffff && !Object.is(value, -0)) {
    out.u8(amf3Marker.integer);
    return writeU29(out, value & maxU29);
  }
  out.u8(amf3Marker.double);
  out.f64(value);
}

/** U29 with the low bit 1: the value follows, it is no reference. `count` is a length or count. */
function writeInline(out: GrowingBytes, count: number): void {
  if (count > maxU29 >> 1) throw new WireError('too-large', 'amf', `a count of ${count}`);
  writeU29(out, (count << 1) | 1);
}

function writeText(out: GrowingBytes, text: string): void {
  const byteLength = Buffer.byteLength(text);
  writeInline(out, byteLength);
  out.utf8(text, byteLength);
}

function writeComplex(out: GrowingBytes, value: AmfValue & object, depth: number): void {
  if (value instanceof Map) return writeRecord(out, value, depth);
  if (value instanceof AmfDate) {
    out.u8(amf3Marker.date);
    writeInline(out, 0);
    return out.f64(value.epochMillis);
  }
  if (value instanceof AmfXml) {
    out.u8(value.flavour === 'document' ? amf3Marker.xmlDocument : amf3Marker.xml);
    return writeText(out, value.text);
  }
  if (Buffer.isBuffer(value)) {
    out.u8(amf3Marker.byteArray);
    writeInline(out, value.length);
    return out.bytes(value);
  }
  if (value instanceof AmfVector) return writeVector(out, value, depth);
  if (value instanceof AmfDictionary) {
    out.u8(amf3Marker.dictionary);
    writeInline(out, value.entries.length);
    out.u8(value.weakKeys ? 1 : 0);
    for (const [key, item] of value.entries) {
      writeAmf3Value(out, key, depth + 1);
      writeAmf3Value(out, item, depth + 1);
    }
    return;
  }
  out.u8(amf3Marker.array);
  writeInline(out, value.length);
  writeText(out, ''); // no named part
  for (const item of value) writeAmf3Value(out, item, depth + 1);
}

function writeRecord(out: GrowingBytes, record: AmfRecord, depth: number): void {
  if (record.kind === 'ecma-array') {
    out.u8(amf3Marker.array);
    writeInline(out, 0); // no dense part
  } else {
    out.u8(amf3Marker.object);
    out.u8(0x0b); // AMF 3 3.12: traits inline, dynamic, no sealed members
    writeText(out, record.kind === 'object' ? '' : record.className);
  }
  for (const [name, member] of record) {
    if (name === '') throw new WireError('unsupported', 'amf', 'a member without a name');
    writeText(out, name);
    writeAmf3Value(out, member, depth + 1);
  }
  writeText(out, '');
}

function writeVector(out: GrowingBytes, vector: AmfVector, depth: number): void {
  const marker = {
    int: amf3Marker.vectorInt,
    uint: amf3Marker.vectorUint,
    double: amf3Marker.vectorDouble,
    object: amf3Marker.vectorObject,
  }[vector.of];
  out.u8(marker);
  writeInline(out, vector.items.length);
  out.u8(vector.fixed ? 1 : 0);
  if (vector.of === 'object') writeText(out, vector.className);
  for (const item of vector.items) {
    if (vector.of === 'object') writeAmf3Value(out, item, depth + 1);
    else if (vector.of === 'double') out.f64(Number(item));
    else out.u32(Number(item) >>> 0);
  }
}
