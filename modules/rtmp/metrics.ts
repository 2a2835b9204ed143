import type { Core } from '../../core/core.ts';
import { Playing } from '../../core/streams/playing.ts';
import { WireError } from '../../wire/errors.ts';

/** What the module has seen since it started. Plain numbers on the hot paths; read when somebody asks. */
export class RtmpCounters {
  connectionsOpen = 0;
  connections = 0;
  /** Turned away for a limit. */
  connectionsRefused = 0;
  handshakeFailures = 0;
  publishers = 0;
  bytesIn = 0;
  bytesOut = 0;
  messagesIn = 0;
  /** Writes of media: how well they are merged shows against the units. */
  mediaWrites = 0;
  /** Media messages that came where no publish had been admitted. */
  mediaRefused = 0;
  /** Media messages that could not be read. */
  mediaMalformed = 0;
  /** Metadata beyond what is taken. */
  metadataRefused = 0;
  readonly protocolErrors = new Map<string, number>();
  readonly playing = new Playing();

  get players(): number {
    return this.playing.count;
  }

  /** Units that slow players have jumped over. */
  get droppedUnits(): number {
    return this.playing.droppedUnits;
  }

  /** Everything as plain values. */
  read(): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const [, key] of [...totals, ...gauges]) values[key] = this[key];
    values['protocolErrors'] = Object.fromEntries(this.protocolErrors);
    return values;
  }

  /** Counts what a peer broke, by kind. */
  countProtocolError(error: unknown): void {
    const code = error instanceof WireError ? `${error.format}:${error.code}` : 'rtmp:other';
    this.protocolErrors.set(code, (this.protocolErrors.get(code) ?? 0) + 1);
  }
}

type Countable =
  | 'connectionsOpen'
  | 'connections'
  | 'connectionsRefused'
  | 'handshakeFailures'
  | 'publishers'
  | 'players'
  | 'bytesIn'
  | 'bytesOut'
  | 'messagesIn'
  | 'mediaWrites'
  | 'mediaRefused'
  | 'mediaMalformed'
  | 'metadataRefused'
  | 'droppedUnits';

const totals: readonly (readonly [name: string, key: Countable, help: string])[] = [
  ['rtmp_connections_total', 'connections', 'RTMP connections accepted.'],
  ['rtmp_connections_refused_total', 'connectionsRefused', 'RTMP connections turned away for a limit.'],
  ['rtmp_handshake_failures_total', 'handshakeFailures', 'RTMP connections that ended before their handshake.'],
  ['rtmp_received_bytes_total', 'bytesIn', 'Bytes received over RTMP.'],
  ['rtmp_sent_bytes_total', 'bytesOut', 'Bytes sent over RTMP.'],
  ['rtmp_received_messages_total', 'messagesIn', 'RTMP messages received.'],
  ['rtmp_media_writes_total', 'mediaWrites', 'Writes of media to RTMP players.'],
  ['rtmp_media_refused_total', 'mediaRefused', 'RTMP media messages that came without an admitted publish.'],
  ['rtmp_media_malformed_total', 'mediaMalformed', 'RTMP media messages that could not be read.'],
  ['rtmp_metadata_refused_total', 'metadataRefused', 'RTMP metadata messages beyond the bounds.'],
  ['rtmp_dropped_units_total', 'droppedUnits', 'Units that slow RTMP players have jumped over.'],
];

const gauges: readonly (readonly [name: string, key: Countable, help: string])[] = [
  ['rtmp_connections', 'connectionsOpen', 'Open RTMP connections.'],
  ['rtmp_publishers', 'publishers', 'RTMP publishers.'],
  ['rtmp_players', 'players', 'RTMP players.'],
];

/** Hands the counters out; `merging` is the interval of writes in force, µs. */
export function measureRtmp(core: Core, counters: RtmpCounters, merging: () => number): void {
  const { scope, observe } = core;
  for (const [name, key, help] of totals) observe.metrics.counter(scope, { name, help }, () => counters[key]);
  for (const [name, key, help] of gauges) observe.metrics.gauge(scope, { name, help }, () => counters[key]);
  observe.metrics.counter(
    scope,
    { name: 'rtmp_protocol_errors_total', help: 'RTMP peers that broke the protocol.', labels: ['code'] },
    () => [...counters.protocolErrors].map(([code, value]) => ({ labels: { code }, value })),
  );
  observe.metrics.gauge(
    scope,
    { name: 'rtmp_merge_seconds', help: 'For how long RTMP media is held back now to be written at once.' },
    () => merging() / 1e6,
  );
}
