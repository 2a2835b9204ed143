import type { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { BoxWriter } from './box-writer.ts';
import { type EventMessage, type ProducerTime, writeEventMessage, writeProducerTime } from './fragment-extras.ts';
import type { FragmentSample, Ticks } from './track.ts';

/** ISO/IEC 14496-12 8.8.3.1: depends on no other sample. */
const SYNC_FLAGS = 0x0200_0000;
/** Depends on others, is no sync sample. */
const NON_SYNC_FLAGS = 0x0101_0000;

// tfhd flags, ISO/IEC 14496-12 8.8.7.1.
const TFHD_DURATION = 0x08;
const TFHD_SIZE = 0x10;
const TFHD_FLAGS = 0x20;
const TFHD_BASE_IS_MOOF = 0x02_0000;

// trun flags, ISO/IEC 14496-12 8.8.8.1.
const TRUN_OFFSET = 0x01;
const TRUN_FIRST_FLAGS = 0x04;
const TRUN_DURATION = 0x100;
const TRUN_SIZE = 0x200;
const TRUN_FLAGS = 0x400;
const TRUN_COMPOSITION = 0x800;

/** trun's data offset is a signed 32-bit number. */
const LARGEST_FRAGMENT = 0x7fff_ffff;

/** The samples of one track in one fragment, in decode order. */
export interface FragmentTrack {
  readonly trackId: number;
  /** Decode time of the first sample, in the track's ticks. */
  readonly baseDecodeTime: Ticks;
  readonly samples: readonly FragmentSample[];
}

export interface MediaFragment {
  /** Counts fragments up; starts anywhere. 32 bits: it wraps. */
  readonly sequence: number;
  /** Tracks without samples are left out. */
  readonly tracks: readonly FragmentTrack[];
  /** Starts with `styp`: for the first fragment of a segment. */
  readonly segmentType?: boolean;
  /** Written as `prft`. */
  readonly producerTime?: ProducerTime;
  /** Written as `emsg`, before `moof`. */
  readonly events?: readonly EventMessage[];
}

/** Which fields all samples of a run share, and so stand once in tfhd. */
interface RunShape {
  readonly flags: number;
  readonly first: FragmentSample;
  /** Sample flags of the second sample and all after it, when those are alike. */
  readonly restFlags: number;
  readonly version: number;
  readonly size: number;
}

function sampleFlags(sample: FragmentSample): number {
  return sample.keyframe ? SYNC_FLAGS : NON_SYNC_FLAGS;
}

function shapeOf(samples: readonly FragmentSample[], first: FragmentSample): RunShape {
  const rest = samples[1] ?? first;
  let flags = TRUN_OFFSET;
  let version = 0;
  let size = 0;
  for (let index = 0; index < samples.length; index++) {
    const sample = samples[index] as FragmentSample;
    size += sample.size;
    if (sample.duration !== first.duration) flags |= TRUN_DURATION;
    if (sample.size !== first.size) flags |= TRUN_SIZE;
    if (sample.compositionOffset !== 0) flags |= TRUN_COMPOSITION;
    if (sample.compositionOffset < 0) version = 1; // signed offsets: ISO/IEC 14496-12 8.8.8.1
    if (index > 0 && sample.keyframe !== rest.keyframe) flags |= TRUN_FLAGS;
  }
  if ((flags & TRUN_FLAGS) === 0 && first.keyframe !== rest.keyframe) flags |= TRUN_FIRST_FLAGS;
  return { flags, first, restFlags: sampleFlags(rest), version, size };
}

function rowSize(flags: number): number {
  let bytes = 0;
  for (let bit = TRUN_DURATION; bit <= TRUN_COMPOSITION; bit <<= 1) if ((flags & bit) !== 0) bytes += 4;
  return bytes;
}

/**
 * A movie fragment: one buffer with everything up to and including the header of `mdat`, then the samples' parts as given,
 * track after track. One track makes a CMAF chunk (ISO/IEC 23000-19 7.3.2.3); more make a muxed fragment.
 * Throws WireError when there is no sample, when a sample's `size` is not that of its parts, or past 2 GiB.
 */
export function mediaFragment(fragment: MediaFragment): Buffer[] {
  const shapes: (RunShape | undefined)[] = [];
  let payload = 0;
  let capacity = 200;
  let empty = true;
  for (const track of fragment.tracks) {
    const first = track.samples[0];
    const shape = first === undefined ? undefined : shapeOf(track.samples, first);
    shapes.push(shape);
    if (shape === undefined) continue;
    empty = false;
    payload += shape.size;
    capacity += 80 + track.samples.length * rowSize(shape.flags);
  }
  if (empty) throw new WireError('malformed', 'fmp4', 'a fragment needs a sample');
  if (payload > LARGEST_FRAGMENT - capacity) throw new WireError('too-large', 'fmp4', 'a fragment passes 2 GiB');

  const out = new BoxWriter(capacity);
  if (fragment.segmentType === true) writeSegmentType(out, fragment.tracks.length === 1);
  if (fragment.producerTime !== undefined) writeProducerTime(out, fragment.producerTime);
  if (fragment.events !== undefined) for (const event of fragment.events) writeEventMessage(out, event);

  const buffers: Buffer[] = [];
  buffers.push(writeMovieFragment(out, fragment, shapes, payload));
  for (const track of fragment.tracks) gatherParts(track.samples, buffers);
  return buffers;
}

/** ISO/IEC 23000-19 7.3.3.1: `msdh` is a media segment. */
function writeSegmentType(out: BoxWriter, single: boolean): void {
  const styp = out.begin('styp');
  out.latin1('msdh');
  out.u32(0);
  out.latin1('msdh');
  out.latin1('iso6');
  if (single) out.latin1('cmfs'); // ISO/IEC 23000-19 7.2
  out.end(styp);
}

function writeMovieFragment(
  out: BoxWriter,
  fragment: MediaFragment,
  shapes: readonly (RunShape | undefined)[],
  payload: number,
): Buffer {
  const moof = out.begin('moof');
  const mfhd = out.beginFull('mfhd', 0, 0); // ISO/IEC 14496-12 8.8.5
  out.u32(fragment.sequence >>> 0);
  out.end(mfhd);
  const offsets: number[] = [];
  for (let index = 0; index < fragment.tracks.length; index++) {
    const shape = shapes[index];
    if (shape !== undefined) offsets.push(writeTrackFragment(out, fragment.tracks[index] as FragmentTrack, shape));
  }
  out.end(moof);

  // The data offset counts from the start of moof: now its size is known, and the 8 bytes of mdat's header with it.
  let position = out.offset - moof + 8;
  let run = 0;
  for (const shape of shapes) {
    if (shape === undefined) continue;
    out.patchS32(offsets[run++] as number, position);
    position += shape.size;
  }
  out.u32(8 + payload);
  out.latin1('mdat');
  return out.finish();
}

/** `traf` with one run. Returns where its data offset stands. */
function writeTrackFragment(out: BoxWriter, track: FragmentTrack, shape: RunShape): number {
  const { flags, first } = shape;
  const traf = out.begin('traf');
  let tfhdFlags = TFHD_BASE_IS_MOOF;
  if ((flags & TRUN_DURATION) === 0) tfhdFlags |= TFHD_DURATION;
  if ((flags & TRUN_SIZE) === 0) tfhdFlags |= TFHD_SIZE;
  if ((flags & TRUN_FLAGS) === 0) tfhdFlags |= TFHD_FLAGS;
  const tfhd = out.beginFull('tfhd', 0, tfhdFlags);
  out.u32(track.trackId);
  if ((tfhdFlags & TFHD_DURATION) !== 0) out.u32(first.duration);
  if ((tfhdFlags & TFHD_SIZE) !== 0) out.u32(first.size);
  if ((tfhdFlags & TFHD_FLAGS) !== 0) out.u32(shape.restFlags);
  out.end(tfhd);
  const tfdt = out.beginFull('tfdt', 1, 0); // ISO/IEC 14496-12 8.8.12
  out.u64(track.baseDecodeTime);
  out.end(tfdt);
  const offsetAt = writeRun(out, track.samples, shape);
  out.end(traf);
  return offsetAt;
}

function writeRun(out: BoxWriter, samples: readonly FragmentSample[], shape: RunShape): number {
  const { flags, first } = shape;
  const trun = out.beginFull('trun', shape.version, flags);
  out.u32(samples.length);
  const offsetAt = out.offset;
  out.s32(0); // patched when moof is whole
  if ((flags & TRUN_FIRST_FLAGS) !== 0) out.u32(sampleFlags(first));
  if (flags >= TRUN_DURATION) {
    for (const sample of samples) {
      if ((flags & TRUN_DURATION) !== 0) out.u32(sample.duration);
      if ((flags & TRUN_SIZE) !== 0) out.u32(sample.size);
      if ((flags & TRUN_FLAGS) !== 0) out.u32(sampleFlags(sample));
      if ((flags & TRUN_COMPOSITION) !== 0) {
        if (shape.version === 1) out.s32(sample.compositionOffset);
        else out.u32(sample.compositionOffset);
      }
    }
  }
  out.end(trun);
  return offsetAt;
}

function gatherParts(samples: readonly FragmentSample[], into: Buffer[]): void {
  for (const sample of samples) {
    let left = sample.size;
    for (const part of sample.parts) {
      into.push(part);
      left -= part.length;
    }
    if (left !== 0) throw new WireError('malformed', 'fmp4', `a sample's size is ${left} bytes off its parts`);
  }
}
