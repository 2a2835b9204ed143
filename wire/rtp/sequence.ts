/*
 * Arithmetic on the wrapping counters of RTP. Pure: the caller keeps the last unwrapped value.
 */

const sequences = 0x1_0000;
const timestamps = 0x1_0000_0000;

/** How far `to` is ahead of `from`, -32768 to 32767 (RFC 3550 A.1 in signed form). */
export function sequenceDistance(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}

/** How far `to` is ahead of `from`, -2^31 to 2^31 - 1. */
export function timestampDistance(from: number, to: number): number {
  return (to - from) | 0;
}

/** The count nearest to `last` (an earlier result) whose low 16 bits are `sequence`. Below zero when it lies before the first one. */
export function unwrapSequence(last: number, sequence: number): number {
  return last + sequenceDistance(modulo(last, sequences), sequence);
}

/** The count nearest to `last` (an earlier result) whose low 32 bits are `timestamp`. Exact up to 2^53. */
export function unwrapTimestamp(last: number, timestamp: number): number {
  return last + timestampDistance(modulo(last, timestamps), timestamp);
}

/** As `%`, but never negative. */
function modulo(value: number, divisor: number): number {
  const rest = value % divisor;
  return rest < 0 ? rest + divisor : rest;
}
