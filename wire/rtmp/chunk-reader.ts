import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { ChunkStream } from './chunk-stream.ts';
import { initialChunkSize, messageType, type RtmpMessage } from './message.ts';
import { PayloadMemory } from './payload-memory.ts';

export type ChunkReaderLimits = {
  /** Longest message, bytes. A longer one is refused at its header. */
  readonly messageBytes: number;
  /** Memory held by unfinished messages over all chunk streams, bytes. */
  readonly partialBytes: number;
  readonly chunkStreams: number;
  /**
   * A payload of at least this many bytes that lies whole in the pushed buffer, and is a quarter of its memory or
   * more, is handed on as a view of it. Infinity where the pushed buffers are used again: then every payload is a copy.
   */
  readonly viewFrom: number;
};

export const chunkReaderLimits: ChunkReaderLimits = {
  messageBytes: 8 * 1024 * 1024,
  partialBytes: 16 * 1024 * 1024,
  chunkStreams: 64,
  viewFrom: 4096,
};

/** Payloads up to this size are assembled in memory made once, at the declared size. */
const exactUpTo = 65536;
/** Basic header of 3, message header of 11, extended timestamp of 4. RTMP 1.0 5.3.1. */
const longestHeader = 18;
/** No message is longer than a 24-bit length: a larger chunk size means the same as this one. RTMP 1.0 5.4.1. */
const largestChunkSize = 0xffffff;
/** RTMP 1.0 5.4.1: a size SHOULD be at least 128. */
const smallestChunkSize = 128;
const messageHeaderLengths = [11, 7, 3, 0] as const;

/**
 * RTMP chunks to messages (RTMP 1.0 5.3), incrementally: a push may end anywhere.
 *
 * Set Chunk Size and Abort are obeyed here and not handed on. After a WireError, or an error thrown by `onMessage`, the
 * reader must not be used again: the place in the stream is lost.
 */
export class ChunkReader {
  #limits: ChunkReaderLimits;
  readonly #memory = new PayloadMemory();
  readonly #streams = new Map<number, ChunkStream>();
  /** The stream of the last chunk: most chunks follow one of their own stream. */
  #stream: ChunkStream | undefined;
  /** The beginning of a header that the last push cut off. */
  readonly #cut = Buffer.allocUnsafeSlow(longestHeader);
  #cutLength = 0;
  /** Payload bytes to come in the chunk under way. */
  #chunkLeft = 0;
  #inChunk = false;
  #chunkSize = initialChunkSize;
  #partialBytes = 0;
  #bytesReceived = 0;
  /** Does the peer repeat the extended timestamp in type-3 headers? Found out at the first one that could have it. */
  #repeatsExtended: boolean | undefined;

  constructor(limits: Partial<ChunkReaderLimits> = {}) {
    this.#limits = { ...chunkReaderLimits, ...limits };
  }

  /** Bytes pushed so far, for acknowledgement windows (RTMP 1.0 5.4.3); the sequence number is this modulo 2^32. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** Bytes of memory held by unfinished messages. */
  get partialBytes(): number {
    return this.#partialBytes;
  }

  /** Other limits from here on: a peer that may publish is allowed more than a stranger. */
  allow(limits: Partial<ChunkReaderLimits>): void {
    this.#limits = { ...this.#limits, ...limits };
  }

  get chunkSize(): number {
    return this.#chunkSize;
  }

  /** Reads what is there and hands on each message that it completes, in order. Throws WireError. */
  push(bytes: Buffer, onMessage: (message: RtmpMessage) => void): void {
    this.#bytesReceived += bytes.length;
    this.#consume(bytes, onMessage);
  }

