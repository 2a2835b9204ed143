import type { Buffer } from 'node:buffer';
import type { Vp8Codec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';

/** A key frame: the frame tag's lowest bit is 0 and the start code follows (RFC 6386 9.1). */
export function isVp8Keyframe(frame: Buffer): boolean {
  return (
    frame.length >= 10 && ((frame[0] ?? 1) & 1) === 0 && frame[3] === 0x9d && frame[4] === 0x01 && frame[5] === 0x2a
  );
}

/** The descriptor of a VP8 track, from a key frame. Throws `CodecError` when it is none. */
export function vp8Codec(keyframe: Buffer): Vp8Codec {
  if (!isVp8Keyframe(keyframe)) throw new CodecError('malformed', 'vp8', 'no key frame');
  const width = keyframe.readUInt16LE(6) & 0x3fff; // The upper two bits ask for scaling
  const height = keyframe.readUInt16LE(8) & 0x3fff;
  if (width === 0 || height === 0) throw new CodecError('malformed', 'vp8', `a picture of ${width}x${height}`);
  return Object.freeze({ kind: 'video', name: 'vp8', width, height, codecString: 'vp8' });
}
