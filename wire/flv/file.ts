import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { flvFormat } from './enhanced.ts';

/** TagType, FLV E.4.1. RTMP uses the same numbers for its messages. */
export const flvTagType = { audio: 8, video: 9, script: 18 } as const;
export type FlvTagType = (typeof flvTagType)[keyof typeof flvTagType];

/** The largest tag body that the reader takes, bytes. */
export const maxFlvTag = 8 * 1024 * 1024;

const signature = 0x464c56; // FLV
const headerLength = 9;
const maxHeaderLength = 4096;
const tagHeaderLength = 11;
const previousSizeLength = 4;
/** Chunks under this many bytes are joined. */
const smallChunk = 1024;

/** FLV E.2. */
export interface FlvFileHeader {
  readonly audio: boolean;
  readonly video: boolean;
}

/** One tag, FLV E.4.1. `body` is a view of a pushed chunk, or memory of its own where the tag spanned several. */
export interface FlvTag {
  readonly type: FlvTagType;
  /** Decoding time, milliseconds, 0 to 2^32 - 1. */
  readonly timestamp: number;
  readonly body: Buffer;
}

/** The file header with PreviousTagSize0 behind it, 13 bytes: the start of a file or of an HTTP-FLV response. */
export function flvFileHeader(header: FlvFileHeader): Buffer {
  const bytes = Buffer.alloc(headerLength + previousSizeLength);
  bytes.writeUIntBE(signature, 0, 3);
  bytes[3] = 1;
  bytes[4] = (header.audio ? 0x04 : 0) | (header.video ? 0x01 : 0);
  bytes.writeUInt32BE(headerLength, 5);
  return bytes;
}

/** The 11 bytes before a tag body. `timestamp` in milliseconds wraps at 2^32. A tag is `[header, ...body, flvTagEnd(bodyLength)]`. */
export function flvTagHeader(type: FlvTagType, timestamp: number, bodyLength: number): Buffer {
  if (bodyLength > 0xff_ffff) throw new WireError('too-large', flvFormat, `a tag of ${bodyLength} bytes`);
  const time = timestamp >>> 0;
  const bytes = Buffer.allocUnsafe(tagHeaderLength);
  bytes[0] = type;
  bytes.writeUIntBE(bodyLength, 1, 3);
  bytes.writeUIntBE(time & 0xff_ffff, 4, 3);
  bytes[7] = time >>> 24; // TimestampExtended is the high byte, behind the low ones
  bytes.writeUIntBE(0, 8, 3); // StreamID
  return bytes;
}

/** PreviousTagSize, the 4 bytes after a tag body of `bodyLength` bytes. */
export function flvTagEnd(bodyLength: number): Buffer {
  const bytes = Buffer.allocUnsafe(previousSizeLength);
  bytes.writeUInt32BE(tagHeaderLength + bodyLength, 0);
  return bytes;
}

/**
 * Reads a file or an endless FLV stream as its bytes come: `push()` a chunk, then `next()` until it returns undefined.
 * PreviousTagSize is not looked at: many writers get it wrong. Throws `malformed` when it is not FLV or lost its step,
 * `unsupported` for encrypted tags, `too-large` for a tag over `maxFlvTag`; after a throw the reader is of no more use.
 */
export class FlvFileReader {
  #chunks: Buffer[] = [];
  /** The first chunk not yet used up. */
  #first = 0;
  /** Bytes used of it. */
  #used = 0;
  #buffered = 0;
  #header: FlvFileHeader | undefined;
  /** Bytes before the next tag header that are still to be passed over. */
  #skip = 0;

  /** What the file says it holds; undefined until it was read. Tags may come all the same. */
  get header(): FlvFileHeader | undefined {
    return this.#header;
  }

  /** The chunk belongs to the reader and to the tags cut from it. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#buffered += chunk.length;
    const last = this.#chunks.at(-1);
    // A peer that sends byte by byte must not make us hold a Buffer object for each byte.
    if (last !== undefined && last.length < smallChunk && chunk.length < smallChunk) {
      this.#chunks[this.#chunks.length - 1] = Buffer.concat([last, chunk]);
    } else {
      this.#chunks.push(chunk);
    }
  }

  /** The next whole tag, or undefined when more bytes are needed. */
  next(): FlvTag | undefined {
    if (this.#header === undefined) {
      if (this.#buffered < headerLength) return undefined;
      this.#readHeader();
    }
    if (this.#buffered < this.#skip + tagHeaderLength) return undefined;
    if (this.#skip > 0) {
      this.#take(this.#skip);
      this.#skip = 0;
    }
    const head = this.#peek(tagHeaderLength);
    const length = head.readUIntBE(1, 3);
    if (length > maxFlvTag) throw new WireError('too-large', flvFormat, `a tag of ${length} bytes`);
    const type = readTagType(head.readUInt8(0));
    if (this.#buffered < tagHeaderLength + length) return undefined;
    const timestamp = head.readUInt8(7) * 2 ** 24 + head.readUIntBE(4, 3);
    this.#take(tagHeaderLength);
    const body = this.#take(length);
    this.#skip = previousSizeLength;
    return { type, timestamp, body };
  }

  #readHeader(): void {
    const head = this.#take(headerLength);
    if (head.readUIntBE(0, 3) !== signature) throw new WireError('malformed', flvFormat, 'no FLV signature');
    const offset = head.readUInt32BE(5);
    if (offset < headerLength || offset > maxHeaderLength) {
      throw new WireError('malformed', flvFormat, `a header of ${offset} bytes`);
    }
    const flags = head.readUInt8(4);
    this.#header = { audio: (flags & 0x04) !== 0, video: (flags & 0x01) !== 0 };
    this.#skip = offset - headerLength + previousSizeLength;
  }

  /** The next `count` bytes without moving on. They are there. */
  #peek(count: number): Buffer {
    const chunk = this.#chunks[this.#first];
    if (chunk !== undefined && chunk.length - this.#used >= count) {
      return chunk.subarray(this.#used, this.#used + count);
    }
    const bytes = Buffer.allocUnsafe(count);
    let filled = 0;
    let from = this.#used;
    for (let index = this.#first; filled < count; index += 1) {
      const piece = this.#chunks[index];
      if (piece === undefined) break;
      filled += piece.copy(bytes, filled, from, Math.min(piece.length, from + count - filled));
      from = 0;
    }
    return bytes;
  }

  /** The next `count` bytes, moving on. They are there. */
  #take(count: number): Buffer {
    const bytes = this.#peek(count);
    this.#buffered -= count;
    this.#used += count;
    let chunk = this.#chunks[this.#first];
    while (chunk !== undefined && this.#used >= chunk.length) {
      this.#used -= chunk.length;
      this.#first += 1;
      chunk = this.#chunks[this.#first];
    }
    // Used chunks are let go in batches: shifting one by one would cost their number each time.
    if (this.#first === this.#chunks.length || this.#first > 64) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
    return bytes;
  }
}

function readTagType(byte: number): FlvTagType {
  if ((byte & 0x20) !== 0) throw new WireError('unsupported', flvFormat, 'an encrypted tag'); // Filter, FLV E.4.1
  const type = byte & 0x1f;
  if (type === flvTagType.audio || type === flvTagType.video || type === flvTagType.script) return type;
  throw new WireError('malformed', flvFormat, `tag type ${type}`);
}
