import type { Buffer } from 'node:buffer';
import { TS_PACKET_BYTES } from './packet.ts';

const ADAPTATION_FIELD = 0x20;
const PAYLOAD = 0x10;
const DISCONTINUITY_INDICATOR = 0x80;

/**
 * Says in the first packets of the unit at `start` that its PID does not go on from what came before (ISO/IEC 13818-1
 * 2.4.3.5): for a reader who joins or has jumped ahead. In front of the first packet with payload may stand some with nothing but a
 * PCR. False when there is no adaptation field that could say so.
 */
export function markDiscontinuity(bytes: Buffer, start: number): boolean {
  for (let at = start; at + TS_PACKET_BYTES <= bytes.length; at += TS_PACKET_BYTES) {
    const control = bytes[at + 3] ?? 0;
    if ((control & ADAPTATION_FIELD) === 0 || bytes[at + 4] === 0) return false;
    bytes[at + 5] = (bytes[at + 5] ?? 0) | DISCONTINUITY_INDICATOR;
    if ((control & PAYLOAD) !== 0) return true;
  }
  return false;
}
