import type { Core } from '../../core/core.ts';
import { Playing } from '../../core/streams/playing.ts';
import { WireError } from '../../wire/errors.ts';

/** What the module has seen since it started. */
export class WebSocketCounters {
  connectionsOpen = 0;
  connections = 0;
  /** Turned away for a limit, an origin, or as no WebSocket. */
  connectionsRefused = 0;
  sessionsOpen = 0;
  sessions = 0;
  mediaSockets = 0;
  messagesIn = 0;
  messagesOut = 0;
  /** Connections that were cut for sending too much. */
  floods = 0;
  mediaWrites = 0;
  mediaBytes = 0;
  publishers = 0;
  /** Publish and play requests that ended in FAILED, by what the client was told. */
  readonly failures = new Map<string, number>();
  readonly protocolErrors = new Map<string, number>();
  readonly playing = new Playing();

  get players(): number {
    return this.playing.count;
  }

  /** Units that slow players have jumped over. */
  get droppedUnits(): number {
    return this.playing.droppedUnits;
  }

  countFailure(info: string): void {
    this.failures.set(info, (this.failures.get(info) ?? 0) + 1);
  }

  countProtocolError(error: unknown): void {
    const code = error instanceof WireError ? error.code : 'other';
    this.protocolErrors.set(code, (this.protocolErrors.get(code) ?? 0) + 1);
  }

  /** Everything as plain values. */
  read(): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const [, key] of [...totals, ...gauges]) values[key] = this[key];
    values['failures'] = Object.fromEntries(this.failures);
    values['protocolErrors'] = Object.fromEntries(this.protocolErrors);
    return values;
  }
}

type Countable =
  | 'connectionsOpen'
  | 'connections'
  | 'connectionsRefused'
  | 'sessionsOpen'
  | 'sessions'
  | 'mediaSockets'
  | 'messagesIn'
  | 'messagesOut'
  | 'floods'
  | 'mediaWrites'
  | 'mediaBytes'
  | 'publishers'
  | 'players'
  | 'droppedUnits';

const totals: readonly (readonly [name: string, key: Countable, help: string])[] = [
  ['websocket_connections_total', 'connections', 'WebSocket connections accepted.'],
  ['websocket_connections_refused_total', 'connectionsRefused', 'Connections turned away before they were WebSockets.'],
  ['websocket_sessions_total', 'sessions', 'Sessions of the WCS client protocol.'],
  ['websocket_received_messages_total', 'messagesIn', 'Messages received over WebSocket.'],
  ['websocket_sent_messages_total', 'messagesOut', 'Messages sent over WebSocket.'],
  ['websocket_floods_total', 'floods', 'WebSocket connections cut for sending too much.'],
  ['websocket_media_writes_total', 'mediaWrites', 'Writes of media to players over WebSocket.'],
  ['websocket_media_bytes_total', 'mediaBytes', 'Bytes of media sent over WebSocket.'],
  ['websocket_dropped_units_total', 'droppedUnits', 'Units that slow players over WebSocket have jumped over.'],
];

const gauges: readonly (readonly [name: string, key: Countable, help: string])[] = [
  ['websocket_connections', 'connectionsOpen', 'Open WebSocket connections.'],
  ['websocket_sessions', 'sessionsOpen', 'Open sessions of the WCS client protocol.'],
  ['websocket_media_sockets', 'mediaSockets', 'WebSockets that carry media.'],
  ['websocket_publishers', 'publishers', 'Publishers that signal over WebSocket.'],
  ['websocket_players', 'players', 'Players that signal over WebSocket.'],
];

/** Hands the counters out. */
export function measureWebSocket(core: Core, counters: WebSocketCounters): void {
  const { scope, observe } = core;
  const { metrics } = observe;
  for (const [name, key, help] of totals) metrics.counter(scope, { name, help }, () => counters[key]);
  for (const [name, key, help] of gauges) metrics.gauge(scope, { name, help }, () => counters[key]);
  metrics.counter(
    scope,
    { name: 'websocket_stream_failures_total', help: 'Publish and play requests that failed.', labels: ['info'] },
    () => [...counters.failures].map(([info, value]) => ({ labels: { info }, value })),
  );
  metrics.counter(
    scope,
    { name: 'websocket_protocol_errors_total', help: 'Messages that could not be read.', labels: ['code'] },
    () => [...counters.protocolErrors].map(([code, value]) => ({ labels: { code }, value })),
  );
}
