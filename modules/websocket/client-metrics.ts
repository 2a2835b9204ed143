import type { Core } from '../../core/core.ts';
import { toMillis } from '../../core/time/micros.ts';
import { type MetricColumn, readMetricColumns, readMetricRows } from '../../wire/wcs/client-metrics.ts';
import type { WebSocketConfig } from './config.ts';

/** What is kept of what clients measure: no name of a client's choice becomes a label. */
const totals = [
  'inbound-rtp.packetsLost',
  'inbound-rtp.framesDropped',
  'inbound-rtp.freezeCount',
  'inbound-rtp.nackCount',
  'inbound-rtp.pliCount',
  'outbound-rtp.nackCount',
  'outbound-rtp.pliCount',
  'outbound-rtp.framesEncoded',
] as const;
const levels: Readonly<Record<string, { readonly help: string; readonly buckets: readonly number[] }>> = {
  'inbound-rtp.jitter': { help: 'Jitter that clients measured, s.', buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.5] },
  'candidate-pair.currentRoundTripTime': {
    help: 'Round trip time that clients measured, s.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
  },
  'inbound-rtp.framesPerSecond': {
    help: 'Pictures a second that clients saw.',
    buckets: [1, 5, 10, 15, 20, 25, 30, 60],
  },
};
/** A counter that rises faster in one sample is not believed. */
const mostIncrease = 1e6;

/** The columns of one client's stream and the values before; equal values come as blanks. */
export class MetricSource {
  columns: readonly MetricColumn[] = [];
  readonly before = new Map<number, number>();
}

/** Adds up the metrics that clients send of their peer connections (reference a.10). */
export class ClientMetrics {
  readonly #sums = new Map<string, number>(totals.map((name) => [name, 0]));
  readonly #observe = new Map<string, (value: number) => void>();
  readonly #config: WebSocketConfig['clientMetrics'];

  constructor(config: WebSocketConfig['clientMetrics'], core: Core) {
    this.#config = config;
    const { scope, observe } = core;
    observe.metrics.counter(
      scope,
      { name: 'websocket_client_events_total', help: 'What clients counted on their side.', labels: ['metric'] },
      () => [...this.#sums].map(([metric, value]) => ({ labels: { metric }, value })),
    );
    for (const [metric, { help, buckets }] of Object.entries(levels)) {
      const name = `websocket_client_${metric.replace(/^.*\./, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
      this.#observe.set(metric, observe.metrics.histogram(scope, { name, help, buckets }));
    }
  }

  /** What a client is asked to measure; undefined when nothing. */
  describe(): Record<string, unknown> | undefined {
    if (!this.#config.collect) return undefined;
    const types: Record<string, { metrics: string }> = {};
    for (const name of [...totals, ...Object.keys(levels)]) {
      const [type = '', metric = ''] = name.split('.');
      types[type] = { metrics: types[type] === undefined ? metric : `${types[type].metrics},${metric}` };
    }
    return {
      collect: 'on',
      sampling: toMillis(this.#config.sampling),
      batchSize: this.#config.batch,
      // Compressed batches could hold anything.
      compression: 'none',
      types,
    };
  }

  /** `webRTCMetricsClientDescription`: the columns of the batches to come. */
  begin(source: MetricSource, headers: string): void {
    source.columns = readMetricColumns(headers);
    source.before.clear();
  }

  /** `webRTCMetricsBatch`. Throws WireError. */
  add(source: MetricSource, batch: string): void {
    for (const row of readMetricRows(batch, source.columns.length)) {
      row.forEach((value, index) => {
        const column = source.columns[index];
        if (value !== undefined && column !== undefined)
          this.#note(source, index, `${column.type}.${column.metric}`, value);
      });
    }
  }

  #note(source: MetricSource, index: number, name: string, value: number): void {
    const sum = this.#sums.get(name);
    if (sum === undefined) {
      this.#observe.get(name)?.(value);
      return;
    }
    const increase = value - (source.before.get(index) ?? 0);
    source.before.set(index, value);
    if (increase > 0 && increase <= mostIncrease) this.#sums.set(name, sum + increase);
  }
}
