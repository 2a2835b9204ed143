import type { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { type Box, type FullBox, findBox, openFullBox, readBoxes, readU64, requireBox } from './box-reader.ts';
import type { InitSegment, SampleDefaults } from './init-reader.ts';

/** One sample as a fragment describes it. Times are ticks of its track's timescale. */
export interface ReadSample {
  /** Where its bytes start, from the start of the bytes that were read. */
  readonly offset: number;
  readonly size: number;
  readonly duration: number;
  readonly dts: number;
  /** Presentation time: dts and the composition offset. */
  readonly cts: number;
  readonly keyframe: boolean;
}

export interface ReadTrackFragment {
  readonly trackId: number;
  readonly baseDecodeTime: number;
  readonly samples: readonly ReadSample[];
}

export interface ReadFragment {
  readonly sequence: number;
  readonly tracks: readonly ReadTrackFragment[];
}

/** Fourteen minutes of AAC in one fragment; more is no live stream. */
const MAX_SAMPLES = 1 << 16;
const NON_SYNC = 0x0001_0000;

/** Where the reader stands while it goes through one `moof`. */
interface Cursor {
  /** All of the bytes: samples must lie inside. */
  readonly length: number;
  /** Samples that may still be made. */
  budget: number;
  /** End of the run before, where a run without an offset goes on. */
  dataEnd: number;
}

/**
 * The fragments in a media segment or a whole file, with the samples that its boxes describe. `init` gives the defaults of trex. Samples
 * must lie inside `bytes`. Decode times without `tfdt` go on from the fragment before, from 0. Throws WireError.
 */
export function readFragments(bytes: Buffer, init?: InitSegment): ReadFragment[] {
  return fragmentsOf(readBoxes(bytes), bytes.length, init);
}

/** The same, of boxes that were read already, out of `length` bytes. */
export function fragmentsOf(boxes: readonly Box[], length: number, init?: InitSegment): ReadFragment[] {
  const nextTimes = new Map<number, number>();
  const cursor: Cursor = { length, budget: Math.min(MAX_SAMPLES, length), dataEnd: 0 };
  const fragments: ReadFragment[] = [];
  for (const box of boxes) {
    if (box.type !== 'moof') continue;
    fragments.push(readFragment(box, cursor, nextTimes, init));
  }
  return fragments;
}

/** The bytes of a sample, a view. */
export function sampleBytes(bytes: Buffer, sample: ReadSample): Buffer {
  return bytes.subarray(sample.offset, sample.offset + sample.size);
}

function readFragment(moof: Box, cursor: Cursor, nextTimes: Map<number, number>, init?: InitSegment): ReadFragment {
  const sequence = openFullBox(requireBox(moof.children, 'mfhd')).fields.u32();
  const tracks: ReadTrackFragment[] = [];
  cursor.dataEnd = moof.offset; // the first track counts from moof: ISO/IEC 14496-12 8.8.7.1
  for (const traf of moof.children) {
    if (traf.type === 'traf') tracks.push(readTrackFragment(traf.children, moof.offset, { cursor, nextTimes, init }));
  }
  return { sequence, tracks };
}

interface Surroundings {
  readonly cursor: Cursor;
  readonly nextTimes: Map<number, number>;
  readonly init: InitSegment | undefined;
}

function readTrackFragment(traf: readonly Box[], moofOffset: number, around: Surroundings): ReadTrackFragment {
  const { cursor, nextTimes } = around;
  const tfhd = openFullBox(requireBox(traf, 'tfhd'));
  const trackId = tfhd.fields.u32();
  const base = readBase(tfhd, moofOffset, cursor);
  const defaults = readTrackDefaults(tfhd, findDefaults(around.init, trackId));
  const tfdt = findBox(traf, 'tfdt');
  const baseDecodeTime = tfdt === undefined ? (nextTimes.get(trackId) ?? 0) : readDecodeTime(tfdt);
  const samples: ReadSample[] = [];
  let dts = baseDecodeTime;
  cursor.dataEnd = base;
  for (const box of traf) {
    if (box.type === 'trun') dts = readRun(openFullBox(box), { defaults, base, dts, cursor }, samples);
  }
  nextTimes.set(trackId, dts);
  return { trackId, baseDecodeTime, samples };
}

function findDefaults(init: InitSegment | undefined, trackId: number): SampleDefaults {
  for (const track of init?.tracks ?? []) if (track.trackId === trackId) return track.defaults;
  return { duration: 0, size: 0, flags: 0 };
}

/** ISO/IEC 14496-12 8.8.7.1: an explicit base, or moof, or the end of the track before. */
function readBase({ flags, fields }: FullBox, moofOffset: number, cursor: Cursor): number {
  if ((flags & 0x01) !== 0) return readU64(fields);
  return (flags & 0x02_0000) !== 0 ? moofOffset : cursor.dataEnd;
}

function readTrackDefaults({ flags, fields }: FullBox, from: SampleDefaults): SampleDefaults {
  if ((flags & 0x02) !== 0) fields.skip(4); // sample description index
  const duration = (flags & 0x08) !== 0 ? fields.u32() : from.duration;
  const size = (flags & 0x10) !== 0 ? fields.u32() : from.size;
  return { duration, size, flags: (flags & 0x20) !== 0 ? fields.u32() : from.flags };
}

function readDecodeTime(tfdt: Box): number {
  const { version, fields } = openFullBox(tfdt);
  return version === 1 ? readU64(fields) : fields.u32();
}

interface Run {
  readonly defaults: SampleDefaults;
  readonly base: number;
  readonly dts: number;
  readonly cursor: Cursor;
}

/** ISO/IEC 14496-12 8.8.8. Returns the decode time behind the run. */
function readRun({ version, flags, fields }: FullBox, run: Run, into: ReadSample[]): number {
  const { defaults, cursor } = run;
  const count = fields.u32();
  if (count > cursor.budget) throw new WireError('too-large', 'fmp4', `a run of ${count} samples`);
  cursor.budget -= count;
  let offset = (flags & 0x01) !== 0 ? run.base + fields.s32() : cursor.dataEnd;
  const firstFlags = (flags & 0x04) !== 0 ? fields.u32() : undefined;
  let dts = run.dts;
  for (let index = 0; index < count; index++) {
    const duration = (flags & 0x100) !== 0 ? fields.u32() : defaults.duration;
    const size = (flags & 0x200) !== 0 ? fields.u32() : defaults.size;
    let own = (flags & 0x400) !== 0 ? fields.u32() : defaults.flags;
    if (index === 0 && firstFlags !== undefined) own = firstFlags;
    const shift = (flags & 0x800) === 0 ? 0 : version === 0 ? fields.u32() : fields.s32();
    if (offset < 0 || size > cursor.length - offset) {
      throw new WireError(
        'truncated',
        'fmp4',
        `a sample of ${size} bytes at ${offset} is not in the ${cursor.length} read`,
      );
    }
    into.push({ offset, size, duration, dts, cts: dts + shift, keyframe: (own & NON_SYNC) === 0 });
    offset += size;
    dts += duration;
  }
  cursor.dataEnd = offset;
  return dts;
}
