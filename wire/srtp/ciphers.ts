import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, createHmac, type Hmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { WireError } from '../errors.ts';
import { GcmNonce } from './gcm-nonce.ts';
import type { SessionKeys } from './keys.ts';
import type { SrtpProfile } from './profile.ts';

/*
 * The transforms. Every packet stands at the start of its view. What node:crypto makes for a packet (a cipher, its
 * output, a tag) cannot be avoided; besides these there are only the views that it wants as arguments.
 */

/** RFC 3711 3.4: SSRC and header of the first packet stay in clear. */
const rtcpClear = 8;
const encrypted = 0x8000_0000;

/** Protects and opens packets whose index is known. `length` and `end` count neither tag nor SRTCP index. */
export interface PacketCipher {
  /** Encrypts from `clear` to `length` and puts the tag behind. */
  sealRtp(bytes: Buffer, clear: number, length: number, index: number): void;
  /** False, and nothing changed, when the tag is not right. */
  openRtp(bytes: Buffer, clear: number, end: number, index: number): boolean;
  /** Encrypts from 8 to `length` and puts tag and index behind, in the transform's order. */
  sealRtcp(bytes: Buffer, length: number, index: number): void;
  openRtcp(bytes: Buffer, end: number, index: number): boolean;
}

export function makePacketCipher(profile: SrtpProfile, kind: 'rtp' | 'rtcp', keys: SessionKeys): PacketCipher {
  if (profile.aead) return new GcmCipher(profile.keyLength === 32 ? 'aes-256-gcm' : 'aes-128-gcm', keys);
  return new CounterCipher(kind === 'rtp' ? profile.rtpTagLength : profile.rtcpTagLength, keys);
}

const gcmTagLength = 16;
const gcmOptions = { authTagLength: gcmTagLength };

/** RFC 7714. */
class GcmCipher implements PacketCipher {
  readonly #name: 'aes-128-gcm' | 'aes-256-gcm';
  readonly #keys: SessionKeys;
  readonly #nonce: GcmNonce;
  readonly #nonceBytes = Buffer.alloc(12);
  /** SRTCP: header and index are authenticated together. */
  readonly #associated = Buffer.alloc(rtcpClear + 4);

  constructor(name: 'aes-128-gcm' | 'aes-256-gcm', keys: SessionKeys) {
    this.#name = name;
    this.#keys = keys;
    this.#nonce = new GcmNonce(keys.salt);
  }

  #writeNonce(ssrc: number, index: number): void {
    const nonce = this.#nonce;
    nonce.set(ssrc, index);
    this.#nonceBytes.writeUInt32BE(nonce.first, 0);
    this.#nonceBytes.writeUInt32BE(nonce.second, 4);
    this.#nonceBytes.writeUInt32BE(nonce.third, 8);
  }

  #seal(bytes: Buffer, clear: number, length: number, associated: Buffer): void {
    const cipher = createCipheriv(this.#name, this.#keys.cipherKey, this.#nonceBytes, gcmOptions);
    cipher.setAAD(associated);
    bytes.set(cipher.update(bytes.subarray(clear, length)), clear);
    cipher.final();
    bytes.set(cipher.getAuthTag(), length);
  }

  #open(bytes: Buffer, clear: number, end: number, associated: Buffer): boolean {
    const decipher = createDecipheriv(this.#name, this.#keys.cipherKey, this.#nonceBytes, gcmOptions);
    decipher.setAAD(associated);
    decipher.setAuthTag(bytes.subarray(end, end + gcmTagLength));
    const plain = decipher.update(bytes.subarray(clear, end));
    try {
      decipher.final();
    } catch {
      // The one way in which node:crypto says that the tag is wrong.
      return false;
    }
    bytes.set(plain, clear);
    return true;
  }

  sealRtp(bytes: Buffer, clear: number, length: number, index: number): void {
    this.#writeNonce(bytes.readUInt32BE(8), index);
    this.#seal(bytes, clear, length, bytes.subarray(0, clear));
  }

  openRtp(bytes: Buffer, clear: number, end: number, index: number): boolean {
    this.#writeNonce(bytes.readUInt32BE(8), index);
    return this.#open(bytes, clear, end, bytes.subarray(0, clear));
  }

  /** RFC 7714 9.2: the header and the word with the index. */
  #associate(bytes: Buffer, index: number): Buffer {
    bytes.copy(this.#associated, 0, 0, rtcpClear);
    this.#associated.writeUInt32BE((encrypted | index) >>> 0, rtcpClear);
    return this.#associated;
  }

  sealRtcp(bytes: Buffer, length: number, index: number): void {
    this.#writeNonce(bytes.readUInt32BE(4), index);
    this.#seal(bytes, rtcpClear, length, this.#associate(bytes, index));
    bytes.writeUInt32BE((encrypted | index) >>> 0, length + gcmTagLength); // RFC 7714 9.2: the index is last
  }

  openRtcp(bytes: Buffer, end: number, index: number): boolean {
    this.#writeNonce(bytes.readUInt32BE(4), index);
    return this.#open(bytes, rtcpClear, end, this.#associate(bytes, index));
  }
}

