import type { StreamEvent, StreamStatus } from './words.ts';

/*
 * What the server sends: text frames {"message": name, "data": [...]}. `data` is always a list, or the client's page
 * throws. Arguments are positional: Android clients map them onto parameters.
 */

export interface MutedState {
  readonly muted: boolean;
}

/** `notifyStreamStatusEvent`. Clients read the first five and the two states; the rest is for applications. */
export interface StreamStatusEvent {
  readonly mediaSessionId: string;
  readonly status: StreamStatus;
  readonly info?: string;
  readonly audioState?: MutedState;
  readonly videoState?: MutedState;
  readonly [more: string]: unknown;
}

export interface FailNotice {
  readonly apiMethod: string;
  readonly info: string;
  readonly id?: string;
}

export type ServerMessage =
  | readonly ['ping', null]
  | readonly ['pong', null]
  | readonly ['getVersion', string]
  | readonly ['getUserData', Readonly<Record<string, unknown>>]
  /** The third says that this answers the client's offer. */
  | readonly ['setRemoteSDP', id: string, sdp: string, isInitiator: boolean]
  | readonly ['notifyStreamStatusEvent', StreamStatusEvent]
  | readonly [
      'notifyStreamEvent',
      { readonly mediaSessionId: string; readonly type: StreamEvent; readonly payload?: unknown },
    ]
  /** The status is a text: `true` itself would mean "no" to clients. */
  | readonly ['availableStream', { readonly id: string; readonly status: 'true' | 'false'; readonly info?: string }]
  | readonly ['outboundVideoRate' | 'inboundVideoRate', { readonly mediaSessionId: string; readonly videoRate: number }]
  | readonly [
      'DataStatusEvent',
      { readonly operationId: string; readonly status: 'ACCEPTED' | 'FAILED'; readonly info?: string },
    ]
  | readonly ['OnDataEvent', { readonly operationId: string; readonly payload: unknown }]
  | readonly ['fail', FailNotice]
  | readonly ['finish', { readonly callId: string; readonly status: 'FAILED'; readonly info: string }];

export function writeServerMessage([message, ...data]: ServerMessage): string {
  return JSON.stringify({ message, data });
}
