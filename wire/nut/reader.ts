import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { nutChecksum } from './crc.ts';
import { type FrameCode, type NutMainHeader, readMainHeader, readStreamHeader } from './headers.ts';
import { flag, format, idString, type NutFrame, type NutStream, startcode, startcodeByte } from './nut.ts';
import { longestVarint, NutCursor } from './variable-length.ts';

/** Who hears what is read. */
export interface NutSink {
  /** Once, before the first frame. */
  onStreams(streams: readonly NutStream[]): void;
  onFrame(frame: NutFrame): void;
}

/** A frame header has at most this many numbers besides the reserved ones, of which 16 are taken. */
const longestFrameHeader = 1 + (6 + 16) * longestVarint + 4;
const longestPacketHeader = 8 + longestVarint + 4;
const maxReserved = 16;
const maxPacketBytes = 2 << 20;
const maxSideDataItems = 256;

interface FrameHeader {
  readonly stream: number;
  readonly pts: number;
  readonly flags: number;
  readonly size: number;
  readonly elided: Buffer;
}

/**
 * Reads NUT (versions 3 and 4) that arrives in pieces of any size. What it holds is bounded by one frame. It throws
 * `WireError` at the first fault and takes nothing after it: a pipe loses nothing, so there is no resynchronizing.
 */
export class NutReader {
  readonly #sink: NutSink;
  readonly #maxFrameBytes: number;
  #pieces: Buffer[] = [];
  #held = 0;
  /** Bytes that must be there before another look is worth it. */
  #needed = idString.length;
  #main: NutMainHeader | undefined;
  #started = false;
  readonly #streams: (NutStream | undefined)[] = [];
  readonly #shifts: number[] = [];
  readonly #lastPts: number[] = [];
  #announced = false;

  constructor(settings: { readonly maxFrameBytes: number }, sink: NutSink) {
    this.#maxFrameBytes = settings.maxFrameBytes;
    this.#sink = sink;
  }

  /** Takes what has arrived; the bytes are not copied where a frame lies in one piece. */
  push(bytes: Buffer): void {
    this.#pieces.push(bytes);
    this.#held += bytes.length;
    if (this.#held < this.#needed) return;
    const all = this.#pieces.length === 1 ? bytes : Buffer.concat(this.#pieces, this.#held);
    let at = 0;
    for (;;) {
      const next = this.#started ? this.#readOne(all, at) : this.#readId(all);
      if (next === at) break;
      at = next;
    }
    this.#pieces = at === all.length ? [] : [all.subarray(at)];
    this.#held = all.length - at;
  }

  #readId(all: Buffer): number {
    if (all.toString('latin1', 0, idString.length) !== idString) {
      throw new WireError('malformed', format, 'the file id is missing');
    }
    this.#started = true;
    this.#needed = 1;
    return idString.length;
  }

