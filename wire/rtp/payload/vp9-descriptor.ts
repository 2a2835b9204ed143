import type { Buffer } from 'node:buffer';
import { WireError } from '../../errors.ts';

/** References that a descriptor may name, RFC 9628 4.2. */
const mostReferences = 3;

/** The payload descriptor, RFC 9628 4.2, as far as putting pictures together needs it. */
export interface Vp9Descriptor {
  /** P: the picture refers to earlier ones. */
  readonly predicted: boolean;
  /** B: a frame of one layer begins here. */
  readonly start: boolean;
  /** E: it ends here. */
  readonly end: boolean;
  /** F: references are told by each picture, and not once by a structure. */
  readonly flexible: boolean;
  /** 7 or 15 bits. */
  readonly pictureId: number | undefined;
  /** Undefined where the stream tells no layers. */
  readonly layer: Vp9Layer | undefined;
  /** P_DIFF: how many pictures back those are that are referred to. */
  readonly references: readonly number[];
  /** The scalability structure of 4.2.1, as it stands. */
  readonly structure: Buffer | undefined;
}

export interface Vp9Layer {
  /** TID, 0 to 7. */
  readonly temporal: number;
  /** U: switching up to this temporal layer is possible here. */
  readonly switching: boolean;
  /** SID, 0 to 7. */
  readonly spatial: number;
  /** D: refers to the layer below of the same picture. */
  readonly dependent: boolean;
  /** TL0PICIDX, in non-flexible mode. */
  readonly base: number | undefined;
}

/** Reads the descriptor of a payload, and tells where the frame's bytes begin. Throws WireError. */
export function readVp9Descriptor(payload: Buffer): { readonly descriptor: Vp9Descriptor; readonly length: number } {
  const first = byteAt(payload, 0);
  const predicted = (first & 0x40) !== 0;
  const flexible = (first & 0x10) !== 0;
  let at = 1;
  let pictureId: number | undefined;
  if ((first & 0x80) !== 0) {
    pictureId = byteAt(payload, at++);
    if (pictureId >= 0x80) pictureId = ((pictureId & 0x7f) << 8) | byteAt(payload, at++);
  }
  let layer: Vp9Layer | undefined;
  if ((first & 0x20) !== 0) {
    const byte = byteAt(payload, at++);
    layer = {
      temporal: byte >> 5,
      switching: (byte & 0x10) !== 0,
      spatial: (byte >> 1) & 7,
      dependent: (byte & 1) !== 0,
      base: flexible ? undefined : byteAt(payload, at++),
    };
  }
  const references: number[] = [];
  if (flexible && predicted) {
    for (let more = true; more; ) {
      if (references.length === mostReferences)
        throw new WireError('malformed', 'rtp', 'a VP9 picture of many references');
      const byte = byteAt(payload, at++);
      references.push(byte >> 1);
      more = (byte & 1) !== 0;
    }
  }
  const structureAt = at;
  if ((first & 0x02) !== 0) at += structureLength(payload, at);
  const descriptor = {
    predicted,
    start: (first & 0x08) !== 0,
    end: (first & 0x04) !== 0,
    flexible,
    pictureId,
    layer,
    references,
    structure: at === structureAt ? undefined : payload.subarray(structureAt, at),
  };
  return { descriptor, length: at };
}

/** Bytes of the descriptor, as `readVp9Descriptor` tells, without making one. Throws WireError. */
export function vp9DescriptorLength(payload: Buffer): number {
  const first = byteAt(payload, 0);
  let at = 1;
  if ((first & 0x80) !== 0) at += byteAt(payload, at) < 0x80 ? 1 : 2;
  if ((first & 0x20) !== 0) at += (first & 0x10) === 0 ? 2 : 1;
  if ((first & 0x50) === 0x50) {
    for (let count = 1; (byteAt(payload, at++) & 1) !== 0; count += 1) {
      if (count === mostReferences) throw new WireError('malformed', 'rtp', 'a VP9 picture of many references');
    }
  }
  if ((first & 0x02) !== 0) at += structureLength(payload, at);
  if (at > payload.length) throw cutOff();
  return at;
}

/** Bytes of the scalability structure at `from`, RFC 9628 4.2.1. */
function structureLength(payload: Buffer, from: number): number {
  const first = byteAt(payload, from);
  let at = from + 1;
  if ((first & 0x10) !== 0) at += 4 * ((first >> 5) + 1); // Y: width and height of each layer
  if ((first & 0x08) !== 0) {
    const pictures = byteAt(payload, at++); // N_G
    for (let index = 0; index < pictures; index += 1) at += 1 + ((byteAt(payload, at) >> 2) & 3); // R references follow
  }
  if (at > payload.length) throw cutOff();
  return at - from;
}

function byteAt(payload: Buffer, at: number): number {
  const byte = payload[at];
  if (byte === undefined) throw cutOff();
  return byte;
}

function cutOff(): WireError {
  return new WireError('truncated', 'rtp', 'a VP9 descriptor is cut off');
}
