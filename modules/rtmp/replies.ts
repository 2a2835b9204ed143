import { type AmfValue, amfObject } from '../../wire/amf/value.ts';
import { commandMessage } from '../../wire/rtmp/command-messages.ts';
import type { OutgoingMessage } from '../../wire/rtmp/message.ts';
import { chunkStream } from './message-form.ts';

/** The words of NetConnection and NetStream that clients look for. */
export type StatusCode =
  | 'NetConnection.Connect.Success'
  | 'NetConnection.Connect.Rejected'
  | 'NetConnection.Connect.Closed'
  | 'NetConnection.Call.Failed'
  | 'NetStream.Publish.Start'
  | 'NetStream.Publish.BadName'
  | 'NetStream.Publish.Denied'
  | 'NetStream.Publish.Failed'
  | 'NetStream.Unpublish.Success'
  | 'NetStream.Play.Reset'
  | 'NetStream.Play.Start'
  | 'NetStream.Play.Failed'
  | 'NetStream.Play.StreamNotFound'
  | 'NetStream.Play.UnpublishNotify'
  | 'NetStream.Play.Stop'
  | 'NetStream.Pause.Notify'
  | 'NetStream.Unpause.Notify'
  | 'NetStream.Seek.Failed'
  | 'NetStream.Failed';

export type StatusLevel = 'status' | 'error';

export interface Status {
  readonly code: StatusCode;
  readonly level?: StatusLevel;
  readonly description: string;
}

/** The info object of a status. RTMP 1.0 7.2.2. */
export function statusInfo(status: Status, more: Readonly<Record<string, AmfValue>> = {}): AmfValue {
  return amfObject({ level: status.level ?? 'status', code: status.code, description: status.description, ...more });
}

/** `onStatus` on a message stream. */
export function statusMessage(streamId: number, status: Status, amf3 = false): OutgoingMessage {
  const csid = streamId === 0 ? chunkStream.connection : chunkStream.stream;
  return commandMessage(
    { name: 'onStatus', transactionId: 0, object: null, args: [statusInfo(status)] },
    { streamId, csid, amf3 },
  );
}

/** The answer to a call; `properties` is the command object, which only `connect` fills. RTMP 1.0 7.2.1.2. */
export function resultMessage(
  transactionId: number,
  args: readonly AmfValue[],
  amf3 = false,
  properties?: Readonly<Record<string, AmfValue>>,
): OutgoingMessage {
  const object = properties === undefined ? null : amfObject(properties);
  return commandMessage(
    { name: '_result', transactionId, object, args },
    { streamId: 0, csid: chunkStream.connection, amf3 },
  );
}

export function errorMessage(transactionId: number, status: Status, amf3 = false): OutgoingMessage {
  return commandMessage(
    { name: '_error', transactionId, object: null, args: [statusInfo({ ...status, level: 'error' })] },
    { streamId: 0, csid: chunkStream.connection, amf3 },
  );
}

/** A call of ours that wants no answer: `onFCUnpublish` and the like. */
export function noticeMessage(name: string, status: Status, amf3 = false): OutgoingMessage {
  return commandMessage(
    { name, transactionId: 0, object: null, args: [statusInfo(status)] },
    { streamId: 0, csid: chunkStream.connection, amf3 },
  );
}
