import type { Core } from '../../../core/core.ts';
import { Playing } from '../../../core/streams/playing.ts';
import type { Subscription } from '../../../core/streams/subscription.ts';

/** What the view of MPEG-1 has seen since the module started. */
export class ViewCounters {
  views = 0;
  refused = 0;
  bytes = 0;
  readonly #playing = new Playing();

  add(subscription: Subscription): void {
    this.views += 1;
    this.#playing.add(subscription);
  }

  get viewers(): number {
    return this.#playing.count;
  }

  get droppedUnits(): number {
    return this.#playing.droppedUnits;
  }

  /** Everything as plain values. */
  read(): Record<string, number> {
    const { viewers, views, refused, bytes, droppedUnits } = this;
    return { viewers, views, refused, bytes, droppedUnits };
  }
}

/** Hands the counters out. */
export function measureViews(core: Core, counters: ViewCounters): void {
  const { scope, observe } = core;
  const { metrics } = observe;
  const say = (name: string, help: string) => ({ name: `jsmpeg_${name}`, help });
  metrics.gauge(scope, say('viewers', 'Viewers of MPEG-1 over WebSocket.'), () => counters.viewers);
  metrics.counter(scope, say('views_total', 'Views of MPEG-1 over WebSocket that began.'), () => counters.views);
  metrics.counter(scope, say('refused_total', 'Views of MPEG-1 that were refused.'), () => counters.refused);
  metrics.counter(scope, say('bytes_total', 'Bytes of MPEG-1 sent over WebSocket.'), () => counters.bytes);
  metrics.counter(
    scope,
    say('dropped_units_total', 'Units that slow viewers of MPEG-1 have jumped over.'),
    () => counters.droppedUnits,
  );
}