  /** Reads the packet or frame at `at` and returns the offset behind it; `at` itself, with `needed` set, when it is not all there. */
  #readOne(all: Buffer, at: number): number {
    if (at >= all.length) {
      this.#needed = 1;
      return at;
    }
    return all[at] === startcodeByte ? this.#readPacket(all, at) : this.#readFrame(all, at);
  }

  #readPacket(all: Buffer, at: number): number {
    const cursor = new NutCursor(all, at, Math.min(all.length, at + longestPacketHeader));
    let forward: number;
    try {
      cursor.at += 8;
      forward = cursor.v();
      if (forward > 4096) {
        const checked = cursor.at;
        cursor.at += 4;
        if (cursor.at > cursor.end) throw new WireError('truncated', format, 'a packet header');
        if (nutChecksum(all, at, cursor.at) !== 0) throw new WireError('malformed', format, `checksum at ${checked}`);
      }
    } catch (error) {
      if (all.length - at < longestPacketHeader && isTruncated(error)) return this.#wait(all.length - at + 1, at);
      throw error;
    }
    if (forward > maxPacketBytes) throw new WireError('too-large', format, `a packet of ${forward} bytes`);
    const end = cursor.at + forward;
    if (end > all.length) return this.#wait(end - at, at);
    if (forward < 4 || nutChecksum(all, cursor.at, end) !== 0) {
      throw new WireError('malformed', format, 'checksum of a header');
    }
    this.#take(all.readUInt32BE(at), all.readUInt32BE(at + 4), new NutCursor(all, cursor.at, end - 4));
    return end;
  }

  #take(high: number, low: number, cursor: NutCursor): void {
    if (is(startcode.main, high, low)) this.#main ??= readMainHeader(cursor);
    else if (is(startcode.stream, high, low)) this.#takeStream(cursor);
    else if (is(startcode.syncpoint, high, low)) this.#takeSyncpoint(cursor);
    else if (!is(startcode.info, high, low) && !is(startcode.index, high, low)) {
      throw new WireError('malformed', format, 'an unknown startcode');
    }
  }

  #takeStream(cursor: NutCursor): void {
    if (this.#main === undefined) throw new WireError('malformed', format, 'a stream before the main header');
    const { index, stream, shift } = readStreamHeader(cursor, this.#main);
    // Headers are repeated now and then, and say the same.
    if (this.#streams[index] !== undefined) return;
    this.#streams[index] = stream;
    this.#shifts[index] = shift;
    this.#lastPts[index] = 0;
  }

  /** NUT "syncpoint": times are told anew from here. */
  #takeSyncpoint(cursor: NutCursor): void {
    const main = this.#main;
    const streams = this.#streams;
    if (main === undefined || !this.#complete())
      throw new WireError('malformed', format, 'a syncpoint before the streams');
    const coded = cursor.v();
    const timeBase = main.timeBases[coded % main.timeBases.length];
    const ticks = Math.floor(coded / main.timeBases.length);
    for (let index = 0; index < streams.length; index += 1) {
      this.#lastPts[index] = rescale(ticks, timeBase, streams[index]?.timeBase);
    }
    if (this.#announced) return;
    this.#announced = true;
    this.#sink.onStreams(streams as NutStream[]);
  }

  #complete(): boolean {
    const count = this.#main?.streamCount ?? 0;
    for (let index = 0; index < count; index += 1) if (this.#streams[index] === undefined) return false;
    return count > 0;
  }

  #readFrame(all: Buffer, at: number): number {
    if (!this.#announced) throw new WireError('malformed', format, 'a frame before the syncpoint');
    const cursor = new NutCursor(all, at, Math.min(all.length, at + longestFrameHeader));
    let header: FrameHeader;
    try {
      header = this.#readFrameHeader(cursor);
    } catch (error) {
      if (all.length - at < longestFrameHeader && isTruncated(error)) return this.#wait(all.length - at + 1, at);
      throw error;
    }
    const size = header.size - header.elided.length;
    if (size < 0) throw new WireError('malformed', format, 'a frame shorter than its elided beginning');
    if (header.size > this.#maxFrameBytes) throw new WireError('too-large', format, `a frame of ${header.size} bytes`);
    const end = cursor.at + size;
    if (end > all.length) return this.#wait(end - at, at);
    let payload = all.subarray(cursor.at, end);
    if ((header.flags & flag.sideData) !== 0) payload = payload.subarray(skipSideData(payload));
    if (header.elided.length > 0) payload = Buffer.concat([header.elided, payload]);
    this.#lastPts[header.stream] = header.pts;
    this.#sink.onFrame({
      stream: header.stream,
      pts: header.pts,
      keyframe: (header.flags & flag.key) !== 0,
      payload,
    });
    return end;
  }

  /** NUT "frame_header". */
  #readFrameHeader(cursor: NutCursor): FrameHeader {
    const start = cursor.at;
    const code = this.#main?.frameCodes[cursor.u8()] as FrameCode;
    let flags = code.flags;
    if ((flags & flag.invalid) !== 0) throw new WireError('malformed', format, 'an invalid frame code');
    if ((flags & flag.coded) !== 0) flags ^= cursor.v();
    const stream = (flags & flag.streamId) !== 0 ? cursor.v() : code.stream;
    if (stream >= this.#streams.length) throw new WireError('malformed', format, `stream ${stream}`);
    const last = this.#lastPts[stream] ?? 0;
    const pts = (flags & flag.codedPts) !== 0 ? this.#fullPts(cursor.v(), stream, last) : last + code.ptsDelta;
    const size = code.sizeLsb + ((flags & flag.sizeMsb) !== 0 ? code.sizeMul * cursor.v() : 0);
    if ((flags & flag.matchTime) !== 0) cursor.skipVarint();
    const headerIndex = (flags & flag.headerIndex) !== 0 ? cursor.v() : code.headerIndex;
    skipReserved(cursor, (flags & flag.reserved) !== 0 ? cursor.v() : code.reserved);
    if ((flags & flag.checksum) !== 0) checkFrame(cursor, start);
    // Frames of more than 4096 bytes have no elided beginning (NUT "elision_header").
    const elided = size > 4096 ? nothing : this.#main?.elisionHeaders[headerIndex];
    if (elided === undefined) throw new WireError('malformed', format, `elision header ${headerIndex}`);
    return { stream, pts, flags, size, elided };
  }

  /** NUT "coded_pts": the whole number with an offset, or its lowest bits, next to the last one. */
  #fullPts(coded: number, stream: number, last: number): number {
    const range = 2 ** (this.#shifts[stream] ?? 0);
    if (coded >= range) return coded - range;
    const from = last - Math.floor((range - 1) / 2);
    return from + ((((coded - from) % range) + range) % range);
  }

  #wait(needed: number, at: number): number {
    this.#needed = needed;
    return at;
  }
}

