import type { EventBus } from '../events/bus.ts';
import { SubscriberLagging, SubscriberLeft } from '../events/catalogue.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { StreamRegistry } from '../streams/stream-registry.ts';
import type { Track } from '../streams/track.ts';
import type { Metrics } from './metrics.ts';

export interface StreamMetricsDependencies {
  readonly streams: StreamRegistry;
  readonly events: EventBus;
  readonly metrics: Metrics;
  readonly scope: Scope;
}

/** Adds up over streams that come and go, so that a counter never falls: what has gone is kept in `past`. */
interface Totals {
  units: number;
  bytes: number;
  droppedUnits: number;
  droppedBytes: number;
  jumps: number;
}

/**
 * What streams and their subscribers do. No metric carries a stream's name: names are strangers' choice, and each would
 * be a time series of its own. `/?action=stat` and REST tell of single streams.
 */
export function measureStreams({ streams, events, metrics, scope }: StreamMetricsDependencies): void {
  const past: Totals = { units: 0, bytes: 0, droppedUnits: 0, droppedBytes: 0, jumps: 0 };
  let lagging = 0;
  events.on(SubscriberLeft, scope, ({ subscription }) => addUp(past, subscription.counters));
  events.on(SubscriberLagging, scope, () => {
    lagging += 1;
  });
  const total = (pick: keyof Totals): number => {
    let sum = past[pick];
    for (const stream of streams.all()) for (const { counters } of stream.subscriptions) sum += counters[pick];
    return sum;
  };
  const count = (of: (track: Track) => number): number => {
    let sum = 0;
    for (const stream of streams.all()) for (const track of stream.tracks) sum += of(track);
    return sum;
  };
  metrics.gauge(scope, { name: 'streams', help: 'Live streams.' }, () => streams.count);
  metrics.gauge(scope, { name: 'stream_viewers', help: 'Subscribers of all streams.' }, () => {
    let viewers = 0;
    for (const stream of streams.all()) viewers += stream.viewers;
    return viewers;
  });
  metrics.gauge(scope, { name: 'stream_log_bytes', help: 'Media held for subscribers and for those who join.' }, () =>
    count((track) => track.log.keptBytes),
  );
  metrics.gauge(scope, { name: 'renditions', help: 'Running renditions.' }, () => [...streams.renditions.all()].length);
  metrics.gauge(
    scope,
    { name: 'renditions_cores', help: 'CPU cores spoken for by renditions.' },
    () => streams.renditions.spent,
  );
  const counters: readonly (readonly [string, string, keyof Totals])[] = [
    ['subscriber_units_total', 'Units pulled by subscribers.', 'units'],
    ['subscriber_bytes_total', 'Bytes of units pulled by subscribers.', 'bytes'],
    ['subscriber_dropped_units_total', 'Units that slow subscribers jumped over.', 'droppedUnits'],
    ['subscriber_dropped_bytes_total', 'Bytes of units that slow subscribers jumped over.', 'droppedBytes'],
    ['subscriber_jumps_total', 'Times that slow subscribers jumped ahead.', 'jumps'],
  ];
  for (const [name, help, pick] of counters) metrics.counter(scope, { name, help }, () => total(pick));
  metrics.counter(scope, { name: 'subscriber_lagging_total', help: 'Reports of slow subscribers.' }, () => lagging);
}

function addUp(totals: Totals, more: Totals): void {
  totals.units += more.units;
  totals.bytes += more.bytes;
  totals.droppedUnits += more.droppedUnits;
  totals.droppedBytes += more.droppedBytes;
  totals.jumps += more.jumps;
}
