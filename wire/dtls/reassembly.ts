import { Buffer } from 'node:buffer';

export const handshakeHeaderLength = 12;
/** A certificate chain of an RSA peer is the longest that we may meet. */
export const longestHandshakeMessage = 0x4000;
/** A flight has at most five messages. */
const mostAhead = 8;

/** A whole handshake message. */
export type HandshakeMessage = {
  readonly type: number;
  /** message_seq, RFC 6347 4.2.2. */
  readonly sequence: number;
  readonly body: Buffer;
};

/** One fragment in a record. */
export type HandshakeFragment = {
  readonly type: number;
  readonly length: number;
  readonly sequence: number;
  readonly offset: number;
  readonly bytes: Buffer;
};

/** The fragments in a record's body (RFC 6347 4.2.2), views; undefined when one is cut short: the record is then no good. */
export function findFragments(body: Buffer): HandshakeFragment[] | undefined {
  const fragments: HandshakeFragment[] = [];
  for (let at = 0; at < body.length; ) {
    const start = at + handshakeHeaderLength;
    if (start > body.length) return undefined;
    const end = start + body.readUIntBE(at + 9, 3);
    if (end > body.length) return undefined;
    fragments.push({
      type: body.readUInt8(at),
      length: body.readUIntBE(at + 1, 3),
      sequence: body.readUInt16BE(at + 4),
      offset: body.readUIntBE(at + 6, 3),
      bytes: body.subarray(start, end),
    });
    at = end;
  }
  return fragments;
}

/** The header and `length` bytes from `offset` of a message: the whole of it as it is hashed, or one fragment. */
export function writeFragment(message: HandshakeMessage, offset = 0, length = message.body.length): Buffer {
  const bytes = Buffer.allocUnsafe(handshakeHeaderLength + length);
  bytes[0] = message.type;
  bytes.writeUIntBE(message.body.length, 1, 3);
  bytes.writeUInt16BE(message.sequence, 4);
  bytes.writeUIntBE(offset, 6, 3);
  bytes.writeUIntBE(length, 9, 3);
  message.body.copy(bytes, handshakeHeaderLength, offset, offset + length);
  return bytes;
}

type BegunMessage = { readonly type: number; readonly body: Buffer; readonly have: Uint8Array; missing: number };

/**
 * Puts fragments together and messages in order. Holds at most eight messages of 16 KiB; what is more, or does not fit
 * what came before, is passed over: an honest peer sends it again.
 */
export class Reassembly {
  /** message_seq of the message that is waited for. */
  expected = 0;
  readonly #partial = new Map<number, BegunMessage>();

  /** Messages that are begun. */
  get size(): number {
    return this.#partial.size;
  }

  /** Forgets what is begun and waits for `sequence`. */
  restart(sequence: number): void {
    this.#partial.clear();
    this.expected = sequence;
  }

  add({ type, length, sequence, offset, bytes }: HandshakeFragment): void {
    if (sequence < this.expected || sequence >= this.expected + mostAhead) return;
    if (length > longestHandshakeMessage || offset + bytes.length > length) return;
    let partial = this.#partial.get(sequence);
    if (partial === undefined) {
      partial = { type, body: Buffer.alloc(length), have: new Uint8Array(length), missing: length };
      this.#partial.set(sequence, partial);
    }
    if (partial.type !== type || partial.body.length !== length) return;
    for (let at = 0; at < bytes.length; at += 1) {
      // What came first stays: a later fragment can't change a message under way.
      if (partial.have[offset + at] === 1) continue;
      partial.have[offset + at] = 1;
      partial.body[offset + at] = bytes[at] ?? 0;
      partial.missing -= 1;
    }
  }

  /** The message that is waited for, once it is whole; then the next is waited for. */
  findNext(): HandshakeMessage | undefined {
    const sequence = this.expected;
    const partial = this.#partial.get(sequence);
    if (partial === undefined || partial.missing > 0) return undefined;
    this.#partial.delete(sequence);
    this.expected += 1;
    return { type: partial.type, sequence, body: partial.body };
  }
}
