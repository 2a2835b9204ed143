import type { Core } from '../../core/core.ts';
import type { ExchangeCounters } from './exchange.ts';
import type { Listener } from './listener.ts';
import type { Muxers } from './muxers.ts';
import type { Viewers } from './viewers.ts';

export interface Measured {
  readonly counters: ExchangeCounters;
  readonly listener: Listener;
  readonly muxers: Muxers;
  readonly viewers: Viewers;
}

/** What the module tells of itself. Read when somebody asks; nothing is counted twice. */
export function measure(core: Core, { counters, listener, muxers, viewers }: Measured): void {
  const { metrics } = core.observe;
  const { scope } = core;
  metrics.gauge(scope, { name: 'hls_viewers', help: 'Players that ask for playlists.' }, () => viewers.count);
  metrics.gauge(
    scope,
    { name: 'hls_connections', help: 'Open connections of HLS players.' },
    () => listener.connections,
  );
  metrics.gauge(scope, { name: 'hls_muxers', help: 'Streams being packaged, by variant.', labels: ['variant'] }, () =>
    countByVariant(muxers),
  );
  metrics.gauge(
    scope,
    { name: 'hls_blocked_requests', help: 'Requests that wait for media to come.' },
    () => muxers.budgets.waits.waiting,
  );
  metrics.gauge(scope, { name: 'hls_kept_bytes', help: 'Media kept for players.' }, () => muxers.budgets.memory.used);
  metrics.counter(scope, { name: 'hls_parts_total', help: 'Parts that were packaged.' }, () => muxers.parts);
  metrics.counter(
    scope,
    { name: 'hls_sent_bytes_total', help: 'Bytes of answers, without headers.' },
    () => counters.bytesOut,
  );
  metrics.counter(
    scope,
    { name: 'hls_requests_total', help: 'Requests answered, by what they asked for.', labels: ['kind'] },
    () => Object.entries(counters.requests).map(([kind, value]) => ({ labels: { kind }, value })),
  );
  metrics.counter(scope, { name: 'hls_answers_total', help: 'Answers by class of status.', labels: ['class'] }, () =>
    Object.entries(counters.answers).map(([level, value]) => ({ labels: { class: `${level}xx` }, value })),
  );
  metrics.counter(
    scope,
    { name: 'hls_refused_total', help: 'Viewers and connections that were refused.', labels: ['what'] },
    () => [
      { labels: { what: 'viewer' }, value: viewers.refused },
      { labels: { what: 'connection' }, value: listener.refusedConnections },
      { labels: { what: 'slow reader' }, value: counters.cut },
    ],
  );
}

function countByVariant(muxers: Muxers) {
  const counts = new Map<string, number>();
  for (const { variant } of muxers.all()) counts.set(variant.name, (counts.get(variant.name) ?? 0) + 1);
  return [...counts].map(([variant, value]) => ({ labels: { variant }, value }));
}
