import { WireError } from '../errors.ts';
import {
  findCount,
  findObject,
  findText,
  findValue,
  isObject,
  type JsonObject,
  needText,
  parseBounded,
  readFlag,
  readTexts,
} from './json.ts';
import { type RelayedEvent, relayedEvents } from './words.ts';

/*
 * What clients of the WCS client protocol send: text frames {"message": name, "data": [object]}. A pong of a media
 * socket has no data at all.
 */

/** Bounds of one message. SDP is the longest part; log lines and metrics follow. */
export const messageBounds = { longest: 256 * 1_024, deepest: 16, values: 20_000 } as const;

const longestId = 128;
const longestName = 2_048;
const longestText = 1_024;
const longestSdp = 128 * 1_024;
/** kbit/s */
const mostRate = 1_000_000;
const mostPixels = 16_384;

/** `connection`. */
export interface ConnectionRequest {
  readonly appKey: string;
  /** In the order of the client's preference. */
  readonly mediaProviders: readonly string[];
  readonly keepAlive: boolean;
  readonly authToken: string | undefined;
  readonly agent: string;
  readonly custom: JsonObject | undefined;
  /** Set when the client wants telephony. */
  readonly sipLogin: string | undefined;
  /** As it came: it is echoed, and clients read what they had said. */
  readonly echo: JsonObject;
}

/** `publishStream` and `playStream`. */
export interface StreamRequest {
  /** Chosen by the client; the key of the stream in every later message. */
  readonly mediaSessionId: string;
  readonly name: string;
  readonly hasVideo: boolean;
  readonly hasAudio: boolean;
  readonly record: boolean;
  /** `WebRTC`, `MSE`, `WSPlayer`; empty when not told. */
  readonly mediaProvider: string;
  readonly sdp: string;
  readonly custom: JsonObject | undefined;
  /** Pixels wished for by a player; undefined when it takes any. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** kbit/s; undefined for any. */
  readonly bitrate: number | undefined;
  readonly minBitrate: number | undefined;
  readonly maxBitrate: number | undefined;
  readonly transport: 'UDP' | 'TCP' | undefined;
  /** Whether the client takes part in coordination of video orientation. */
  readonly cvoExtension: boolean;
  /** Where the stream is to be pushed to. */
  readonly rtmpUrl: string | undefined;
}

/** Telephony, by its one key. */
export type CallMessageName = 'call' | 'answer' | 'hangup' | 'hold' | 'unhold' | 'sendDtmf' | 'transfer';

export type ClientMessage =
  | { readonly message: 'connection'; readonly connection: ConnectionRequest }
  | { readonly message: 'ping' | 'pong' }
  | { readonly message: 'publishStream' | 'playStream'; readonly stream: StreamRequest }
  /** A request for a stream that is out of bounds: the client waits for a status all the same. */
  | { readonly message: 'unreadableStream'; readonly mediaSessionId: string; readonly why: string }
  | { readonly message: 'unPublishStream' | 'stopStream'; readonly mediaSessionId: string }
  | { readonly message: 'snapshot' | 'availableStream'; readonly mediaSessionId: string; readonly name: string }
  | {
      readonly message: 'sendStreamEvent';
      readonly mediaSessionId: string;
      readonly type: RelayedEvent;
      readonly payload: unknown;
    }
  | { readonly message: 'sendData'; readonly operationId: string; readonly payload: unknown }
  | { readonly message: CallMessageName; readonly callId: string }
  | { readonly message: 'connectMediaTransport'; readonly authToken: string }
  | { readonly message: 'webRTCMetricsClientDescription'; readonly mediaSessionId: string; readonly headers: string }
  | { readonly message: 'webRTCMetricsBatch'; readonly mediaSessionId: string; readonly metrics: string }
  | { readonly message: 'pushLogs'; readonly logs: string }
  | { readonly message: 'sessionDebug' | 'submitBugReport' }
  /** A message that this server does not know. */
  | { readonly message: 'unknown'; readonly name: string };

/** Reads one text frame. Throws WireError. */
export function readClientMessage(text: string): ClientMessage {
  const frame = parseBounded(text, messageBounds);
  if (!isObject(frame)) throw new WireError('malformed', 'wcs', 'a frame that is not an object');
  const name = needText(frame, 'message', 64);
  const data = findValue(frame, 'data') ?? [];
  if (!Array.isArray(data)) throw new WireError('malformed', 'wcs', 'data that is not a list');
  const first: unknown = data[0];
  const read = readers.get(name);
  return read === undefined ? { message: 'unknown', name } : read(isObject(first) ? first : {});
}

type Read = (object: JsonObject) => ClientMessage;

const callNames: readonly CallMessageName[] = ['call', 'answer', 'hangup', 'hold', 'unhold', 'sendDtmf', 'transfer'];

