import type { Buffer } from 'node:buffer';
import { BitReader } from './bit-reader.ts';
import type { Mpeg1Codec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';
import { findStartCode, startCodeAt } from './start-code.ts';

/** ISO/IEC 11172-2 2.4.2.1. */
const PICTURE = 0x00;
const SEQUENCE_HEADER = 0xb3;
/** picture_rate, 2.4.3.2. */
const FRAME_RATES: readonly number[] = [24_000 / 1_001, 24, 25, 30_000 / 1_001, 30, 50, 60_000 / 1_001, 60];
const INTRA = 1;

/** A sequence header, and behind it an intra picture: picture_coding_type 1 (2.4.3.4). Never throws. */
export function isMpeg1Keyframe(frame: Buffer): boolean {
  if (startCodeAt(frame, 0) !== SEQUENCE_HEADER) return false;
  const picture = findStartCode(frame, PICTURE);
  const byte = frame[picture + 5];
  return picture >= 0 && byte !== undefined && ((byte >> 3) & 7) === INTRA;
}

/** The descriptor of an MPEG-1 video track, from a frame that begins with a sequence header. Throws `CodecError`. */
export function mpeg1Codec(frame: Buffer): Mpeg1Codec {
  if (startCodeAt(frame, 0) !== SEQUENCE_HEADER) throw new CodecError('malformed', 'mpeg1', 'no sequence header');
  const bits = new BitReader(frame, 'mpeg1', 4);
  const width = bits.bits(12);
  const height = bits.bits(12);
  bits.skip(4); // pel_aspect_ratio
  const frameRate = FRAME_RATES[bits.bits(4) - 1];
  if (width === 0 || height === 0) throw new CodecError('malformed', 'mpeg1', `a picture of ${width}x${height}`);
  if (frameRate === undefined) throw new CodecError('malformed', 'mpeg1', 'a reserved picture rate');
  return Object.freeze({ kind: 'video', name: 'mpeg1', width, height, frameRate, codecString: 'mp1v' });
}
