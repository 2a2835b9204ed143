import { event } from '../../core/events/bus.ts';
import { service } from '../../core/modules/service.ts';
import type { Session } from '../../core/sessions/session.ts';

/** An application's client has sent something that is for its application (`sendData`). */
export const ClientDataReceived = event<{
  readonly session: Session;
  readonly appKey: string;
  readonly operationId: string;
  readonly payload: unknown;
}>('websocket:client-data-received');

/** Reaching the clients of the WCS client protocol from this side. */
export interface WebSocketClients {
  /** Hands `payload` to the application in that session's page (`OnDataEvent`). False when there is no such session. */
  pushData(sessionId: string, payload: unknown): boolean;
  /** Tells every viewer of the stream here an event of type `data`; how many there were. */
  sendStreamData(stream: string, payload: unknown): number;
}

export const WebSocketClients = service<WebSocketClients>('websocket-clients');
