import { Buffer } from 'node:buffer';

/** AAC-hbr, RFC 3640 3.3.6: one frame → one payload, or pieces of at most `most` bytes. */
export function packetizeAac(frame: Buffer, most: number): Buffer[] {
  const payloads: Buffer[] = [];
  const room = most - 4;
  for (let at = 0; at < frame.length; at += room) {
    const end = Math.min(frame.length, at + room);
    const payload = Buffer.allocUnsafe(4 + end - at);
    payload.writeUInt16BE(16, 0); // RFC 3640 3.2.1: AU-headers-length, in bits
    payload.writeUInt16BE((frame.length << 3) & 0xffff, 2); // of the whole frame, in pieces too: RFC 3640 3.2.3
    frame.copy(payload, 4, at, end);
    payloads.push(payload);
  }
  return payloads;
}
