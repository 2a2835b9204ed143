import type { Core } from '../../../core/core.ts';
import { SrtpRefusal, type SrtpRefusalName } from '../../../wire/srtp/contract.ts';
import type { PeerFailure } from '../contract.ts';

/** Why a check of ICE was passed over. */
export type CheckRefusal =
  | 'malformed'
  | 'unknown-ufrag'
  | 'fingerprint'
  | 'integrity'
  | 'bad-request'
  | 'role-conflict'
  | 'unknown-attribute'
  | 'taken';

const checkRefusals: readonly CheckRefusal[] = [
  'malformed',
  'unknown-ufrag',
  'fingerprint',
  'integrity',
  'bad-request',
  'role-conflict',
  'unknown-attribute',
  'taken',
];
const failures: readonly PeerFailure[] = [
  'ice-timeout',
  'ice-error',
  'ice-keep-alive',
  'dtls-error',
  'dtls-fingerprint',
];
const srtpRefusals = Object.entries(SrtpRefusal) as readonly [SrtpRefusalName, number][];

/** What the transport of peers has seen since it started. */
export class PeerCounters {
  /** Peers that are open, and those of them that media can flow to. */
  peers = 0;
  connected = 0;
  /** Connections of ICE-TCP. */
  connections = 0;
  /** Peers refused because there are as many as may be. */
  refusedPeers = 0;
  /** Connections closed because of what came on them, or because nothing did. */
  refusedConnections = 0;
  /** Checks of ICE that passed. */
  checks = 0;
  readonly refusedChecks: Record<CheckRefusal, number> = countersOf(checkRefusals);
  /** Datagrams that are no STUN from where no check has passed. */
  strangers = 0;
  readonly failures: Record<PeerFailure, number> = countersOf(failures);
  packetsIn = 0;
  bytesIn = 0;
  packetsOut = 0;
  bytesOut = 0;
  /** Packets that could not be sent: the connection or the system takes no more. */
  unsent = 0;
  /** Errors of the network. */
  sendErrors = 0;
  /** Media that came before its keys. */
  early = 0;
  /** By the negated code of `SrtpRefusal`. */
  readonly refusedPackets = new Float64Array(srtpRefusals.length + 1);

  refusePacket(code: number): void {
    this.refusedPackets[-code] = (this.refusedPackets[-code] ?? 0) + 1;
  }

  inspect(): Record<string, unknown> {
    const { refusedPackets, ...plain } = this;
    const bySrtp = Object.fromEntries(srtpRefusals.map(([name, code]) => [name, refusedPackets[-code] ?? 0]));
    return { ...plain, refusedPackets: bySrtp };
  }
}

function countersOf<K extends string>(names: readonly K[]): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<K, number>;
}

type PlainKey = { [K in keyof PeerCounters]: PeerCounters[K] extends number ? K : never }[keyof PeerCounters];

const totals: readonly (readonly [name: string, key: PlainKey, help: string])[] = [
  ['rtp_peer_checks_total', 'checks', 'Checks of ICE that passed.'],
  ['rtp_peer_strangers_total', 'strangers', 'Datagrams of DTLS and media from where no check of ICE has passed.'],
  ['rtp_peer_refused_total', 'refusedPeers', 'Browsers refused because there are as many as may be.'],
  ['rtp_peer_refused_connections_total', 'refusedConnections', 'Connections of ICE-TCP closed for what came on them.'],
  ['rtp_peer_received_packets_total', 'packetsIn', 'Packets of media received from browsers.'],
  ['rtp_peer_received_bytes_total', 'bytesIn', 'Bytes of media received from browsers.'],
  ['rtp_peer_sent_packets_total', 'packetsOut', 'Packets of media sent to browsers.'],
  ['rtp_peer_sent_bytes_total', 'bytesOut', 'Bytes of media sent to browsers.'],
  ['rtp_peer_unsent_packets_total', 'unsent', 'Packets dropped because the network took no more.'],
  ['rtp_peer_send_errors_total', 'sendErrors', 'Datagrams that the system refused to send.'],
  ['rtp_peer_early_packets_total', 'early', 'Packets of media that came before their keys.'],
];

const gauges: readonly (readonly [name: string, key: PlainKey, help: string])[] = [
  ['rtp_peers', 'peers', 'Transports of browsers that are open.'],
  ['rtp_peers_connected', 'connected', 'Transports of browsers on which media can flow.'],
  ['rtp_peer_connections', 'connections', 'Connections of ICE-TCP.'],
];

/** Hands the counters out. */
export function measurePeers(core: Core, counters: PeerCounters): void {
  const { scope, observe } = core;
  const { metrics } = observe;
  for (const [name, key, help] of totals) metrics.counter(scope, { name, help }, () => counters[key]);
  for (const [name, key, help] of gauges) metrics.gauge(scope, { name, help }, () => counters[key]);
  const labels = ['reason'];
  metrics.counter(
    scope,
    {
      name: 'rtp_peer_refused_checks_total',
      help: 'Checks of ICE that were refused or passed over, by reason.',
      labels,
    },
    () => checkRefusals.map((reason) => ({ labels: { reason }, value: counters.refusedChecks[reason] })),
  );
  metrics.counter(
    scope,
    { name: 'rtp_peer_failures_total', help: 'Transports of browsers that failed, by reason.', labels },
    () => failures.map((reason) => ({ labels: { reason }, value: counters.failures[reason] })),
  );
  metrics.counter(
    scope,
    { name: 'rtp_peer_refused_packets_total', help: 'Packets of SRTP that were refused, by reason.', labels },
    () => srtpRefusals.map(([reason, code]) => ({ labels: { reason }, value: counters.refusedPackets[-code] ?? 0 })),
  );
}
