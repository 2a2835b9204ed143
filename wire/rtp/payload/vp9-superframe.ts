import { Buffer } from 'node:buffer';
import { WireError } from '../../errors.ts';

/** Frames that the index of a superframe can tell: VP9 bitstream annex B. */
export const mostSuperframeFrames = 8;
const marker = 0xc0;

/** The frames of a superframe, as views; of a single frame itself. VP9 bitstream annex B. */
export function splitVp9Superframe(bytes: Buffer): readonly Buffer[] {
  const last = bytes[bytes.length - 1] ?? 0;
  if ((last & 0xe0) !== marker) return [bytes];
  const count = (last & 7) + 1;
  const width = ((last >> 3) & 3) + 1;
  const indexAt = bytes.length - (2 + count * width);
  if (indexAt < 0 || bytes[indexAt] !== last) return [bytes];
  const frames: Buffer[] = [];
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    const size = bytes.readUIntLE(indexAt + 1 + index * width, width);
    if (at + size > indexAt) return [bytes];
    if (size > 0) frames.push(bytes.subarray(at, at + size));
    at += size;
  }
  return frames;
}

/**
 * Frames of one picture → a superframe with its index, which decoders need that don't look for frames behind a frame. What is a
 * superframe already is taken apart first: they don't nest. Throws WireError past eight frames.
 */
export function joinVp9Frames(pictures: readonly Buffer[]): Buffer {
  const frames = pictures.flatMap((picture) => splitVp9Superframe(picture));
  if (frames.length > mostSuperframeFrames)
    throw new WireError('too-large', 'rtp', `a VP9 picture of ${frames.length} frames`);
  const longest = frames.reduce((most, { length }) => Math.max(most, length), 0);
  const width = longest < 0x100 ? 1 : longest < 0x1_0000 ? 2 : longest < 0x100_0000 ? 3 : 4;
  const index = Buffer.allocUnsafe(2 + frames.length * width);
  const head = marker | ((width - 1) << 3) | (frames.length - 1);
  index[0] = head;
  frames.forEach(({ length }, at) => index.writeUIntLE(length, 1 + at * width, width));
  index[index.length - 1] = head;
  return Buffer.concat([...frames, index]);
}
