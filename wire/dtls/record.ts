import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import type { CipherSuite } from './cipher-suites.ts';
import { dtls12 } from './codes.ts';
import type { RecordKeys } from './secrets.ts';

export const recordHeaderLength = 13;
/** RFC 5246 6.2.1, and 6.2.3 for what encryption may add. */
export const longestPlain = 0x4000;
const longestRecord = longestPlain + 2048;
const nonceLength = 8;
const tagLength = 16;
/** What encryption adds to a record. */
export const sealOverhead = nonceLength + tagLength;

/** One record of a datagram (RFC 6347 4.1): views. */
export type DtlsRecord = {
  readonly type: number;
  readonly version: number;
  readonly epoch: number;
  /** 48 bits. */
  readonly sequence: number;
  /** The header too. */
  readonly bytes: Buffer;
  readonly body: Buffer;
};

/** The record at `at`; undefined when what is left is none: the rest of the datagram is then of no use (RFC 6347 4.1.2.7). */
export function findRecord(datagram: Buffer, at: number): DtlsRecord | undefined {
  if (datagram.length - at < recordHeaderLength) return undefined;
  const length = datagram.readUInt16BE(at + 11);
  const end = at + recordHeaderLength + length;
  if (length > longestRecord || end > datagram.length || datagram[at + 1] !== 0xfe) return undefined;
  return {
    type: datagram.readUInt8(at),
    version: datagram.readUInt16BE(at + 1),
    epoch: datagram.readUInt16BE(at + 3),
    sequence: datagram.readUIntBE(at + 5, 6),
    bytes: datagram.subarray(at, end),
    body: datagram.subarray(at + recordHeaderLength, end),
  };
}

/** What is told of a record that goes out. */
export type RecordHead = { readonly type: number; readonly epoch: number; readonly sequence: number };

function writeHead(target: Buffer, { type, epoch, sequence }: RecordHead, length: number): void {
  target[0] = type;
  target.writeUInt16BE(dtls12, 1);
  target.writeUInt16BE(epoch, 3);
  target.writeUIntBE(sequence, 5, 6);
  target.writeUInt16BE(length, 11);
}

/** A record of epoch 0. */
export function writeClearRecord(head: RecordHead, body: Buffer): Buffer {
  const record = Buffer.allocUnsafe(recordHeaderLength + body.length);
  writeHead(record, head, body.length);
  body.copy(record, recordHeaderLength);
  return record;
}

/** Encrypts or decrypts the records of one direction (RFC 5288 3, RFC 6347 4.1.2.1). */
export class RecordCipher {
  readonly #name: CipherSuite['cipher'];
  readonly #key: KeyObject;
  readonly #nonce = Buffer.alloc(12);
  /** The head of a record as it would be in clear. */
  readonly #associated = Buffer.alloc(recordHeaderLength);

  constructor(suite: CipherSuite, keys: RecordKeys) {
    this.#name = suite.cipher;
    this.#key = createSecretKey(keys.key);
    keys.salt.copy(this.#nonce);
  }

  /** RFC 5246 6.2.3.3: epoch and sequence number first, the length that of the plain bytes. */
  #associate(record: Buffer, length: number): Buffer {
    const associated = this.#associated;
    record.copy(associated, 0, 3, 11);
    record.copy(associated, 8, 0, 3);
    associated.writeUInt16BE(length, 11);
    return associated;
  }

  seal(head: RecordHead, plain: Buffer): Buffer {
    const record = Buffer.allocUnsafe(recordHeaderLength + sealOverhead + plain.length);
    writeHead(record, head, sealOverhead + plain.length);
    // Epoch and sequence number are the explicit nonce: a counter can't repeat, a random number can.
    record.copy(record, recordHeaderLength, 3, 11);
    record.copy(this.#nonce, 4, 3, 11);
    const cipher = createCipheriv(this.#name, this.#key, this.#nonce, { authTagLength: tagLength });
    cipher.setAAD(this.#associate(record, plain.length));
    record.set(cipher.update(plain), recordHeaderLength + nonceLength);
    cipher.final();
    record.set(cipher.getAuthTag(), record.length - tagLength);
    return record;
  }

  /** The plain bytes; undefined when the record is not authentic. */
  open({ bytes, body }: DtlsRecord): Buffer | undefined {
    const length = body.length - sealOverhead;
    if (length < 0 || length > longestPlain) return undefined;
    body.copy(this.#nonce, 4, 0, nonceLength);
    const decipher = createDecipheriv(this.#name, this.#key, this.#nonce, { authTagLength: tagLength });
    decipher.setAAD(this.#associate(bytes, length));
    decipher.setAuthTag(body.subarray(nonceLength + length));
    const plain = decipher.update(body.subarray(nonceLength, nonceLength + length));
    try {
      decipher.final();
    } catch {
      // The one way in which node:crypto says that the tag is wrong.
      return undefined;
    }
    return plain;
  }
}
