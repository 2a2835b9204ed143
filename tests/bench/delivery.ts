import type { PlayerReport } from './frame-tally.ts';
import { quantile, type Row, round } from './table.ts';

/** What it took to deliver what players report: `spent` ms of CPU within `elapsed` ms. */
export function measureDelivery(
  players: readonly PlayerReport[],
  spent: number,
  elapsed: number,
): { readonly cost: number; readonly figures: Row } {
  const megabits = (players.reduce((sum, { bytes }) => sum + bytes, 0) * 8) / 1e6;
  const latencies = players
    .flatMap(({ histogram }) => histogram.flatMap(([bucket, times]) => new Array<number>(times).fill(bucket)))
    .sort((a, b) => a - b);
  const cost = (spent * 1_000) / megabits;
  const figures = {
    'µs CPU/Mbit': round(cost, 0),
    'core %': round((spent / elapsed) * 100, 0),
    'Mbit/s delivered': round(megabits / (elapsed / 1_000), 0),
    'p50 ms': quantile(latencies, 0.5),
    'p99 ms': quantile(latencies, 0.99),
  };
  return { cost, figures };
}

/** How long joining took, by share of those who joined. */
export function joinQuantile(joined: readonly { readonly joinMillis: readonly number[] }[], share: number): number {
  const joins = joined.flatMap(({ joinMillis }) => joinMillis).sort((a, b) => a - b);
  return round(quantile(joins, share), 0);
}
