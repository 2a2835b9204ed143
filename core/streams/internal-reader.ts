import type { Scope } from '../lifecycle/scope.ts';
import type { Session } from '../sessions/session.ts';
import type { SubscribeRequest } from './requests.ts';
import type { Stream } from './stream.ts';
import { Subscription } from './subscription.ts';
import type { Track } from './track.ts';

/** A subscription of the core's own (a transcoder's input, a standby relay): no policy is asked, tracks are taken as they are. */
export function readInternally(
  stream: Stream,
  details: { session: Session; scope: Scope; tracks: readonly Track[]; start: NonNullable<SubscribeRequest['start']> },
): Subscription {
  const subscription = new Subscription(stream, {
    session: details.session,
    scope: details.scope,
    wishes: [],
    start: details.start,
    bounds: stream.settings.queue,
  });
  for (const track of details.tracks) subscription.bind(track);
  stream.subscriptions.add(subscription);
  details.scope.defer(() => stream.left(subscription));
  return subscription;
}
