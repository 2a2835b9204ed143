import type { Core } from '../core/core.ts';
import { RenditionEnded, RenditionStarted } from '../core/events/catalogue.ts';

/** What transcoding costs and does. */
export function measureRenditions(core: Core): void {
  const { scope, events, streams } = core;
  const { metrics } = core.observe;
  let started = 0;
  let failed = 0;
  events.on(RenditionStarted, scope, () => {
    started += 1;
  });
  events.on(RenditionEnded, scope, ({ reason }) => {
    if (reason.code === 'failed') failed += 1;
  });
  metrics.gauge(scope, { name: 'renditions', help: 'Running renditions.' }, () => [...streams.renditions.all()].length);
  metrics.gauge(
    scope,
    { name: 'rendition_cores', help: 'Cores spoken for by renditions.' },
    () => streams.renditions.spent,
  );
  metrics.counter(scope, { name: 'renditions_started_total', help: 'Renditions that gave media.' }, () => started);
  metrics.counter(scope, { name: 'renditions_failed_total', help: 'Renditions that failed for good.' }, () => failed);
}
