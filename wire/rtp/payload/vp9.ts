import { Buffer } from 'node:buffer';
import { WireError } from '../../errors.ts';
import type { DepacketizerLimits, Emit } from './depacketizer.ts';
import { joinPieces, PictureDepacketizer, type PictureGrammar } from './picture.ts';
import { readVp9Descriptor, vp9DescriptorLength } from './vp9-descriptor.ts';
import { joinVp9Frames, mostSuperframeFrames } from './vp9-superframe.ts';

const predictedBit = 0x40;
const startBit = 0x08;
const endBit = 0x04;

const structureBit = 0x02;

/** What is told of a key frame, in pixels; undefined where the bitstream alone tells it. */
export interface Vp9Size {
  readonly width: number;
  readonly height: number;
}

/**
 * A frame or superframe → payloads of at most `most` bytes, in non-flexible mode without layers and without picture id: the payloads
 * are the same for all viewers, who join anywhere, and a receiver then goes by sequence numbers. RFC 9628 4.2.
 */
export function packetizeVp9(frame: Buffer, keyframe: boolean, most: number, size?: Vp9Size): Buffer[] {
  const payloads: Buffer[] = [];
  let head: Buffer = Buffer.of((keyframe ? 0 : predictedBit) | startBit);
  if (keyframe && size !== undefined) head = withStructure(head, size);
  for (let at = 0; at < frame.length; ) {
    const end = Math.min(frame.length, at + most - head.length);
    const payload = Buffer.allocUnsafe(head.length + end - at);
    head.copy(payload);
    if (end === frame.length) payload[0] = (head[0] ?? 0) | endBit;
    frame.copy(payload, head.length, at, end);
    payloads.push(payload);
    if (at === 0) head = Buffer.of(keyframe ? 0 : predictedBit);
    at = end;
  }
  return payloads;
}

/** RFC 9628 4.2.1: one layer (N_S 0), with its size (Y), without a group of pictures. */
function withStructure(head: Buffer, { width, height }: Vp9Size): Buffer {
  const bytes = Buffer.allocUnsafe(head.length + 5);
  bytes[0] = (head[0] ?? 0) | structureBit;
  bytes[1] = 0x10;
  bytes.writeUInt16BE(width & 0xffff, 2);
  bytes.writeUInt16BE(height & 0xffff, 4);
  return bytes;
}

/** VP9, RFC 9628, both modes: a unit is one part, a frame, or the frames of all its spatial layers as a superframe. */
export class Vp9Depacketizer extends PictureDepacketizer {
  constructor(limits: DepacketizerLimits, emit: Emit) {
    super(new Vp9Picture(), limits, emit);
  }
}

class Vp9Picture implements PictureGrammar {
  #frames: Buffer[] = [];
  /** Of the frame that has not ended yet. */
  #pieces: Buffer[] = [];

  /** The first layer of a picture: whether lower ones of it were lost can't be told of another. */
  begins(payload: Buffer): boolean {
    const { descriptor } = readVp9Descriptor(payload);
    return descriptor.start && (descriptor.layer?.spatial ?? 0) === 0;
  }

  take(payload: Buffer): boolean {
    const length = vp9DescriptorLength(payload);
    const flags = payload[0] ?? 0;
    if (((flags & startBit) !== 0) !== (this.#pieces.length === 0)) return false;
    if (length === payload.length) throw new WireError('malformed', 'rtp', 'a VP9 payload without a frame');
    this.#pieces.push(payload.subarray(length));
    if ((flags & endBit) === 0) return true;
    if (this.#frames.length === mostSuperframeFrames)
      throw new WireError('too-large', 'rtp', 'a VP9 picture of many layers');
    this.#frames.push(joinPieces(this.#pieces));
    this.#pieces = [];
    return true;
  }

  finish(): readonly Buffer[] | undefined {
    const frames = this.#frames;
    const whole = this.#pieces.length === 0 && frames.length > 0;
    this.#frames = [];
    this.#pieces = [];
    if (!whole) return undefined;
    return frames.length === 1 ? frames : [joinVp9Frames(frames)];
  }
}
