import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';

/** obu_type, AV1 bitstream specification 6.2.2. */
export const obuType = {
  sequenceHeader: 1,
  temporalDelimiter: 2,
  frameHeader: 3,
  tileGroup: 4,
  metadata: 5,
  frame: 6,
  redundantFrameHeader: 7,
  tileList: 8,
  padding: 15,
} as const;

/** OBUs that one temporal unit may hold. */
export const maxObus = 4096;

const extensionFlag = 0x04;
const hasSizeField = 0x02;
const forbiddenBit = 0x80;

/** The type of an OBU from its first byte. */
export function readObuType(obu: Buffer): number {
  return ((obu[0] ?? 0) >> 3) & 0x0f;
}

/**
 * Splits the low-overhead bitstream format (AV1 5.2) into OBUs without their size field: `obu_has_size_field` cleared,
 * header and payload made adjacent. Temporal delimiters are left out; the container says where a temporal unit starts.
 * The size field stands between header and payload, so the OBUs are copied, all into one new buffer.
 * Throws `malformed`, `truncated`, or `too-large` past `maxObus`.
 */
export function splitObus(bytes: Buffer, format: string): Buffer[] {
  const obus: Buffer[] = [];
  const storage = Buffer.allocUnsafe(bytes.length);
  let used = 0;
  let at = 0;
  while (at < bytes.length) {
    const header = bytes.readUInt8(at);
    if ((header & forbiddenBit) !== 0) throw new WireError('malformed', format, 'obu_forbidden_bit is set'); // AV1 5.3.2
    const headerLength = (header & extensionFlag) === 0 ? 1 : 2;
    let payload = at + headerLength;
    if (payload > bytes.length) throw new WireError('truncated', format, 'the header of an OBU is cut off');
    let end = bytes.length; // without a size field the OBU fills what is left
    if ((header & hasSizeField) !== 0) {
      const sizeAt = payload;
      const size = readLeb128(bytes, sizeAt, format);
      payload = sizeAt + leb128Span(bytes, sizeAt);
      if (size > bytes.length - payload) {
        throw new WireError('truncated', format, `an OBU of ${size} bytes where ${bytes.length - payload} are left`);
      }
      end = payload + size;
    }
    if (((header >> 3) & 0x0f) !== obuType.temporalDelimiter) {
      if (obus.length === maxObus) throw new WireError('too-large', format, `more than ${maxObus} OBUs`);
      const start = used;
      storage[used] = header & ~hasSizeField;
      if (headerLength === 2) storage[used + 1] = bytes.readUInt8(at + 1);
      bytes.copy(storage, used + headerLength, payload, end);
      used += headerLength + (end - payload);
      obus.push(storage.subarray(start, used));
    }
    at = end;
  }
  return obus;
}

/**
 * `[header and size, payload, …]`: OBUs without size fields, as `splitObus` gives them, back in the low-overhead format.
 * Payloads are not copied. With `delimiter` a temporal delimiter goes first (needed in MPEG-TS and raw streams,
 * forbidden in MP4). An OBU that has a size field already is passed as it is.
 */
export function withObuSizes(obus: readonly Buffer[], delimiter = false): Buffer[] {
  const pieces: Buffer[] = [];
  if (delimiter) pieces.push(Buffer.from([(obuType.temporalDelimiter << 3) | hasSizeField, 0]));
  for (const obu of obus) {
    const header = obu[0];
    if (header === undefined) continue;
    if ((header & hasSizeField) !== 0) {
      pieces.push(obu);
      continue;
    }
    const headerLength = Math.min((header & extensionFlag) === 0 ? 1 : 2, obu.length);
    const payload = obu.subarray(headerLength);
    const front = Buffer.allocUnsafe(headerLength + leb128Length(payload.length));
    front[0] = header | hasSizeField;
    if (headerLength === 2) front[1] = obu.readUInt8(1);
    writeLeb128(front, headerLength, payload.length);
    pieces.push(front, payload);
  }
  return pieces;
}

/** Reads leb128() (AV1 4.10.5): at most eight bytes, at most 2^32 - 1. */
export function readLeb128(bytes: Buffer, at: number, format: string): number {
  let value = 0;
  for (let index = 0; index < 8; index += 1) {
    const byte = bytes[at + index];
    if (byte === undefined) throw new WireError('truncated', format, 'a leb128 is cut off');
    value += (byte & 0x7f) * 2 ** (index * 7);
    if ((byte & 0x80) === 0) {
      if (value > 0xffff_ffff) throw new WireError('malformed', format, 'a leb128 beyond 32 bits');
      return value;
    }
  }
  throw new WireError('malformed', format, 'a leb128 of more than eight bytes');
}

/** Bytes that the shortest leb128 of `value` takes. */
export function leb128Length(value: number): number {
  let length = 1;
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) length += 1;
  return length;
}

/** Writes the shortest leb128 of `value` (up to 2^32 - 1) at `at`. Returns the offset behind it. */
export function writeLeb128(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let offset = at;
  while (rest >= 0x80) {
    bytes[offset] = 0x80 | (rest & 0x7f);
    rest = Math.floor(rest / 128);
    offset += 1;
  }
  bytes[offset] = rest;
  return offset + 1;
}

/** Bytes of the leb128 that starts at `at` and was read before; an encoder may have padded it (AV1 4.10.5). */
function leb128Span(bytes: Buffer, at: number): number {
  let length = 1;
  while (((bytes[at + length - 1] ?? 0) & 0x80) !== 0) length += 1;
  return length;
}
