import { Buffer } from 'node:buffer';

/*
 * As much of the distinguished encoding rules (ITU-T X.690) as a certificate needs. Values are built from the inside
 * out; each function gives one complete element.
 */

const universal = { boolean: 0x01, integer: 0x02, bitString: 0x03, octetString: 0x04, oid: 0x06, utf8: 0x0c } as const;
const sequenceTag = 0x30;
const setTag = 0x31;

/** One element: tag, length, content. */
export function element(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

// X.690 8.1.3: short form below 128, else the count of bytes and the bytes.
function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  if (length < 0x100) return Buffer.from([0x81, length]);
  return Buffer.from([0x82, length >> 8, length & 0xff]);
}

export function sequence(...elements: readonly Uint8Array[]): Buffer {
  return element(sequenceTag, Buffer.concat(elements));
}

export function set(...elements: readonly Uint8Array[]): Buffer {
  return element(setTag, Buffer.concat(elements));
}

/** A positive number from its big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  // X.690 8.3.3: a leading zero keeps the number positive.
  const positive = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
  return element(universal.integer, positive);
}

export function boolean(value: boolean): Buffer {
  return element(universal.boolean, Buffer.from([value ? 0xff : 0]));
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return element(universal.bitString, Buffer.concat([Buffer.from([unusedBits]), bytes]));
}

export function octetString(bytes: Uint8Array): Buffer {
  return element(universal.octetString, bytes);
}

export function utf8String(text: string): Buffer {
  return element(universal.utf8, Buffer.from(text));
}

/** `1.2.840.10045.4.3.2` */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes: number[] = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return element(universal.oid, Buffer.from(bytes));
}

/** UTCTime until 2049, GeneralizedTime afterwards (RFC 5280 4.1.2.5). */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050
    ? element(0x17, Buffer.from(digits.slice(2)))
    : element(0x18, Buffer.from(digits));
}

/** A context-specific element: `[number]` in the specification's notation. */
export function tagged(number: number, content: Uint8Array, constructed = true): Buffer {
  return element(0x80 | (constructed ? 0x20 : 0) | number, content);
}
