import { Buffer } from 'node:buffer';
import { WireError } from '../../errors.ts';
import type { DepacketizerLimits, Emit } from './depacketizer.ts';
import { joinPieces, PictureDepacketizer, type PictureGrammar } from './picture.ts';
import { readVp9Descriptor, vp9DescriptorLength } from './vp9-descriptor.ts';
import { joinVp9Frames, mostSuperframeFrames } from './vp9-superframe.ts';

const predictedBit = 0x40;
const startBit = 0x08;
const endBit = 0x04;

/**
 * A frame or superframe → payloads of at most `most` bytes, in non-flexible mode without layers and without picture id: the payloads
 * are the same for all viewers, who join anywhere, and a receiver then goes by sequence numbers. The bitstream itself tells size
 * and references. RFC 9628 4.2.
 */
export function packetizeVp9(frame: Buffer, keyframe: boolean, most: number): Buffer[] {
  const payloads: Buffer[] = [];
  const room = most - 1;
  for (let at = 0; at < frame.length; at += room) {
    const end = Math.min(frame.length, at + room);
    const payload = Buffer.allocUnsafe(1 + end - at);
    payload[0] = (keyframe ? 0 : predictedBit) | (at === 0 ? startBit : 0) | (end === frame.length ? endBit : 0);
    frame.copy(payload, 1, at, end);
    payloads.push(payload);
  }
  return payloads;
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
