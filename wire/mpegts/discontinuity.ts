import type { Buffer } from 'node:buffer';

const ADAPTATION_FIELD = 0x20;
const DISCONTINUITY_INDICATOR = 0x80;

/**
 * Says in the packet at `at` that its PID does not go on from what came before (ISO/IEC 13818-1 2.4.3.5): for a reader who
 * joins or has jumped ahead. False when the packet has no adaptation field that could say so.
 */
export function markDiscontinuity(bytes: Buffer, at: number): boolean {
  const length = bytes[at + 4] ?? 0;
  if (((bytes[at + 3] ?? 0) & ADAPTATION_FIELD) === 0 || length === 0) return false;
  bytes[at + 5] = (bytes[at + 5] ?? 0) | DISCONTINUITY_INDICATOR;
  return true;
}