/** AES in counter mode and HMAC-SHA1, RFC 3711 4.1.1 and 4.2.1. */
class CounterCipher implements PacketCipher {
  readonly #tagLength: number;
  readonly #keys: SessionKeys;
  readonly #authKey: KeyObject;
  readonly #counter = Buffer.alloc(16);
  readonly #rollover = Buffer.alloc(4);

  constructor(tagLength: number, keys: SessionKeys) {
    if (keys.authKey === undefined) throw new WireError('malformed', 'srtp', 'no key for authentication');
    this.#tagLength = tagLength;
    this.#keys = keys;
    this.#authKey = keys.authKey;
  }

  /** RFC 3711 4.1.1: salt, SSRC from bit 64 and index from bit 16, all XORed. */
  #encrypt(bytes: Buffer, clear: number, end: number, ssrc: number, index: number): void {
    const counter = this.#counter;
    const { salt } = this.#keys;
    const low = index % 0x1_0000_0000;
    const high = (index - low) / 0x1_0000_0000;
    salt.copy(counter);
    counter.writeUInt32BE((salt.readUInt32BE(4) ^ ssrc) >>> 0, 4);
    counter.writeUInt16BE(salt.readUInt16BE(8) ^ high, 8);
    counter.writeUInt32BE((salt.readUInt32BE(10) ^ low) >>> 0, 10);
    const cipher = createCipheriv('aes-128-ctr', this.#keys.cipherKey, counter);
    bytes.set(cipher.update(bytes.subarray(clear, end)), clear);
  }

  #hmac(authenticated: Buffer): Hmac {
    return createHmac('sha1', this.#authKey).update(authenticated);
  }

  /** RFC 3711 4.2: the roll-over counter follows the packet. */
  #rtpDigest(authenticated: Buffer, index: number): Buffer {
    this.#rollover.writeUInt32BE(Math.floor(index / 0x1_0000), 0);
    return this.#hmac(authenticated).update(this.#rollover).digest();
  }

  sealRtp(bytes: Buffer, clear: number, length: number, index: number): void {
    this.#encrypt(bytes, clear, length, bytes.readUInt32BE(8), index);
    this.#rtpDigest(bytes.subarray(0, length), index).copy(bytes, length, 0, this.#tagLength);
  }

  openRtp(bytes: Buffer, clear: number, end: number, index: number): boolean {
    const digest = this.#rtpDigest(bytes.subarray(0, end), index);
    if (!this.#matches(bytes, end, digest)) return false;
    this.#encrypt(bytes, clear, end, bytes.readUInt32BE(8), index);
    return true;
  }

  sealRtcp(bytes: Buffer, length: number, index: number): void {
    this.#encrypt(bytes, rtcpClear, length, bytes.readUInt32BE(4), index);
    bytes.writeUInt32BE((encrypted | index) >>> 0, length); // RFC 3711 3.4: the index is before the tag
    this.#hmac(bytes.subarray(0, length + 4))
      .digest()
      .copy(bytes, length + 4, 0, this.#tagLength);
  }

  openRtcp(bytes: Buffer, end: number, index: number): boolean {
    if (!this.#matches(bytes, end + 4, this.#hmac(bytes.subarray(0, end + 4)).digest())) return false;
    this.#encrypt(bytes, rtcpClear, end, bytes.readUInt32BE(4), index);
    return true;
  }

  #matches(bytes: Buffer, at: number, digest: Buffer): boolean {
    return timingSafeEqual(bytes.subarray(at, at + this.#tagLength), digest.subarray(0, this.#tagLength));
  }
}