const readers: ReadonlyMap<string, Read> = new Map<string, Read>([
  ...(['ping', 'pong', 'sessionDebug', 'submitBugReport'] as const).map(
    (message) => [message, () => ({ message })] as const,
  ),
  ...(['publishStream', 'playStream'] as const).map((message): [string, Read] => [
    message,
    (object) => readStreamMessage(message, object),
  ]),
  ...(['unPublishStream', 'stopStream'] as const).map((message): [string, Read] => [
    message,
    (object) => ({ message, mediaSessionId: readId(object) }),
  ]),
  ...(['snapshot', 'availableStream'] as const).map((message): [string, Read] => [
    message,
    (object) => ({ message, mediaSessionId: readId(object), name: findText(object, 'name', longestName) ?? '' }),
  ]),
  ...callNames.map((message): [string, Read] => [
    message,
    (object) => ({ message, callId: findText(object, 'callId', longestId) ?? '' }),
  ]),
  ['connection', (object) => ({ message: 'connection', connection: readConnection(object) })],
  ['sendStreamEvent', readStreamEvent],
  ['sendData', readData],
  [
    'connectMediaTransport',
    (object) => ({ message: 'connectMediaTransport', authToken: needText(object, 'authToken', longestText) }),
  ],
  ['webRTCMetricsClientDescription', readMetricsDescription],
  ['webRTCMetricsBatch', readMetricsBatch],
  ['pushLogs', (object) => ({ message: 'pushLogs', logs: readLong(object, 'logs') })],
]);

function readData(object: JsonObject): ClientMessage {
  const operationId = findText(object, 'operationId', longestId) ?? '';
  return { message: 'sendData', operationId, payload: findValue(object, 'payload') };
}

function readMetricsDescription(object: JsonObject): ClientMessage {
  const headers = readLong(object, 'headers');
  return { message: 'webRTCMetricsClientDescription', mediaSessionId: readId(object), headers };
}

function readMetricsBatch(object: JsonObject): ClientMessage {
  return { message: 'webRTCMetricsBatch', mediaSessionId: readId(object), metrics: readLong(object, 'metrics') };
}

function readLong(object: JsonObject, key: string): string {
  return findText(object, key, messageBounds.longest) ?? '';
}

/** Empty when the client sent none: the session answers with the protocol's own words. */
function readId(object: JsonObject): string {
  return findText(object, 'mediaSessionId', longestId) ?? '';
}

function readConnection(object: JsonObject): ConnectionRequest {
  return {
    appKey: findText(object, 'appKey', longestId) ?? 'defaultApp',
    mediaProviders: readTexts(object, 'mediaProviders', 8, 32),
    keepAlive: readFlag(object, 'keepAlive'),
    authToken: findText(object, 'authToken', longestText),
    agent: findText(object, 'clientBrowserVersion', longestText) ?? '',
    custom: findObject(object, 'custom'),
    sipLogin: findText(object, 'sipLogin', longestText),
    echo: object,
  };
}

function readStreamMessage(message: 'publishStream' | 'playStream', object: JsonObject): ClientMessage {
  const mediaSessionId = readId(object);
  try {
    return { message, stream: readStream(object) };
  } catch (error) {
    if (!(error instanceof WireError) || mediaSessionId === '') throw error;
    return { message: 'unreadableStream', mediaSessionId, why: error.message };
  }
}

function readStream(object: JsonObject): StreamRequest {
  const video = findObject(findObject(object, 'constraints') ?? {}, 'video') ?? {};
  const transport = findText(object, 'transport', longestId);
  return {
    mediaSessionId: readId(object),
    name: findText(object, 'name', longestName) ?? '',
    hasVideo: readFlag(object, 'hasVideo', true),
    hasAudio: readFlag(object, 'hasAudio', true),
    record: readFlag(object, 'record'),
    mediaProvider: findText(object, 'mediaProvider', longestId) ?? '',
    sdp: findText(object, 'sdp', longestSdp) ?? '',
    custom: findObject(object, 'custom'),
    width: findCount(object, 'width', mostPixels) ?? findCount(video, 'width', mostPixels),
    height: findCount(object, 'height', mostPixels) ?? findCount(video, 'height', mostPixels),
    bitrate: findCount(object, 'bitrate', mostRate),
    minBitrate: findCount(object, 'minBitrate', mostRate),
    maxBitrate: findCount(object, 'maxBitrate', mostRate),
    transport: transport === 'TCP' || transport === 'UDP' ? transport : undefined,
    cvoExtension: readFlag(object, 'cvoExtension'),
    rtmpUrl: findText(object, 'rtmpUrl', longestName),
  };
}

function readStreamEvent(object: JsonObject): ClientMessage {
  const given = needText(object, 'type', longestId);
  const type = relayedEvents.find((known) => known === given);
  if (type === undefined) throw new WireError('unsupported', 'wcs', 'a stream event of another type');
  const payload = findValue(object, 'payload');
  return { message: 'sendStreamEvent', mediaSessionId: readId(object), type, payload };
}
