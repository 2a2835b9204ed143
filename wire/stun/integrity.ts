import { Buffer } from 'node:buffer';
import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { StunAttribute } from './attributes.ts';
import type { StunMessage } from './message.ts';

/** What HMAC takes: a KeyObject costs less where one key checks many messages. */
export type StunKey = Buffer | KeyObject;

/** RFC 8489 9.1.1: the key of the short-term mechanism, which ICE uses. Ours and the peers' passwords are ASCII. */
export function shortTermKey(password: string): Buffer {
  return Buffer.from(password, 'utf8');
}

/** RFC 8489 18.5.1: the key of the long-term mechanism, which TURN uses; MD5 unless PASSWORD-ALGORITHM says otherwise. */
export function longTermKey(
  user: { readonly name: string; readonly realm: string; readonly password: string },
  algorithm: 'md5' | 'sha256' = 'md5',
): Buffer {
  return createHash(algorithm).update(`${user.name}:${user.realm}:${user.password}`).digest();
}

/** RFC 8489 14.5, 14.6: `sha1` is MESSAGE-INTEGRITY, `sha256` MESSAGE-INTEGRITY-SHA256. */
export type IntegrityHash = 'sha1' | 'sha256';

/**
 * The HMAC of a message up to the attribute whose header starts at `end`. The length field is taken as if the message
 * ended behind that attribute of `length` bytes.
 */
export function integrityOf(hash: IntegrityHash, bytes: Buffer, end: number, length: number, key: StunKey): Buffer {
  const head = Buffer.allocUnsafe(4);
  head.writeUInt16BE(bytes.readUInt16BE(0), 0);
  head.writeUInt16BE(end + 4 + length - 20, 2);
  return createHmac(hash, key).update(head).update(bytes.subarray(4, end)).digest();
}

export type Integrity = 'good' | 'bad' | 'absent';

/** Checks MESSAGE-INTEGRITY-SHA256 or MESSAGE-INTEGRITY, whichever `hash` names, in constant time. */
export function checkIntegrity(message: StunMessage, key: StunKey, hash: IntegrityHash = 'sha1'): Integrity {
  const type = hash === 'sha1' ? StunAttribute.messageIntegrity : StunAttribute.messageIntegritySha256;
  const given = message.find(type);
  if (given === undefined) return 'absent';
  // RFC 8489 14.6: SHA-256 may be cut to no less than 16 bytes, by whole words
  if (hash === 'sha1' ? given.length !== 20 : given.length < 16 || given.length > 32 || given.length % 4 !== 0) {
    return 'bad';
  }
  const expected = integrityOf(hash, message.bytes, message.startOf(type) - 4, given.length, key);
  return timingSafeEqual(given, expected.subarray(0, given.length)) ? 'good' : 'bad';
}

/** Checks FINGERPRINT (RFC 8489 14.7), which is always the last attribute. */
export function checkFingerprint(message: StunMessage): Integrity {
  const given = message.findNumber(StunAttribute.fingerprint);
  if (given === undefined) return message.has(StunAttribute.fingerprint) ? 'bad' : 'absent';
  const end = message.startOf(StunAttribute.fingerprint) - 4;
  return fingerprintOf(message.bytes, end) === given ? 'good' : 'bad';
}

/** RFC 8489 14.7: the CRC-32 of the bytes before the attribute, XOR "STUN". The length field must count the attribute already. */
export function fingerprintOf(bytes: Buffer, end: number): number {
  let crc = 0xffff_ffff;
  for (let at = 0; at < end; at += 1) crc = (crcTable[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  return (~crc ^ 0x5354_554e) >>> 0;
}

/** ITU V.42's CRC-32, reflected, polynomial 0x04c11db7. */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb8_8320;
  return value >>> 0;
});
