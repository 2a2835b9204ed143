import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

/** How the inside is seen. */
export interface Observe {
  readonly log: Log;
  readonly metrics: Metrics;
}
