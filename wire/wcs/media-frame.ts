import { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';

/*
 * Media over a binary WebSocket, "msePacketizationVersion 2": one or more units a message, each
 * type u8 (9 video, 8 audio) | timestamp i32 ms | length i32 | payload.
 * A video payload is an FLV AVC video body; an audio payload is an FLV audio body without its first byte.
 */

export const mediaType = { audio: 8, video: 9 } as const;
export const mediaHeaderLength = 9;
const largestPayload = 64 << 20;

export interface MediaFrame {
  readonly kind: 'video' | 'audio';
  /** Milliseconds of stream time; wraps after 24 days. */
  readonly timestamp: number;
  readonly payload: Buffer;
}

/** The header in front of a payload of `length` bytes. */
export function mediaFrameHeader(kind: 'video' | 'audio', timestamp: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(mediaHeaderLength);
  header[0] = mediaType[kind];
  header.writeInt32BE(timestamp | 0, 1);
  header.writeInt32BE(length, 5);
  return header;
}

/** The units of one binary message, as a client reads them; payloads are views. Throws WireError. */
export function readMediaFrames(bytes: Buffer): MediaFrame[] {
  const reader = new ByteReader(bytes, 'wcs');
  const frames: MediaFrame[] = [];
  while (reader.remaining > 0) {
    const type = reader.u8();
    if (type !== mediaType.video && type !== mediaType.audio) {
      throw new WireError('unsupported', 'wcs', `media of type ${type}`);
    }
    const timestamp = reader.u32() | 0;
    const length = reader.u32();
    if (length > largestPayload) throw new WireError('too-large', 'wcs', `a unit of ${length} bytes`);
    frames.push({ kind: type === mediaType.video ? 'video' : 'audio', timestamp, payload: reader.bytes(length) });
  }
  return frames;
}
