import { Buffer } from 'node:buffer';
import { CodecError } from './codec-error.ts';

/** The longest parameter set that avcC and hvcC can carry: their lengths have 16 bits. */
export const MAX_PARAMETER_SET_BYTES = 0xffff;

/** nal_unit_type, ISO/IEC 14496-10 table 7-1; of an empty part, 0 (unspecified). */
export function h264NalType(nal: Buffer): number {
  return (nal[0] ?? 0) & 0x1f;
}

/** nal_unit_type, ISO/IEC 23008-2 table 7-1; of an empty part, 63 (unspecified). */
export function h265NalType(nal: Buffer): number {
  return ((nal[0] ?? 0x7e) >> 1) & 0x3f;
}

/** The payload of a NAL unit without its emulation_prevention_three_byte (ISO/IEC 14496-10 7.4.1). */
export function unescapeNal(nal: Buffer, headerBytes: number): Buffer {
  const out = Buffer.allocUnsafe(Math.max(0, nal.length - headerBytes));
  let length = 0;
  let zeros = 0;
  for (let i = headerBytes; i < nal.length; i++) {
    const byte = nal[i] ?? 0;
    if (byte === 3 && zeros >= 2) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}

/**
 * Copies parameter sets into memory of their own, so that a descriptor that lives for hours pins no network buffer.
 * Throws `CodecError` when there are none, more than `max`, or one is empty or too long.
 */
export function ownParameterSets(sets: readonly Buffer[], max: number, codec: string, what: string): readonly Buffer[] {
  if (sets.length === 0 || sets.length > max) {
    throw new CodecError('malformed', codec, `${sets.length} ${what}, 1 to ${max} expected`);
  }
  const own: Buffer[] = [];
  for (const set of sets) {
    if (set.length === 0 || set.length > MAX_PARAMETER_SET_BYTES) {
      throw new CodecError('malformed', codec, `a ${what} of ${set.length} bytes`);
    }
    own.push(Buffer.from(set));
  }
  return Object.freeze(own);
}