  #consume(bytes: Buffer, onMessage: (message: RtmpMessage) => void): void {
    const end = bytes.length;
    let at = 0;
    while (at < end) {
      if (this.#inChunk) at = this.#readPayload(bytes, at, end, onMessage);
      else if (this.#cutLength === 0) at = this.#readHeader(bytes, at, end, onMessage);
      else at = this.#continueHeader(bytes, at, end, onMessage);
    }
  }

  /** Reads a header at `at` and returns where it ends; keeps the bytes and returns `end` when it is cut off. */
  #readHeader(bytes: Buffer, at: number, end: number, onMessage: (message: RtmpMessage) => void): number {
    const length = this.#parseHeader(bytes, at, end);
    if (length > 0) {
      if (this.#chunkLeft === 0) this.#endChunk(onMessage); // without payload, complete with its header
      return at + length;
    }
    bytes.copy(this.#cut, 0, at, end);
    this.#cutLength = end - at;
    return end;
  }

  /** Goes on with a header whose beginning is in `#cut`. */
  #continueHeader(bytes: Buffer, at: number, end: number, onMessage: (message: RtmpMessage) => void): number {
    const before = this.#cutLength;
    const added = Math.min(longestHeader - before, end - at);
    bytes.copy(this.#cut, before, at, at + added);
    const length = this.#parseHeader(this.#cut, 0, before + added);
    if (length === 0) {
      // A cut header is shorter than the longest, so everything that was there has been added.
      this.#cutLength = before + added;
      return end;
    }
    this.#cutLength = 0;
    if (this.#chunkLeft === 0) this.#endChunk(onMessage);
    if (length >= before) return at + length - before;
    // The bytes kept for an extended timestamp that isn't one are payload. Once a connection at most.
    this.#consume(Buffer.from(this.#cut.subarray(length, before)), onMessage);
    return at;
  }

  /** Returns the length of the header at `at` and begins its chunk, or returns 0 when it isn't all there. */
  #parseHeader(bytes: Buffer, at: number, end: number): number {
    const first = bytes[at] ?? 0;
    const format = first >> 6;
    let csid = first & 0x3f;
    let next = at + 1;
    if (csid < 2) {
      next += csid + 1; // RTMP 1.0 5.3.1.1: 0 announces one more byte, 1 two
      if (next > end) return 0;
      csid = 64 + (bytes[at + 1] ?? 0) + (csid === 1 ? (bytes[at + 2] ?? 0) * 256 : 0);
    }
    const fields = next;
    next += messageHeaderLengths[format as 0 | 1 | 2 | 3];
    if (next > end) return 0;
    const stream = this.#streamOf(csid, format);
    if (format === 3) next = this.#readContinuation(bytes, next, end, stream);
    else next = this.#readFields(bytes, fields, next, end, stream, format);
    if (next === 0) return 0;
    this.#beginChunk(stream);
    return next - at;
  }

  #streamOf(csid: number, format: number): ChunkStream {
    let stream = this.#stream;
    if (stream === undefined || stream.csid !== csid) {
      stream = this.#streams.get(csid);
      if (stream === undefined) {
        if (format !== 0) throw malformed(`chunk stream ${csid} begins with a type-${format} header`);
        if (this.#streams.size >= this.#limits.chunkStreams) {
          throw new WireError('too-large', 'rtmp', `more than ${this.#limits.chunkStreams} chunk streams`);
        }
        stream = new ChunkStream(csid);
        this.#streams.set(csid, stream);
      }
      this.#stream = stream;
    }
    // A type-0 header that was cut off has made the stream, but told nothing yet.
    if (format !== 0 && !stream.known) throw malformed(`chunk stream ${csid} begins with a type-${format} header`);
    if (format !== 3 && stream.partial) throw malformed(`a new header within a message on chunk stream ${csid}`);
    return stream;
  }

  /** Types 0, 1 and 2; `next` is behind the fixed fields. Returns where the header ends, 0 when it is cut off. */
  // eslint-disable-next-line max-params -- the cursor's state, passed rather than stored: this runs for each chunk
  #readFields(bytes: Buffer, at: number, next: number, end: number, stream: ChunkStream, format: number): number {
    let time = bytes.readUIntBE(at, 3);
    const extended = time === 0xffffff; // RTMP 1.0 5.3.1.3
    if (extended) {
      if (next + 4 > end) return 0;
      time = bytes.readUInt32BE(next);
    }
    if (format < 2) {
      const length = bytes.readUIntBE(at + 3, 3);
      if (length > this.#limits.messageBytes) {
        throw new WireError('too-large', 'rtmp', `a message of ${length} bytes, ${this.#limits.messageBytes} allowed`);
      }
      stream.length = length;
      stream.type = bytes[at + 6] ?? 0;
    }
    if (format === 0) {
      stream.streamId = bytes.readUInt32LE(at + 7);
      stream.timestamp = time;
      stream.known = true;
    } else {
      stream.timestamp = (stream.timestamp + time) >>> 0;
    }
    // RTMP 1.0 5.3.1.2.4: after a type 0, its timestamp is the delta of a type 3 that begins a message.
    stream.delta = time;
    stream.extended = extended ? time : -1;
    return extended ? next + 4 : next;
  }

