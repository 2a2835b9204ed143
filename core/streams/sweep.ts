import type { QueueBounds } from './requests.ts';
import type { Subscription } from './subscription.ts';
import type { Track } from './track.ts';

/**
 * Lets go of what nobody needs: units behind every subscriber and outside the cached group of pictures. First each
 * subscriber, pulling or not, is held to its bounds, so that what is kept is bounded too.
 */
export function sweep(tracks: readonly Track[], subscriptions: ReadonlySet<Subscription>, cache: QueueBounds): void {
  for (const subscription of subscriptions) subscription.enforceBounds();
  const cachedFrom = findCachedPts(tracks, cache);
  for (const track of tracks) {
    let keep = firstCached(track, cachedFrom, cache);
    for (const subscription of subscriptions) {
      const position = subscription.findPosition(track);
      if (position !== undefined && position < keep) keep = position;
    }
    track.log.trimBefore(keep);
  }
}

/** Where the oldest cached group of pictures begins, over all video tracks. */
function findCachedPts(tracks: readonly Track[], cache: QueueBounds): number | undefined {
  let oldest: number | undefined;
  for (const track of tracks) {
    if (track.kind !== 'video') continue;
    const keyframe = findCachedKeyframe(track, cache);
    const pts = keyframe === undefined ? undefined : track.log.find(keyframe)?.unit.pts;
    if (pts !== undefined && (oldest === undefined || pts < oldest)) oldest = pts;
  }
  return oldest;
}

function firstCached(track: Track, cachedFrom: number | undefined, cache: QueueBounds): number {
  if (track.kind === 'video') return findCachedKeyframe(track, cache) ?? track.log.end;
  return cachedFrom === undefined ? track.log.end : track.log.findFrom(cachedFrom);
}

function findCachedKeyframe(track: Track, cache: QueueBounds): number | undefined {
  const log = track.log;
  const keyframe = log.findNewestKeyframe('video');
  if (keyframe === undefined) return undefined;
  const first = log.find(keyframe);
  const newest = log.newest;
  if (first === undefined || newest === undefined) return undefined;
  const fits = newest.unit.dts - first.unit.dts <= cache.duration && log.totalBytes - first.bytesBefore <= cache.bytes;
  return fits ? keyframe : undefined;
}
