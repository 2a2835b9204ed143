import type { Core } from '../../core/core.ts';
import { SwitchyardError } from '../../core/errors.ts';
import type { WebRtcFailure } from './contract.ts';

export type PeerRole = 'publish' | 'play';

/** What the module has seen since it started. */
export class WebRtcCounters {
  readonly peers: Record<PeerRole, number> = { publish: 0, play: 0 };
  readonly answered: Record<PeerRole, number> = { publish: 0, play: 0 };
  /** Offers that were refused, by the code of the error. */
  readonly refusals = new Map<string, number>();
  readonly failures = new Map<WebRtcFailure, number>();
  iceRestarts = 0;
  /** Seconds from the answer until media can flow. */
  noteConnected: (seconds: number) => void = () => undefined;

  countRefusal(error: unknown): void {
    const code = error instanceof SwitchyardError ? (error as SwitchyardError).code : 'other';
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  countFailure(failure: WebRtcFailure): void {
    this.failures.set(failure, (this.failures.get(failure) ?? 0) + 1);
  }

  /** Everything as plain values. */
  read(): Record<string, unknown> {
    return {
      publishers: this.peers.publish,
      viewers: this.peers.play,
      answered: { ...this.answered },
      refusals: Object.fromEntries(this.refusals),
      failures: Object.fromEntries(this.failures),
      iceRestarts: this.iceRestarts,
    };
  }
}

const roles: readonly PeerRole[] = ['publish', 'play'];
const connectBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Hands the counters out. */
export function measureWebRtc(core: Core, counters: WebRtcCounters): void {
  const { scope, observe } = core;
  const { metrics } = observe;
  metrics.gauge(
    scope,
    { name: 'webrtc_peers', help: 'Peer connections of browsers and others.', labels: ['role'] },
    () => roles.map((role) => ({ labels: { role }, value: counters.peers[role] })),
  );
  metrics.counter(scope, { name: 'webrtc_answers_total', help: 'Offers that were answered.', labels: ['role'] }, () =>
    roles.map((role) => ({ labels: { role }, value: counters.answered[role] })),
  );
  metrics.counter(scope, { name: 'webrtc_refusals_total', help: 'Offers that were refused.', labels: ['code'] }, () =>
    [...counters.refusals].map(([code, value]) => ({ labels: { code }, value })),
  );
  metrics.counter(
    scope,
    { name: 'webrtc_failures_total', help: 'Peer connections that failed or were lost.', labels: ['failure'] },
    () => [...counters.failures].map(([failure, value]) => ({ labels: { failure }, value })),
  );
  metrics.counter(
    scope,
    { name: 'webrtc_ice_restarts_total', help: 'Restarts of ICE by clients.' },
    () => counters.iceRestarts,
  );
  counters.noteConnected = metrics.histogram(scope, {
    name: 'webrtc_connect_seconds',
    help: 'Time from the answer until media can flow.',
    buckets: connectBuckets,
  });
}
