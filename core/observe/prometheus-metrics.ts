import { Counter, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import type { Scope } from '../lifecycle/scope.ts';
import type { MetricDescription, Metrics, Readings } from './metrics.ts';

const prefix = 'switchyard_';
/** Label sets of one metric: a stranger's stream names must not fill the memory of whoever scrapes. */
export const mostLabelSets = 1_000;
const longestLabel = 200;

interface Reader {
  read(): Readings;
}

interface Entry {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly labels: string;
  readonly metric: Metric;
  readonly readers: Set<Reader>;
  users: number;
}

/** Metrics over prom-client, with a registry of its own. */
export class PrometheusMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #entries = new Map<string, Entry>();
  readonly #overflowed = new Map<string, number>();
  readonly #onFailure: (metric: string, error: unknown) => void;

  constructor(dependencies: { onFailure?: (metric: string, error: unknown) => void } = {}) {
    this.#onFailure = dependencies.onFailure ?? (() => undefined);
    const overflowed = this.#overflowed;
    new Gauge({
      name: `${prefix}metrics_label_sets_dropped`,
      help: `Label sets beyond the first ${mostLabelSets} of a metric, left out of the last reading.`,
      labelNames: ['metric'],
      registers: [this.#registry],
      async collect() {
        // The others, registered later, are read in this very turn.
        await Promise.resolve();
        this.reset();
        for (const [metric, count] of overflowed) this.set({ metric }, count);
      },
    });
  }

  counter(scope: Scope, description: MetricDescription, read: () => Readings): void {
    if (!description.name.endsWith('_total'))
      throw new TypeError(`a counter's name ends in _total: ${description.name}`);
    this.#attach(scope, description, 'counter', { read }, (readers) => {
      const counter = new Counter({
        ...this.#options(description),
        collect: () => {
          counter.reset();
          for (const { labels, value } of this.#collect(description.name, readers))
            counter.inc(labels, Math.max(0, value));
        },
      });
      return counter;
    });
  }

  gauge(scope: Scope, description: MetricDescription, read: () => Readings): void {
    this.#attach(scope, description, 'gauge', { read }, (readers) => {
      const gauge = new Gauge({
        ...this.#options(description),
        collect: () => {
          gauge.reset();
          for (const { labels, value } of this.#collect(description.name, readers)) gauge.set(labels, value);
        },
      });
      return gauge;
    });
  }

  histogram(
    scope: Scope,
    description: MetricDescription & { readonly buckets: readonly number[] },
  ): (value: number) => void {
    const made = this.#attach(
      scope,
      description,
      'histogram',
      undefined,
      () => new Histogram({ ...this.#options(description), buckets: [...description.buckets] }),
    );
    const histogram = made as Histogram;
    return (value) => histogram.observe(value);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #options(description: MetricDescription) {
    return {
      name: prefix + description.name,
      help: description.help,
      labelNames: [...(description.labels ?? [])],
      registers: [this.#registry],
    };
  }

  #attach(
    scope: Scope,
    description: MetricDescription,
    kind: Entry['kind'],
    reader: Reader | undefined,
    make: (readers: ReadonlySet<Reader>) => Metric,
  ): Metric {
    const { name } = description;
    const labels = (description.labels ?? []).join(',');
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      const readers = new Set<Reader>();
      entry = { kind, labels, metric: make(readers), readers, users: 0 };
      this.#entries.set(name, entry);
    } else if (entry.kind !== kind || entry.labels !== labels) {
      throw new TypeError(`the metric ${name} is a ${entry.kind} with the labels [${entry.labels}] already`);
    }
    entry.users += 1;
    if (reader !== undefined) entry.readers.add(reader);
    const attached = entry;
    scope.defer(() => this.#detach(name, attached, reader));
    return entry.metric;
  }

  #detach(name: string, entry: Entry, reader: Reader | undefined): void {
    entry.users -= 1;
    if (reader !== undefined) entry.readers.delete(reader);
    if (entry.users > 0) return;
    this.#entries.delete(name);
    this.#overflowed.delete(name);
    this.#registry.removeSingleMetric(prefix + name);
  }

  /** All readers' values, added up by label, bounded in number. A reader that throws hurts no other. */
  #collect(name: string, readers: ReadonlySet<Reader>): Iterable<{ labels: Record<string, string>; value: number }> {
    const sums = new Map<string, { labels: Record<string, string>; value: number }>();
    let dropped = 0;
    const add = (labels: Readonly<Record<string, string>>, value: number): void => {
      const key = JSON.stringify(labels);
      const sum = sums.get(key);
      if (sum !== undefined) sum.value += value;
      else if (sums.size < mostLabelSets) sums.set(key, { labels: boundLabels(labels), value });
      else dropped += 1;
    };
    for (const reader of readers) {
      try {
        const readings = reader.read();
        if (typeof readings === 'number') add({}, readings);
        else for (const { labels, value } of readings) add(labels, value);
      } catch (error) {
        this.#onFailure(name, error);
      }
    }
    if (dropped > 0) this.#overflowed.set(name, dropped);
    else this.#overflowed.delete(name);
    return sums.values();
  }
}

function boundLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const bounded: Record<string, string> = {};
  for (const [name, value] of Object.entries(labels)) bounded[name] = value.slice(0, longestLabel);
  return bounded;
}
