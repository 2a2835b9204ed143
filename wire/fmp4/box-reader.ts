import type { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';

/** One box in place: offsets count from the start of the bytes that were read. */
export interface Box {
  /** Four characters, latin1. */
  readonly type: string;
  readonly offset: number;
  readonly headerSize: number;
  /** Header and body. */
  readonly size: number;
  /** A view, not a copy; with the version and flags of a FullBox. */
  readonly body: Buffer;
  /** Boxes inside, for the containers that `readBoxes` opens; else empty. */
  readonly children: readonly Box[];
}

/** Deeper than any box of the format stands (moov/trak/mdia/minf/stbl is five). */
const MAX_DEPTH = 8;
/** An init segment of 32 tracks has some 600 boxes, a segment of 200 chunks some 1600. Bigger files are read piece by piece. */
const MAX_BOXES = 20_000;

/** Boxes that hold boxes and nothing else. Sample descriptions are opened by the reader of init segments. */
const CONTAINERS: ReadonlySet<string> = new Set([
  'moov',
  'trak',
  'edts',
  'mdia',
  'minf',
  'dinf',
  'stbl',
  'mvex',
  'moof',
  'traf',
  'mfra',
]);

export interface BoxHeader {
  readonly type: string;
  readonly headerSize: number;
  /** Header and body; undefined when the box goes to the end of the file (size 0). */
  readonly size: number | undefined;
}

/**
 * The header of the box at `offset` (ISO/IEC 14496-12 4.2), or undefined while its bytes are not all there: for sources
 * that read a file piece by piece. Throws WireError('malformed') when its size is smaller than its own header.
 */
export function findBoxHeader(bytes: Buffer, offset: number): BoxHeader | undefined {
  const left = bytes.length - offset;
  if (left < 8) return undefined;
  const short = bytes.readUInt32BE(offset);
  const type = bytes.toString('latin1', offset + 4, offset + 8);
  const headerSize = 8 + (short === 1 ? 8 : 0) + (type === 'uuid' ? 16 : 0);
  if (left < headerSize) return undefined;
  if (short === 0) return { type, headerSize, size: undefined };
  const size = short === 1 ? readLargeSize(bytes, offset + 8) : short;
  // Every step of a walk consumes its header at least: a size of 2 to 7 would not.
  if (size < headerSize) throw new WireError('malformed', 'fmp4', `a box of ${size} bytes is smaller than its header`);
  return { type, headerSize, size };
}

function readLargeSize(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

interface Walk {
  count: number;
}

/** The boxes of a whole file or segment, containers opened. Throws WireError; never follows a size past its parent. */
export function readBoxes(bytes: Buffer): Box[] {
  return walkBoxes(bytes, { start: 0, end: bytes.length, depth: 0 }, { count: 0 });
}

/** The boxes from `start` to the end of `body`, which stand inside another box's fields. */
export function readBoxesFrom(body: Buffer, start: number): Box[] {
  return walkBoxes(body, { start, end: body.length, depth: 1 }, { count: 0 });
}

function walkBoxes(bytes: Buffer, span: { start: number; end: number; depth: number }, walk: Walk): Box[] {
  if (span.depth > MAX_DEPTH) throw new WireError('too-large', 'fmp4', `boxes stand deeper than ${MAX_DEPTH}`);
  const boxes: Box[] = [];
  const within = bytes.subarray(0, span.end);
  let offset = span.start;
  while (offset < span.end) {
    if (++walk.count > MAX_BOXES) throw new WireError('too-large', 'fmp4', `more than ${MAX_BOXES} boxes`);
    const header = findBoxHeader(within, offset);
    if (header === undefined) throw new WireError('truncated', 'fmp4', 'a box header is cut off');
    if (header.size === undefined && span.depth > 0) {
      throw new WireError('malformed', 'fmp4', 'only a box of the file may go to its end');
    }
    const size = header.size ?? span.end - offset;
    if (size > span.end - offset)
      throw new WireError('truncated', 'fmp4', `${header.type} is longer than what holds it`);
    const start = offset + header.headerSize;
    const end = offset + size;
    const children = CONTAINERS.has(header.type) ? walkBoxes(bytes, { start, end, depth: span.depth + 1 }, walk) : [];
    boxes.push({
      type: header.type,
      offset,
      headerSize: header.headerSize,
      size,
      body: bytes.subarray(start, end),
      children,
    });
    offset = end;
  }
  return boxes;
}

export function findBox(boxes: readonly Box[], type: string): Box | undefined {
  for (const box of boxes) if (box.type === type) return box;
  return undefined;
}

/** The first box of a type. Throws WireError('malformed') when there is none. */
export function requireBox(boxes: readonly Box[], type: string): Box {
  const box = findBox(boxes, type);
  if (box === undefined) throw new WireError('malformed', 'fmp4', `${type} is missing`);
  return box;
}

/** The fields of a FullBox behind its version and flags. */
export interface FullBox {
  readonly version: number;
  readonly flags: number;
  readonly fields: ByteReader;
}

export function openFullBox(box: Box): FullBox {
  const fields = new ByteReader(box.body, 'fmp4');
  const version = fields.u8();
  const flags = fields.u24();
  return { version, flags, fields };
}

/** 64 bits as a number. Throws WireError('unsupported') past 2^53. */
export function readU64(fields: ByteReader): number {
  const value = fields.u32() * 0x1_0000_0000 + fields.u32();
  if (!Number.isSafeInteger(value)) throw new WireError('unsupported', 'fmp4', 'a time passes 2^53 ticks');
  return value;
}
