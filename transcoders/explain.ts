import type { TrackChoice } from '../core/streams/binding.ts';
import type { StreamRegistry } from '../core/streams/stream-registry.ts';

/** Subscriptions that one look at the inspection tree tells of. */
const most = 1_000;

export interface Explanation extends TrackChoice {
  readonly stream: string;
  readonly session: string;
}

/** For each subscription and kind of medium: what was asked, what was there, what was chosen, why. */
export function explainSubscriptions(streams: StreamRegistry): readonly Explanation[] {
  const explained: Explanation[] = [];
  let subscriptions = 0;
  for (const stream of streams.all()) {
    for (const subscription of stream.subscriptions) {
      if (subscriptions === most) return explained;
      const choices = streams.explain(subscription);
      if (choices.length === 0) continue; // a reader of the core's own
      subscriptions += 1;
      for (const choice of choices) {
        explained.push({ stream: stream.name, session: subscription.session.id, ...choice });
      }
    }
  }
  return explained;
}
