import { Buffer } from 'node:buffer';
import { addressText, type StunAddress } from './address.ts';
import { isUnknownRequired, StunAttribute } from './attributes.ts';

export type StunClass = 'request' | 'indication' | 'success' | 'error';

/** RFC 8489 5: the two class bits, 0 to 3. */
export const stunClasses: readonly StunClass[] = ['request', 'indication', 'success', 'error'];
export const stunHeaderLength = 20;
/** RFC 8489 5. */
export const magicCookie = 0x2112a442;

/** More attributes than any STUN, ICE or TURN message has. */
const mostAttributes = 32;
const noBytes = Buffer.alloc(0);

/**
 * One STUN message as it was read (RFC 8489 5). A record to use again: `readStunMessage` fills it without allocating.
 * The `find…` methods give `undefined` where the attribute is absent, is of a wrong length, or stands behind
 * MESSAGE-INTEGRITY where anybody could have added it (RFC 8489 14.5). Of several alike the first counts (14).
 */
export class StunMessage {
  /** The whole datagram. */
  bytes: Buffer = noBytes;
  messageClass: StunClass = 'request';
  /** 12 bits: a `StunMethod`. */
  method = 0;
  attributeCount = 0;
  readonly #types = new Uint16Array(mostAttributes);
  readonly #starts = new Uint16Array(mostAttributes);
  readonly #lengths = new Uint16Array(mostAttributes);

  /** The 12 bytes of the transaction id, a view. */
  get transaction(): Buffer {
    return this.bytes.subarray(8, stunHeaderLength);
  }

  /** Fills the table of attributes. False when they don't fit the message. */
  readAttributes(): boolean {
    const { bytes } = this;
    const end = bytes.length;
    let protectedBy = 0;
    this.attributeCount = 0;
    for (let at = stunHeaderLength; at < end; ) {
      if (end - at < 4) return false;
      const type = bytes.readUInt16BE(at);
      const length = bytes.readUInt16BE(at + 2);
      const start = at + 4;
      at = start + ((length + 3) & ~3); // RFC 8489 14: padded to four bytes
      if (at > end) return false;
      if (type === StunAttribute.fingerprint && at !== end) return false; // RFC 8489 14.7: the last one
      if (!countsBehind(protectedBy, type)) continue;
      if (type === StunAttribute.messageIntegrity || type === StunAttribute.messageIntegritySha256) protectedBy = type;
      if (this.attributeCount === mostAttributes) return false;
      this.#types[this.attributeCount] = type;
      this.#starts[this.attributeCount] = start;
      this.#lengths[this.attributeCount] = length;
      this.attributeCount += 1;
    }
    return true;
  }

  /** Where the value of the attribute starts in `bytes`; -1 when it is absent. */
  startOf(type: number): number {
    const index = this.#indexOf(type);
    return index < 0 ? -1 : (this.#starts[index] ?? -1);
  }

  /** The value without padding, a view. */
  find(type: number): Buffer | undefined {
    const index = this.#indexOf(type);
    if (index < 0) return undefined;
    const start = this.#starts[index] ?? 0;
    return this.bytes.subarray(start, start + (this.#lengths[index] ?? 0));
  }

  has(type: number): boolean {
    return this.#indexOf(type) >= 0;
  }

  /** USERNAME, REALM, NONCE, SOFTWARE. */
  findText(type: number): string | undefined {
    return this.find(type)?.toString('utf8');
  }

  /** PRIORITY, LIFETIME: 32 bits. */
  findNumber(type: number): number | undefined {
    const value = this.find(type);
    return value?.length === 4 ? value.readUInt32BE(0) : undefined;
  }

  /** ICE-CONTROLLED and ICE-CONTROLLING: the tie breaker, 64 bits (RFC 8445 7.1.3). */
  findTieBreaker(type: number): bigint | undefined {
    const value = this.find(type);
    return value?.length === 8 ? value.readBigUInt64BE(0) : undefined;
  }

  /** XOR-MAPPED-ADDRESS and its like (RFC 8489 14.2), or MAPPED-ADDRESS and ALTERNATE-SERVER in clear (14.1). */
  findAddress(type: number): StunAddress | undefined {
    const value = this.find(type);
    if (value === undefined || value.length < 8) return undefined;
    const family = value[1];
    const length = family === 1 ? 4 : family === 2 ? 16 : 0;
    if (length === 0 || value.length !== 4 + length) return undefined;
    const clear = type === StunAttribute.mappedAddress || type === StunAttribute.alternateServer;
    const port = value.readUInt16BE(2);
    if (clear) return { address: addressText(value.subarray(4)), port };
    const address = Buffer.from(value.subarray(4));
    // The cookie and the transaction id follow each other in the header: both families take their mask from there.
    for (let at = 0; at < length; at += 1) address[at] = (address[at] ?? 0) ^ (this.bytes[4 + at] ?? 0);
    return { address: addressText(address), port: port ^ (magicCookie >>> 16) };
  }

  /** RFC 8489 14.8: 300 to 699 and the reason. */
  findErrorCode(): { readonly code: number; readonly reason: string } | undefined {
    const value = this.find(StunAttribute.errorCode);
    if (value === undefined || value.length < 4) return undefined;
    const hundreds = (value[2] ?? 0) & 0x07;
    const rest = value[3] ?? 0;
    if (hundreds < 3 || hundreds > 6 || rest > 99) return undefined;
    return { code: hundreds * 100 + rest, reason: value.toString('utf8', 4) };
  }

  /** The attributes that forbid us to go on: a request is answered with 420 and this list (RFC 8489 6.3.1). */
  unknownRequired(): number[] {
    const unknown: number[] = [];
    for (let index = 0; index < this.attributeCount; index += 1) {
      const type = this.#types[index] ?? 0;
      if (isUnknownRequired(type) && !unknown.includes(type)) unknown.push(type);
    }
    return unknown;
  }

  #indexOf(type: number): number {
    for (let index = 0; index < this.attributeCount; index += 1) if (this.#types[index] === type) return index;
    return -1;
  }
}

/** RFC 8489 14.5, 14.6: what is believed behind MESSAGE-INTEGRITY, and behind MESSAGE-INTEGRITY-SHA256. */
function countsBehind(protectedBy: number, type: number): boolean {
  if (protectedBy === 0 || type === StunAttribute.fingerprint) return true;
  return protectedBy === StunAttribute.messageIntegrity && type === StunAttribute.messageIntegritySha256;
}

/**
 * Reads a datagram into `message`. False when it is no STUN message of RFC 8489: then `message` must not be looked at.
 * Nothing is thrown, because a stranger may send a thousand of these a second and each is only to be counted.
 */
export function readStunMessage(bytes: Buffer, message: StunMessage): boolean {
  if (bytes.length < stunHeaderLength || bytes.length > 0xffff) return false;
  const type = bytes.readUInt16BE(0);
  if (type >= 0x4000) return false; // RFC 8489 5: two zero bits
  if (bytes.readUInt32BE(4) !== magicCookie) return false;
  const length = bytes.readUInt16BE(2);
  if ((length & 3) !== 0 || stunHeaderLength + length !== bytes.length) return false;
  message.bytes = bytes;
  message.messageClass = stunClasses[((type >> 7) & 2) | ((type >> 4) & 1)] ?? 'request';
  message.method = (type & 0x000f) | ((type >> 1) & 0x0070) | ((type >> 2) & 0x0f80);
  return message.readAttributes();
}
