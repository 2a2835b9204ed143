import { Buffer } from 'node:buffer';
import type { OutgoingMessage } from './message.ts';

/** A timestamp of this or more goes into the extended field. RTMP 1.0 5.3.1.3. */
const extendedFrom = 0xffffff;
const longestMessage = 0xffffff;

/**
 * The message as chunks in one contiguous Buffer: a type-0 header and type-3 headers between. It depends on nothing sent before,
 * so one Buffer serves every peer that has the same `chunkSize` and message stream id.
 * Throws RangeError for a payload over 16777215 bytes, a chunk stream id outside 2..65599 or a chunk size below 1:
 * mistakes of ours, not of a peer.
 */
export function chunkMessage(message: OutgoingMessage, chunkSize: number): Buffer {
  const { csid, payload } = message;
  let length = 0;
  for (const part of payload) length += part.length;
  if (length > longestMessage) throw new RangeError(`RTMP message of ${length} bytes`);
  if (csid < 2 || csid > 65599) throw new RangeError(`RTMP chunk stream id ${csid}`);
  if (chunkSize < 1) throw new RangeError(`RTMP chunk size ${chunkSize}`);

  const timestamp = message.timestamp >>> 0;
  const extended = timestamp >= extendedFrom;
  const basicLength = csid < 64 ? 1 : csid < 320 ? 2 : 3;
  const repeatedLength = basicLength + (extended ? 4 : 0);
  const repeats = length === 0 ? 0 : Math.ceil(length / chunkSize) - 1;
  const out = Buffer.allocUnsafe(basicLength + 11 + (extended ? 4 : 0) + repeats * repeatedLength + length);

  let at = writeBasicHeader(out, 0, 0, csid);
  out.writeUIntBE(extended ? extendedFrom : timestamp, at, 3);
  out.writeUIntBE(length, at + 3, 3);
  out[at + 6] = message.type;
  out.writeUInt32LE(message.streamId, at + 7); // RTMP 1.0 5.3.1.2.1: the one little-endian field
  at += 11;
  if (extended) at = out.writeUInt32BE(timestamp, at);

  let room = chunkSize;
  for (const part of payload) {
    let from = 0;
    while (from < part.length) {
      if (room === 0) {
        at = writeBasicHeader(out, at, 3, csid);
        if (extended) at = out.writeUInt32BE(timestamp, at); // RTMP 1.0 5.3.1.3: in type 3 too
        room = chunkSize;
      }
      const count = Math.min(room, part.length - from);
      part.copy(out, at, from, from + count);
      at += count;
      from += count;
      room -= count;
    }
  }
  return out;
}

/** RTMP 1.0 5.3.1.1 */
function writeBasicHeader(out: Buffer, at: number, format: number, csid: number): number {
  const top = format << 6;
  if (csid < 64) {
    out[at] = top | csid;
    return at + 1;
  }
  const rest = csid - 64;
  if (csid < 320) {
    out[at] = top;
    out[at + 1] = rest;
    return at + 2;
  }
  out[at] = top | 1;
  out[at + 1] = rest & 0xff;
  out[at + 2] = rest >> 8;
  return at + 3;
}
