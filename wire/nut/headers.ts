import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { flag, format, type NutStream, startcodeByte } from './nut.ts';
import type { NutCursor } from './variable-length.ts';

const maxStreams = 16;
const maxTimeBases = 16;
const maxCodecData = 1 << 20;
const maxElisionBytes = 1024;

/** What a frame code stands for (NUT "main_header"). */
export interface FrameCode {
  readonly flags: number;
  readonly stream: number;
  readonly sizeMul: number;
  readonly sizeLsb: number;
  readonly ptsDelta: number;
  readonly reserved: number;
  readonly headerIndex: number;
}

export interface NutMainHeader {
  readonly version: number;
  readonly streamCount: number;
  readonly timeBases: readonly NutStream['timeBase'][];
  /** 256 of them. */
  readonly frameCodes: readonly FrameCode[];
  /** Beginnings of frames that are written once here and left out there; the first is empty. */
  readonly elisionHeaders: readonly Buffer[];
}

const invalidCode: FrameCode = {
  flags: flag.invalid,
  stream: 0,
  sizeMul: 1,
  sizeLsb: 0,
  ptsDelta: 0,
  reserved: 0,
  headerIndex: 0,
};

/** NUT "main_header". Throws `unsupported` for versions other than 3 and 4. */
export function readMainHeader(cursor: NutCursor): NutMainHeader {
  const version = cursor.v();
  if (version < 3 || version > 4) throw new WireError('unsupported', format, `version ${version}`);
  if (version > 3) cursor.v(); // minor_version
  const streamCount = bounded(cursor.v(), 1, maxStreams, 'streams');
  cursor.v(); // max_distance
  const timeBaseCount = bounded(cursor.v(), 1, maxTimeBases, 'time bases');
  const timeBases: NutStream['timeBase'][] = [];
  for (let index = 0; index < timeBaseCount; index += 1) {
    const numerator = bounded(cursor.v(), 1, 0x7fffffff, 'as a time base');
    timeBases.push({ numerator, denominator: bounded(cursor.v(), 1, 0x7fffffff, 'as a time base') });
  }
  const frameCodes = readFrameCodes(cursor, streamCount);
  return { version, streamCount, timeBases, frameCodes, elisionHeaders: readElisionHeaders(cursor) };
}

function readFrameCodes(cursor: NutCursor, streamCount: number): FrameCode[] {
  const codes: FrameCode[] = [];
  let ptsDelta = 0;
  let sizeMul = 1;
  let stream = 0;
  let headerIndex = 0;
  while (codes.length < 256) {
    const flags = cursor.v();
    const fields = bounded(cursor.v(), 0, 64, 'fields of a frame code');
    if (fields > 0) ptsDelta = cursor.s();
    if (fields > 1) sizeMul = cursor.v();
    if (fields > 2) stream = cursor.v();
    const sizeLsb = fields > 3 ? cursor.v() : 0;
    const reserved = fields > 4 ? cursor.v() : 0;
    const count = fields > 5 ? cursor.v() : sizeMul - sizeLsb;
    if (fields > 6) cursor.skipVarint(); // match_time_delta: 1 - 2^62 where there is none
    if (fields > 7) headerIndex = cursor.v();
    for (let extra = 8; extra < fields; extra += 1) cursor.v();
    const room = 256 - codes.length - (codes.length <= startcodeByte ? 1 : 0);
    if (stream >= streamCount || count <= 0 || count > room) {
      throw new WireError('malformed', format, 'the table of frame codes');
    }
    for (let index = 0; index < count; index += 1) {
      if (codes.length === startcodeByte) codes.push(invalidCode);
      codes.push({ flags, stream, sizeMul, sizeLsb: sizeLsb + index, ptsDelta, reserved, headerIndex });
    }
    if (codes.length === startcodeByte) codes.push(invalidCode);
  }
  return codes;
}

function readElisionHeaders(cursor: NutCursor): Buffer[] {
  const headers: Buffer[] = [Buffer.alloc(0)];
  if (cursor.remaining === 0) return headers;
  const count = bounded(cursor.v(), 0, 127, 'elision headers');
  let total = 0;
  for (let index = 0; index < count; index += 1) {
    const header = Buffer.from(cursor.vb(255));
    total += header.length;
    headers.push(header);
  }
  bounded(total, 0, maxElisionBytes, 'bytes of elision headers');
  return headers;
}

/** NUT "stream_header". */
export function readStreamHeader(
  cursor: NutCursor,
  main: NutMainHeader,
): { index: number; stream: NutStream; shift: number } {
  const index = bounded(cursor.v(), 0, main.streamCount - 1, 'as a stream number');
  const streamClass = cursor.v();
  if (streamClass > 1) throw new WireError('unsupported', format, `stream class ${streamClass}`);
  const fourcc = cursor.vb(4).toString('latin1');
  const timeBase = main.timeBases[bounded(cursor.v(), 0, main.timeBases.length - 1, 'as a time base number')];
  const shift = bounded(cursor.v(), 0, 15, 'as msb_pts_shift');
  cursor.v(); // max_pts_distance
  const decodeDelay = cursor.v();
  cursor.v(); // stream_flags
  const codecData = Buffer.from(cursor.vb(maxCodecData));
  if (timeBase === undefined) throw new WireError('malformed', format, 'no time base');
  const common = { fourcc, timeBase, codecData, ...(decodeDelay === 0 ? {} : { decodeDelay }) };
  if (streamClass === 0) {
    const stream: NutStream = { kind: 'video', ...common, width: cursor.v(), height: cursor.v() };
    return { index, stream, shift };
  }
  const sampleRate = cursor.v();
  const denominator = bounded(cursor.v(), 1, 0x7fffffff, 'as a sample rate');
  const stream: NutStream = { kind: 'audio', ...common, sampleRate: sampleRate / denominator, channels: cursor.v() };
  return { index, stream, shift };
}

function bounded(value: number, least: number, most: number, what: string): number {
  if (value < least || value > most) throw new WireError('too-large', format, `${value} ${what}`);
  return value;
}
