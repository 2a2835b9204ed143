import type { Buffer } from 'node:buffer';
import type { DepacketizerLimits, Emit } from './depacketizer.ts';
import { joinPieces, PictureDepacketizer, type PictureGrammar } from './picture.ts';

/** MPEG-4 part 2, RFC 6416 5: a unit is a picture of one part, with the headers that were sent in front of it. */
export class Mpeg4VideoDepacketizer extends PictureDepacketizer {
  constructor(limits: DepacketizerLimits, emit: Emit) {
    super(new Mpeg4Picture(), limits, emit);
  }
}

class Mpeg4Picture implements PictureGrammar {
  #pieces: Buffer[] = [];

  /** RFC 6416 5.2: headers and the beginning of a picture stand at the beginning of a payload. */
  begins(payload: Buffer): boolean {
    return payload[0] === 0 && payload[1] === 0 && payload[2] === 1;
  }

  take(payload: Buffer): boolean {
    if (this.#pieces.length === 0 && !this.begins(payload)) return false;
    if (payload.length > 0) this.#pieces.push(payload);
    return true;
  }

  finish(): readonly Buffer[] | undefined {
    if (this.#pieces.length === 0) return undefined;
    const frame = joinPieces(this.#pieces);
    this.#pieces = [];
    return [frame];
  }
}

/** The bytes of a picture → payloads of at most `most` bytes, as views. */
export function packetizeMpeg4Video(frame: Buffer, most: number): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 0; at < frame.length; at += most) payloads.push(frame.subarray(at, at + most));
  return payloads;
}
