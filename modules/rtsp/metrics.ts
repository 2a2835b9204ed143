import type { Core } from '../../core/core.ts';
import { WireError } from '../../wire/errors.ts';

/** What the module has seen since it started. Plain numbers on the hot paths; read when somebody asks. */
export class RtspCounters {
  connectionsOpen = 0;
  connections = 0;
  /** Turned away for a limit. */
  connectionsRefused = 0;
  tunnels = 0;
  publishers = 0;
  players = 0;
  /** Streams that are sent to groups. */
  multicasts = 0;
  requests = 0;
  /** Requests answered with 400 or more, but for the challenges that begin an authentication. */
  refusals = 0;
  challenges = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** Interleaved frames on channels that nobody set up. */
  strayFrames = 0;
  readonly protocolErrors = new Map<string, number>();

  /** Counts what a peer broke, by kind. */
  countProtocolError(error: unknown): void {
    const code = error instanceof WireError ? `${error.format}:${error.code}` : 'rtsp:other';
    this.protocolErrors.set(code, (this.protocolErrors.get(code) ?? 0) + 1);
  }
}

type Number = Exclude<keyof RtspCounters, 'protocolErrors' | 'countProtocolError'>;

const totals: readonly (readonly [name: string, key: Number, help: string])[] = [
  ['rtsp_connections_total', 'connections', 'RTSP connections accepted.'],
  ['rtsp_connections_refused_total', 'connectionsRefused', 'RTSP connections turned away for a limit.'],
  ['rtsp_tunnels_total', 'tunnels', 'RTSP connections tunnelled through HTTP.'],
  ['rtsp_requests_total', 'requests', 'RTSP requests received.'],
  ['rtsp_refusals_total', 'refusals', 'RTSP requests refused.'],
  ['rtsp_challenges_total', 'challenges', 'RTSP requests answered with a challenge for credentials.'],
  ['rtsp_received_bytes_total', 'bytesIn', 'Bytes received on RTSP connections.'],
  ['rtsp_sent_bytes_total', 'bytesOut', 'Bytes sent on RTSP connections.'],
  ['rtsp_stray_frames_total', 'strayFrames', 'Interleaved frames on channels that were not set up.'],
];

const gauges: readonly (readonly [name: string, key: Number, help: string])[] = [
  ['rtsp_connections', 'connectionsOpen', 'Open RTSP connections.'],
  ['rtsp_publishers', 'publishers', 'RTSP publishers.'],
  ['rtsp_players', 'players', 'RTSP players.'],
  ['rtsp_multicast_streams', 'multicasts', 'Streams that are sent to multicast groups.'],
];

/** Hands the counters out. */
export function measureRtsp(core: Core, counters: RtspCounters): void {
  const { scope, observe } = core;
  for (const [name, key, help] of totals) observe.metrics.counter(scope, { name, help }, () => counters[key]);
  for (const [name, key, help] of gauges) observe.metrics.gauge(scope, { name, help }, () => counters[key]);
  observe.metrics.counter(
    scope,
    { name: 'rtsp_protocol_errors_total', help: 'RTSP peers that broke the protocol.', labels: ['code'] },
    () => [...counters.protocolErrors].map(([code, value]) => ({ labels: { code }, value })),
  );
}
