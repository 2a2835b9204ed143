import type { Buffer } from 'node:buffer';
import { BitReader } from './bit-reader.ts';
import type { Flv1Codec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';

/** PictureSize 2 to 6 of the Sorenson H.263 picture header (SWF File Format Specification 19, "H.263 Video Packet"). */
const sizes: readonly (readonly [number, number])[] = [
  [352, 288],
  [176, 144],
  [128, 96],
  [320, 240],
  [160, 120],
];

/** An intra picture: PictureType 0. Never throws. */
export function isFlv1Keyframe(frame: Buffer): boolean {
  // PictureStartCode of 17 bits, the value 1; Version of 5 bits.
  if (frame.length < 5 || frame[0] !== 0 || frame[1] !== 0 || ((frame[2] ?? 0) & 0x80) === 0) return false;
  const size = ((frame[3] ?? 0) & 0x03) * 2 + ((frame[4] ?? 0) >> 7);
  const typeAt = 33 + (size === 0 ? 16 : size === 1 ? 32 : 0);
  const byte = frame[typeAt >> 3];
  // Behind the 33 bits stands a multiple of 16: the type is in bits 1 and 2 of its byte.
  return byte !== undefined && ((byte >> 5) & 0x03) === 0;
}

/** The descriptor of a Sorenson H.263 track, from a picture. Throws `CodecError` when it has no such header. */
export function flv1Codec(frame: Buffer): Flv1Codec {
  const [width, height] = readSize(frame);
  if (width === 0 || height === 0) throw new CodecError('malformed', 'flv1', `a picture of ${width}x${height}`);
  return Object.freeze({ kind: 'video', name: 'flv1', width, height, codecString: 'flv1' });
}

function readSize(frame: Buffer): readonly [number, number] {
  const bits = new BitReader(frame, 'flv1');
  if (bits.bits(17) !== 1) throw new CodecError('malformed', 'flv1', 'no picture start code');
  bits.skip(5 + 8); // Version, TemporalReference
  const size = bits.bits(3);
  if (size === 0) return [bits.bits(8), bits.bits(8)];
  if (size === 1) return [bits.bits(16), bits.bits(16)];
  const known = sizes[size - 2];
  if (known === undefined) throw new CodecError('malformed', 'flv1', 'the reserved picture size');
  return known;
}
