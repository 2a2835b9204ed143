import type { Buffer } from 'node:buffer';
import { isAv1Keyframe } from './av1-obu.ts';
import type { CodecName } from './codec-descriptor.ts';
import { isFlv1Keyframe } from './flv1.ts';
import { isMpeg1Keyframe } from './mpeg1.ts';
import { isMpeg4Keyframe } from './mpeg4.ts';
import { h264NalType, h265NalType } from './nal-unit.ts';
import { isVp8Keyframe } from './vp8.ts';
import { isVp9Keyframe } from './vp9.ts';

/**
 * Whether a unit decodes with nothing before it but the descriptor. `parts` are an AccessUnit's: NAL units or OBUs
 * without start codes, else one part. Audio always does. Never throws.
 */
export function isKeyframe(name: CodecName, parts: readonly Buffer[]): boolean {
  switch (name) {
    case 'h264':
      return hasIdr(parts);
    case 'h265':
      return hasIrap(parts);
    case 'vp8':
      return parts[0] !== undefined && isVp8Keyframe(parts[0]);
    case 'vp9':
      return parts[0] !== undefined && isVp9Keyframe(parts[0]);
    case 'flv1':
      return parts[0] !== undefined && isFlv1Keyframe(parts[0]);
    case 'mpeg1':
      return parts[0] !== undefined && isMpeg1Keyframe(parts[0]);
    case 'mpeg4':
      return parts[0] !== undefined && isMpeg4Keyframe(parts[0]);
    case 'av1':
      return isAv1Keyframe(parts);
    default:
      return true;
  }
}

/** nal_unit_type 5 (ISO/IEC 14496-10 7.4.1.2.4). */
function hasIdr(parts: readonly Buffer[]): boolean {
  for (const part of parts) if (h264NalType(part) === 5) return true;
  return false;
}

/** nal_unit_type 16 to 23 (ISO/IEC 23008-2 3.79): IDR, BLA and CRA. */
function hasIrap(parts: readonly Buffer[]): boolean {
  for (const part of parts) {
    const type = h265NalType(part);
    if (type >= 16 && type <= 23) return true;
  }
  return false;
}

/**
 * Whether an H.264 unit carries a recovery point SEI (ISO/IEC 14496-10 D.2.8): encoders with periodic intra refresh
 * send no IDR after the first, and decoding may start here with some damaged frames.
 */
export function hasRecoveryPoint(parts: readonly Buffer[]): boolean {
  for (const part of parts) if (h264NalType(part) === 6 && seiHasRecoveryPoint(part)) return true;
  return false;
}

/** Walks sei_message() (7.3.2.3.1). Emulation prevention cannot stand in front of the types and sizes that occur. */
function seiHasRecoveryPoint(sei: Buffer): boolean {
  let at = 1;
  while (at + 2 < sei.length) {
    let type = 0;
    while (sei[at] === 0xff) {
      type += 255;
      at++;
    }
    type += sei[at++] ?? 0;
    let size = 0;
    while (sei[at] === 0xff) {
      size += 255;
      at++;
    }
    size += sei[at++] ?? 0;
    if (type === 6) return true;
    at += size;
  }
  return false;
}
