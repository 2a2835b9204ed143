import type { Scope } from '../lifecycle/scope.ts';

/** Values of one metric by label; a hot path keeps plain numbers and hands them out here when asked. */
export type Readings =
  | number
  | readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];

export interface MetricDescription {
  /** snake_case with the unit as suffix, `switchyard_` is put in front; counters end in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** What is measured, read when somebody asks. One registry a server, none global. */
export interface Metrics {
  /** Only ever rises. Removed when the scope closes. Several readers of one name are added up by label. */
  counter(scope: Scope, description: MetricDescription, read: () => Readings): void;
  /** Goes up and down. Removed when the scope closes. Several readers of one name are added up by label. */
  gauge(scope: Scope, description: MetricDescription, read: () => Readings): void;
  /** Durations and sizes in buckets; `observe` costs about 1 µs: never per packet. */
  histogram(
    scope: Scope,
    description: MetricDescription & { readonly buckets: readonly number[] },
  ): (value: number) => void;
  /** Prometheus text format 0.0.4. */
  text(): Promise<string>;
}
