import { Buffer } from 'node:buffer';
import { WireError } from '../../errors.ts';
import type { DepacketizerLimits, Emit } from './depacketizer.ts';
import { joinPieces, PictureDepacketizer, type PictureGrammar } from './picture.ts';

/** The payload descriptor, RFC 7741 4.2. */
export interface Vp8Descriptor {
  /** N: no other picture refers to this one. */
  readonly nonReference: boolean;
  /** S: a partition of the picture begins here. */
  readonly start: boolean;
  /** PID, 0 to 7. */
  readonly partition: number;
  /** 15 bits; a sender may use seven. */
  readonly pictureId: number | undefined;
  /** TL0PICIDX, 8 bits. */
  readonly baseLayer: number | undefined;
  readonly layer: { readonly temporal: number; readonly sync: boolean } | undefined;
  /** KEYIDX, 5 bits. */
  readonly keyIndex: number | undefined;
}

/** A picture that tells nothing of layers. */
export const plainVp8: Vp8Descriptor = {
  nonReference: false,
  start: true,
  partition: 0,
  pictureId: undefined,
  baseLayer: undefined,
  layer: undefined,
  keyIndex: undefined,
};

/** Reads the descriptor of a payload, and tells where the picture's bytes begin. Throws WireError. */
export function readVp8Descriptor(payload: Buffer): { readonly descriptor: Vp8Descriptor; readonly length: number } {
  const first = byteAt(payload, 0);
  const extension = (first & 0x80) === 0 ? 0 : byteAt(payload, 1);
  let at = (first & 0x80) === 0 ? 1 : 2;
  let pictureId: number | undefined;
  let baseLayer: number | undefined;
  if ((extension & 0x80) !== 0) {
    pictureId = byteAt(payload, at++);
    if (pictureId >= 0x80) pictureId = ((pictureId & 0x7f) << 8) | byteAt(payload, at++);
  }
  if ((extension & 0x40) !== 0) baseLayer = byteAt(payload, at++);
  const layers = (extension & 0x30) === 0 ? 0 : byteAt(payload, at++);
  const descriptor = {
    nonReference: (first & 0x20) !== 0,
    start: (first & 0x10) !== 0,
    partition: first & 7,
    pictureId,
    baseLayer,
    layer: (extension & 0x20) === 0 ? undefined : { temporal: layers >> 6, sync: (layers & 0x20) !== 0 },
    keyIndex: (extension & 0x10) === 0 ? undefined : layers & 0x1f,
  };
  return { descriptor, length: at };
}

/** The descriptor as bytes: a picture id always in two of them. */
export function writeVp8Descriptor(descriptor: Vp8Descriptor): Buffer {
  const { pictureId, baseLayer, layer, keyIndex } = descriptor;
  const bytes = [(descriptor.nonReference ? 0x20 : 0) | (descriptor.start ? 0x10 : 0) | (descriptor.partition & 7)];
  const extension =
    (pictureId === undefined ? 0 : 0x80) |
    (baseLayer === undefined ? 0 : 0x40) |
    (layer === undefined ? 0 : 0x20) |
    (keyIndex === undefined ? 0 : 0x10);
  if (extension === 0) return Buffer.from(bytes);
  bytes[0] = (bytes[0] ?? 0) | 0x80;
  bytes.push(extension);
  if (pictureId !== undefined) bytes.push(0x80 | ((pictureId >> 8) & 0x7f), pictureId & 0xff);
  if (baseLayer !== undefined) bytes.push(baseLayer & 0xff);
  if (layer !== undefined || keyIndex !== undefined) {
    const { temporal, sync } = layer ?? { temporal: 0, sync: false };
    bytes.push(((temporal & 3) << 6) | (sync ? 0x20 : 0) | ((keyIndex ?? 0) & 0x1f));
  }
  return Buffer.from(bytes);
}

/**
 * A picture → payloads of at most `most` bytes. Without a descriptor it goes out without picture id: the payloads are the same for
 * all viewers, who join anywhere, and a receiver of a stream without layers finds what a picture refers to by sequence numbers.
 */
export function packetizeVp8(frame: Buffer, most: number, descriptor: Vp8Descriptor = plainVp8): Buffer[] {
  const payloads: Buffer[] = [];
  let head = writeVp8Descriptor({ ...descriptor, start: true, partition: 0 });
  const room = most - head.length;
  for (let at = 0; at < frame.length; at += room) {
    const end = Math.min(frame.length, at + room);
    const payload = Buffer.allocUnsafe(head.length + end - at);
    head.copy(payload);
    frame.copy(payload, head.length, at, end);
    payloads.push(payload);
    // RFC 7741 4.2: the partition's number may stay 0 in all packets
    if (at === 0) head = writeVp8Descriptor({ ...descriptor, start: false, partition: 0 });
  }
  return payloads;
}

/** VP8, RFC 7741: a unit is a picture of one part. */
export class Vp8Depacketizer extends PictureDepacketizer {
  constructor(limits: DepacketizerLimits, emit: Emit) {
    super(new Vp8Picture(), limits, emit);
  }
}

class Vp8Picture implements PictureGrammar {
  #pieces: Buffer[] = [];

  begins(payload: Buffer): boolean {
    return ((payload[0] ?? 0) & 0x17) === 0x10; // S, and partition 0
  }

  take(payload: Buffer): boolean {
    const length = descriptorLength(payload);
    if (this.begins(payload) !== (this.#pieces.length === 0)) return false;
    if (length === payload.length) throw new WireError('malformed', 'rtp', 'a VP8 payload without a picture');
    this.#pieces.push(payload.subarray(length));
    return true;
  }

  finish(): readonly Buffer[] | undefined {
    if (this.#pieces.length === 0) return undefined;
    const frame = joinPieces(this.#pieces);
    this.#pieces = [];
    return [frame];
  }
}

/** As `readVp8Descriptor` tells, without making one. */
function descriptorLength(payload: Buffer): number {
  if ((byteAt(payload, 0) & 0x80) === 0) return 1;
  const extension = byteAt(payload, 1);
  let at = 2;
  if ((extension & 0x80) !== 0) at += byteAt(payload, at) < 0x80 ? 1 : 2;
  if ((extension & 0x40) !== 0) at += 1;
  if ((extension & 0x30) !== 0) at += 1;
  if (at > payload.length) throw new WireError('truncated', 'rtp', 'a VP8 descriptor is cut off');
  return at;
}

function byteAt(payload: Buffer, at: number): number {
  const byte = payload[at];
  if (byte === undefined) throw new WireError('truncated', 'rtp', 'a VP8 descriptor is cut off');
  return byte;
}
