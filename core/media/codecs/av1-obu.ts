import type { Buffer } from 'node:buffer';
import { CodecError } from './codec-error.ts';

export const OBU_SEQUENCE_HEADER = 1;
export const OBU_FRAME_HEADER = 3;
export const OBU_FRAME = 6;

/** obu_type (AV1 5.3.2); of an empty part, 0 (reserved). */
export function obuType(obu: Buffer): number {
  return ((obu[0] ?? 0) >> 3) & 0x0f;
}

/** Where an OBU's payload starts and ends; a size field, when there is one, is obeyed. Throws `CodecError`. */
export function obuPayloadRange(obu: Buffer): { readonly start: number; readonly end: number } {
  const header = obu[0];
  if (header === undefined) throw new CodecError('malformed', 'av1', 'an empty OBU');
  if ((header & 0x80) !== 0) throw new CodecError('malformed', 'av1', 'obu_forbidden_bit is set');
  const sizeAt = (header & 0x04) !== 0 ? 2 : 1; // obu_extension_flag
  if ((header & 0x02) === 0) {
    if (obu.length < sizeAt) throw new CodecError('malformed', 'av1', 'the OBU ends in its header');
    return { start: sizeAt, end: obu.length };
  }
  let size = 0;
  for (let i = 0; i < 8; i++) {
    const byte = obu[sizeAt + i]; // leb128, 4.10.5
    if (byte === undefined) break;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) {
      const start = sizeAt + i + 1;
      if (size > obu.length - start) throw new CodecError('malformed', 'av1', 'the OBU is shorter than its size says');
      return { start, end: start + size };
    }
  }
  throw new CodecError('malformed', 'av1', 'obu_size does not end');
}

/**
 * A temporal unit from which decoding can start: a sequence header, and a key frame that is shown (AV1 7.6.2).
 * Parts that are no OBUs make it false.
 */
export function isAv1Keyframe(obus: readonly Buffer[]): boolean {
  let reducedStill: boolean | undefined;
  for (const obu of obus) {
    const type = obuType(obu);
    if (type !== OBU_SEQUENCE_HEADER && type !== OBU_FRAME && type !== OBU_FRAME_HEADER) continue;
    const first = obu[payloadStart(obu)];
    if (first === undefined) return false;
    if (type === OBU_SEQUENCE_HEADER) {
      reducedStill = (first & 0x08) !== 0; // seq_profile, still_picture, reduced_still_picture_header
    } else if (reducedStill !== undefined) {
      // show_existing_frame 0, frame_type 00 (KEY_FRAME), show_frame 1
      return reducedStill || (first & 0xf0) === 0x10;
    }
  }
  return false;
}

/** As `obuPayloadRange`, for parts already accepted: never throws, costs nothing. */
function payloadStart(obu: Buffer): number {
  const header = obu[0] ?? 0;
  let at = (header & 0x04) !== 0 ? 2 : 1;
  if ((header & 0x02) !== 0) {
    while ((obu[at] ?? 0) >= 0x80) at++;
    at++;
  }
  return at;
}
