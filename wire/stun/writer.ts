import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { addressBytes, type StunAddress } from './address.ts';
import { StunAttribute } from './attributes.ts';
import { fingerprintOf, integrityOf, type StunKey } from './integrity.ts';
import { magicCookie, type StunClass, stunClasses, stunHeaderLength } from './message.ts';

/** Enough for every message but TURN's with media inside. */
const usualCapacity = 548;

/**
 * Builds one message: attributes in the order of the calls, then `integrity` and `fingerprint`, then `finish`.
 * Throws `WireError('too-large')` when the message outgrows its capacity, and `malformed` for what has no wire form.
 */
export class StunWriter {
  readonly #bytes: Buffer;
  #end = stunHeaderLength;

  /** `transaction` is 12 bytes: random in a request, the request's own in an answer. */
  constructor(messageClass: StunClass, method: number, transaction: Uint8Array, capacity = usualCapacity) {
    if (transaction.length !== 12) throw new WireError('malformed', 'stun', 'a transaction id has 12 bytes');
    this.#bytes = Buffer.alloc(Math.max(capacity, stunHeaderLength));
    const bits = stunClasses.indexOf(messageClass);
    const spread = (method & 0x000f) | ((method & 0x0070) << 1) | ((method & 0x0f80) << 2);
    this.#bytes.writeUInt16BE(spread | ((bits & 1) << 4) | ((bits & 2) << 7), 0); // RFC 8489 5, figure 3
    this.#bytes.writeUInt32BE(magicCookie, 4);
    this.#bytes.set(transaction, 8);
  }

  /** Makes room for an attribute and returns where its value goes. Padding is zero (RFC 8489 14). */
  #open(type: number, length: number): number {
    const start = this.#end + 4;
    const end = start + ((length + 3) & ~3);
    if (length > 0xffff || end > this.#bytes.length) throw new WireError('too-large', 'stun', 'the message is full');
    this.#bytes.writeUInt16BE(type, this.#end);
    this.#bytes.writeUInt16BE(length, this.#end + 2);
    this.#end = end;
    this.#bytes.writeUInt16BE(end - stunHeaderLength, 2);
    return start;
  }

  /** Any attribute by its bytes; without bytes a flag such as USE-CANDIDATE. */
  bytes(type: number, value?: Uint8Array): this {
    const start = this.#open(type, value?.length ?? 0);
    if (value !== undefined) this.#bytes.set(value, start);
    return this;
  }

  text(type: number, value: string): this {
    return this.bytes(type, Buffer.from(value, 'utf8'));
  }

  /** PRIORITY, LIFETIME: 32 bits. */
  number(type: number, value: number): this {
    this.#bytes.writeUInt32BE(value >>> 0, this.#open(type, 4));
    return this;
  }

  /** ICE-CONTROLLED, ICE-CONTROLLING: 64 bits. */
  tieBreaker(type: number, value: bigint): this {
    this.#bytes.writeBigUInt64BE(BigInt.asUintN(64, value), this.#open(type, 8));
    return this;
  }

  /** An XOR address (RFC 8489 14.2); an IPv4-mapped IPv6 address is written as the IPv4 one. */
  xorAddress(type: number, { address, port }: StunAddress): this {
    const plain = addressBytes(address);
    const start = this.#open(type, 4 + plain.length);
    this.#bytes[start + 1] = plain.length === 4 ? 1 : 2;
    this.#bytes.writeUInt16BE((port & 0xffff) ^ (magicCookie >>> 16), start + 2);
    for (let at = 0; at < plain.length; at += 1) {
      this.#bytes[start + 4 + at] = (plain[at] ?? 0) ^ (this.#bytes[4 + at] ?? 0);
    }
    return this;
  }

  /** RFC 8489 14.8. */
  errorCode(code: number, reason: string): this {
    const text = Buffer.from(reason, 'utf8');
    const start = this.#open(StunAttribute.errorCode, 4 + text.length);
    this.#bytes[start + 2] = Math.trunc(code / 100);
    this.#bytes[start + 3] = code % 100;
    this.#bytes.set(text, start + 4);
    return this;
  }

  /** RFC 8489 14.9, in an answer with 420. */
  unknownAttributes(types: readonly number[]): this {
    const start = this.#open(StunAttribute.unknownAttributes, types.length * 2);
    for (const [index, type] of types.entries()) this.#bytes.writeUInt16BE(type, start + index * 2);
    return this;
  }

  /** MESSAGE-INTEGRITY over all that was written. */
  integrity(key: StunKey): this {
    const digest = integrityOf('sha1', this.#bytes, this.#end, 20, key);
    return this.bytes(StunAttribute.messageIntegrity, digest);
  }

  /** MESSAGE-INTEGRITY-SHA256 over all that was written. */
  integritySha256(key: StunKey): this {
    const digest = integrityOf('sha256', this.#bytes, this.#end, 32, key);
    return this.bytes(StunAttribute.messageIntegritySha256, digest);
  }

  /** FINGERPRINT: the last attribute. */
  fingerprint(): this {
    const start = this.#open(StunAttribute.fingerprint, 4);
    this.#bytes.writeUInt32BE(fingerprintOf(this.#bytes, start - 4), start);
    return this;
  }

  /** The message, a view of the writer's memory. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }
}
