import { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { messageType, type OutgoingMessage, type RtmpMessage } from './message.ts';

/** Protocol control goes on chunk stream 2 and message stream 0. RTMP 1.0 5.4, 6.2. */
const controlCsid = 2;

/** RTMP 1.0 7.1.7 */
export const userControlEvent = {
  streamBegin: 0,
  streamEof: 1,
  streamDry: 2,
  setBufferLength: 3,
  streamIsRecorded: 4,
  pingRequest: 6,
  pingResponse: 7,
} as const;

/** RTMP 1.0 5.4.5 */
export type BandwidthLimit = 'hard' | 'soft' | 'dynamic';
const bandwidthLimits = ['hard', 'soft', 'dynamic'] as const;

export type ControlMessage =
  /** Bytes received so far, modulo 2^32. */
  | { readonly kind: 'acknowledgement'; readonly bytes: number }
  /** Zero is a window that never fills: acknowledge nothing. */
  | { readonly kind: 'window-ack-size'; readonly bytes: number }
  | { readonly kind: 'set-peer-bandwidth'; readonly bytes: number; readonly limit: BandwidthLimit }
  | { readonly kind: 'stream-begin' | 'stream-eof' | 'stream-dry' | 'stream-is-recorded'; readonly streamId: number }
  | { readonly kind: 'set-buffer-length'; readonly streamId: number; readonly millis: number }
  /** `timestamp` in milliseconds of the pinging side's clock, to be sent back as it is. */
  | { readonly kind: 'ping-request' | 'ping-response'; readonly timestamp: number }
  | { readonly kind: 'unknown-user-control'; readonly event: number };

/**
 * A message of type 3 to 6; undefined for every other type. Set Chunk Size and Abort never come this far: ChunkReader
 * obeys them. Throws WireError('truncated').
 */
export function readControl(message: RtmpMessage): ControlMessage | undefined {
  const reader = new ByteReader(message.payload, 'rtmp');
  switch (message.type) {
    case messageType.acknowledgement:
      return { kind: 'acknowledgement', bytes: reader.u32() };
    case messageType.windowAckSize:
      return { kind: 'window-ack-size', bytes: reader.u32() };
    case messageType.setPeerBandwidth: {
      const bytes = reader.u32();
      return { kind: 'set-peer-bandwidth', bytes, limit: bandwidthLimits[reader.u8()] ?? 'dynamic' };
    }
    case messageType.userControl:
      return readUserControl(reader);
    default:
      return undefined;
  }
}

function readUserControl(reader: ByteReader): ControlMessage {
  const event = reader.u16();
  switch (event) {
    case userControlEvent.streamBegin:
      return { kind: 'stream-begin', streamId: reader.u32() };
    case userControlEvent.streamEof:
      return { kind: 'stream-eof', streamId: reader.u32() };
    case userControlEvent.streamDry:
      return { kind: 'stream-dry', streamId: reader.u32() };
    case userControlEvent.streamIsRecorded:
      return { kind: 'stream-is-recorded', streamId: reader.u32() };
    case userControlEvent.setBufferLength: {
      const streamId = reader.u32();
      return { kind: 'set-buffer-length', streamId, millis: reader.u32() };
    }
    case userControlEvent.pingRequest:
      return { kind: 'ping-request', timestamp: reader.u32() };
    case userControlEvent.pingResponse:
      return { kind: 'ping-response', timestamp: reader.u32() };
    default:
      return { kind: 'unknown-user-control', event }; // Flash sends 26, 31, 32 and more that no specification has
  }
}

function control(type: number, payload: Buffer): OutgoingMessage {
  return { type, streamId: 0, timestamp: 0, csid: controlCsid, payload: [payload] };
}

function controlU32(type: number, value: number): OutgoingMessage {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(value >>> 0);
  return control(type, payload);
}

function userControl(event: number, value: number): OutgoingMessage {
  const payload = Buffer.allocUnsafe(6);
  payload.writeUInt16BE(event);
  payload.writeUInt32BE(value >>> 0, 2);
  return control(messageType.userControl, payload);
}

// There is no builder for Abort: librtmp, on which many players stand, stalls for good when it gets one.

/** RTMP 1.0 5.4.1; the new size holds from the next chunk on. Throws RangeError outside 1..2^31-1. */
export function setChunkSize(bytes: number): OutgoingMessage {
  if (bytes < 1 || bytes > 0x7fffffff) throw new RangeError(`RTMP chunk size ${bytes}`);
  return controlU32(messageType.setChunkSize, bytes);
}

/** RTMP 1.0 5.4.3; `bytesReceived` may be above 2^32. */
export function acknowledgement(bytesReceived: number): OutgoingMessage {
  return controlU32(messageType.acknowledgement, bytesReceived);
}

/** RTMP 1.0 5.4.4 */
export function windowAckSize(bytes: number): OutgoingMessage {
  return controlU32(messageType.windowAckSize, bytes);
}

/** RTMP 1.0 5.4.5 */
export function setPeerBandwidth(bytes: number, limit: BandwidthLimit): OutgoingMessage {
  const payload = Buffer.allocUnsafe(5);
  payload.writeUInt32BE(bytes >>> 0);
  payload[4] = bandwidthLimits.indexOf(limit);
  return control(messageType.setPeerBandwidth, payload);
}

export function streamBegin(streamId: number): OutgoingMessage {
  return userControl(userControlEvent.streamBegin, streamId);
}

export function streamEof(streamId: number): OutgoingMessage {
  return userControl(userControlEvent.streamEof, streamId);
}

export function streamDry(streamId: number): OutgoingMessage {
  return userControl(userControlEvent.streamDry, streamId);
}

export function streamIsRecorded(streamId: number): OutgoingMessage {
  return userControl(userControlEvent.streamIsRecorded, streamId);
}

export function setBufferLength(streamId: number, millis: number): OutgoingMessage {
  const payload = Buffer.allocUnsafe(10);
  payload.writeUInt16BE(userControlEvent.setBufferLength);
  payload.writeUInt32BE(streamId >>> 0, 2);
  payload.writeUInt32BE(millis >>> 0, 6);
  return control(messageType.userControl, payload);
}

/** `timestamp` in milliseconds of our clock. */
export function pingRequest(timestamp: number): OutgoingMessage {
  return userControl(userControlEvent.pingRequest, timestamp);
}

/** `timestamp` as the request had it. */
export function pingResponse(timestamp: number): OutgoingMessage {
  return userControl(userControlEvent.pingResponse, timestamp);
}
