/**
 * A stamp at the end of every video frame that the bench publishes: an SEI message (ISO/IEC 14496-10 D.1.7, user data
 * unregistered) whose last bytes are a mark, the frame's number and the moment it was sent.
 */
export const stampTail = 14;
const mark = 0xbe9c;
const uuid = Buffer.from('5b1d1d0c64f24f5a8d6f3e0f6d8a2f31', 'hex');

/** Milliseconds of a clock that all processes of the host share. */
export function sharedNow(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1_000 + nanos / 1e6;
}

/** One NAL unit with its four bytes of length. */
export function makeStamp(number: number): Buffer {
  const sei = Buffer.alloc(4 + 3 + 16 + 1 + stampTail);
  sei.writeUInt32BE(sei.length - 4, 0);
  sei.set([6, 5, 16 + stampTail + 1], 4);
  uuid.copy(sei, 7);
  // The trailing bits stand in front of the tail here: no decoder reads these streams, and the tail must be last.
  sei[23] = 0x80;
  sei.writeUInt16BE(mark, 24);
  sei.writeUInt32BE(number, 26);
  sei.writeDoubleBE(sharedNow(), 30);
  return sei;
}

/** Frame number and latency in ms, or undefined for what carries no stamp. */
export function readStamp(tail: Buffer): { number: number; latency: number } | undefined {
  if (tail.readUInt16BE(0) !== mark) return undefined;
  return { number: tail.readUInt32BE(2), latency: sharedNow() - tail.readDoubleBE(6) };
}