  /** Type 3; `next` is behind the basic header. Returns where the header ends, 0 when it is cut off. */
  #readContinuation(bytes: Buffer, next: number, end: number, stream: ChunkStream): number {
    if (stream.extended >= 0 && this.#repeatsExtended !== false) {
      const repeats = this.#repeatsExtended ?? matchesExtended(bytes, next, end, stream);
      // Some peers leave the field out of type-3 headers; those that don't match it are taken for such a one.
      if (repeats === undefined || (repeats && next + 4 > end)) return 0;
      this.#repeatsExtended = repeats;
      if (repeats) next += 4;
    }
    if (!stream.partial) stream.timestamp = (stream.timestamp + stream.delta) >>> 0;
    return next;
  }

  #beginChunk(stream: ChunkStream): void {
    stream.partial = true;
    this.#inChunk = true;
    this.#chunkLeft = Math.min(this.#chunkSize, stream.length - stream.received);
  }

  #readPayload(bytes: Buffer, at: number, end: number, onMessage: (message: RtmpMessage) => void): number {
    const stream = this.#stream;
    if (stream === undefined) return end;
    const count = Math.min(this.#chunkLeft, end - at);
    if (count === stream.length && this.#mayView(bytes, count)) {
      stream.drop();
      this.#inChunk = false;
      this.#complete(stream, bytes.subarray(at, at + count), onMessage);
      return at + count;
    }
    const held = stream.held;
    const size = stream.sizeFor(count, exactUpTo);
    if (size !== held) {
      this.#partialBytes += size - held;
      if (this.#partialBytes > this.#limits.partialBytes) {
        throw new WireError('too-large', 'rtmp', `over ${this.#limits.partialBytes} bytes of unfinished messages`);
      }
      stream.moveTo(this.#memory.take(size));
    }
    stream.append(bytes, at, at + count);
    this.#chunkLeft -= count;
    if (this.#chunkLeft === 0) this.#endChunk(onMessage);
    return at + count;
  }

  /** Large enough, and enough of the memory it would pin? */
  #mayView(bytes: Buffer, count: number): boolean {
    return count >= this.#limits.viewFrom && count * 4 >= bytes.buffer.byteLength;
  }

  #endChunk(onMessage: (message: RtmpMessage) => void): void {
    this.#inChunk = false;
    const stream = this.#stream;
    if (stream === undefined || stream.received < stream.length) return;
    this.#partialBytes -= stream.held;
    this.#complete(stream, stream.takePayload(), onMessage);
  }

  #complete(stream: ChunkStream, payload: Buffer, onMessage: (message: RtmpMessage) => void): void {
    const { type, streamId, timestamp, csid } = stream;
    if (type === messageType.setChunkSize) this.#chunkSize = readChunkSize(payload);
    else if (type === messageType.abort) this.#abort(payload);
    else onMessage({ type, streamId, timestamp, csid, payload });
  }

  /** RTMP 1.0 5.4.2: forget the unfinished message of one chunk stream. */
  #abort(payload: Buffer): void {
    if (payload.length < 4) throw malformed('an Abort without chunk stream id');
    const stream = this.#streams.get(payload.readUInt32BE(0));
    if (stream === undefined) return;
    this.#partialBytes -= stream.held;
    stream.drop();
  }
}

function malformed(what: string): WireError {
  return new WireError('malformed', 'rtmp', what);
}

/** Do the four bytes at `at` repeat the extended timestamp? Undefined while too few are there to tell. */
function matchesExtended(bytes: Buffer, at: number, end: number, stream: ChunkStream): boolean | undefined {
  const there = Math.min(4, end - at);
  let asSent = true;
  let asAbsolute = true; // some send the message's timestamp where the header had a delta
  for (let i = 0; i < there; i += 1) {
    const byte = bytes[at + i];
    const shift = 24 - 8 * i;
    if (byte !== ((stream.extended >>> shift) & 0xff)) asSent = false;
    if (byte !== ((stream.timestamp >>> shift) & 0xff)) asAbsolute = false;
  }
  if (!asSent && !asAbsolute) return false;
  return there === 4 ? true : undefined;
}

/**
 * RTMP 1.0 5.4.1. A size can't be clamped upwards: the peer would still cut at its own. Below 128, which the
 * specification advises against and no client uses, each payload byte may cost a header, so the peer is refused.
 */
function readChunkSize(payload: Buffer): number {
  if (payload.length < 4) throw malformed('a Set Chunk Size without size');
  const size = payload.readUInt32BE(0);
  if (size === 0 || size > 0x7fffffff) throw malformed(`chunk size ${size}`);
  if (size < smallestChunkSize) throw new WireError('unsupported', 'rtmp', `chunk size ${size}`);
  return Math.min(size, largestChunkSize); // no memory depends on it, and above the longest message all are the same
}