const nothing = Buffer.alloc(0);

function skipReserved(cursor: NutCursor, count: number): void {
  if (count > maxReserved) throw new WireError('too-large', format, `${count} reserved fields`);
  for (let index = 0; index < count; index += 1) cursor.v();
}

/** The checksum of a frame's header, which began at `start`. */
function checkFrame(cursor: NutCursor, start: number): void {
  if (cursor.remaining < 4) throw new WireError('truncated', format, 'a frame header');
  cursor.at += 4;
  if (nutChecksum(cursor.bytes, start, cursor.at) !== 0)
    throw new WireError('malformed', format, 'checksum of a frame');
}

function is(code: readonly [number, number], high: number, low: number): boolean {
  return code[0] === high && code[1] === low;
}

function isTruncated(error: unknown): boolean {
  return error instanceof WireError && error.code === 'truncated';
}

type TimeBase = NutStream['timeBase'];

function rescale(ticks: number, from: TimeBase | undefined, to: TimeBase | undefined): number {
  if (from === undefined || to === undefined) return ticks;
  if (from.numerator === to.numerator && from.denominator === to.denominator) return ticks;
  return Math.floor((ticks * from.numerator * to.denominator) / (from.denominator * to.numerator));
}

/** NUT "sm_data": side data, then metadata, in front of the frame of version 4. Returns where the frame begins. */
function skipSideData(payload: Buffer): number {
  const cursor = new NutCursor(payload);
  for (let group = 0; group < 2; group += 1) {
    const count = cursor.v();
    if (count > maxSideDataItems) throw new WireError('too-large', format, `${count} items of side data`);
    for (let item = 0; item < count; item += 1) {
      cursor.vb(payload.length); // name
      const type = cursor.s();
      if (type === -2) cursor.vb(payload.length); // type of what follows
      if (type === -1 || type === -2) cursor.vb(payload.length);
      else if (type === -4) cursor.v();
      else if (type < -2) cursor.s();
    }
  }
  return cursor.at;
}
