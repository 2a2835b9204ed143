import type { Buffer } from 'node:buffer';

/** RTMP 1.0 5.4, 6.2, 7.1 */
export const messageType = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  sharedObjectAmf3: 16,
  commandAmf3: 17,
  dataAmf0: 18,
  sharedObjectAmf0: 19,
  commandAmf0: 20,
  aggregate: 22,
} as const;

/** A message as it came. */
export type RtmpMessage = {
  /** One of `messageType`, or a type that we don't know. */
  readonly type: number;
  /** Message stream id (msid), u32: 0 is the connection itself. */
  readonly streamId: number;
  /** Absolute, milliseconds, u32: it wraps after 49.7 days. */
  readonly timestamp: number;
  /** Chunk stream id it came on, 2 to 65599. */
  readonly csid: number;
  readonly payload: Buffer;
};

/** A message to be sent; `payload` is the parts one behind the other. */
export type OutgoingMessage = {
  readonly type: number;
  readonly streamId: number;
  readonly timestamp: number;
  readonly csid: number;
  readonly payload: readonly Buffer[];
};

/** RTMP 1.0 5.3: the chunk size of both directions until a Set Chunk Size. */
export const initialChunkSize = 128;
