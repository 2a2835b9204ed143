import type { Subscription } from '../../../core/streams/subscription.ts';
import { type Micros, millis } from '../../../core/time/micros.ts';

/** How much faster than it was taken the cached group is shown. */
const hurry = 20;
/** Less is not worth it: a player makes up for it by itself. */
const least = millis(100);

/**
 * A viewer that joins at the cached group is behind by its length, and a browser stays behind for long when it is told so: it plays by
 * the timestamps. So the group is stamped in fast motion, ending at the live picture, and sound begins there.
 */
export class CatchUp {
  readonly #live: Micros;

  private constructor(live: Micros) {
    this.#live = live;
  }

  /** For a subscription that has just joined; undefined when it is not behind. */
  static of(subscription: Subscription): CatchUp | undefined {
    const video = subscription.tracks.find(({ kind }) => kind === 'video');
    if (video === undefined) return undefined;
    const first = video.log.find(subscription.findPosition(video) ?? video.log.end);
    const newest = video.log.newest;
    if (first === undefined || newest === undefined || newest.unit.pts - first.unit.pts < least) return undefined;
    return new CatchUp(newest.unit.pts);
  }

  /** Whether what was taken at `pts` had gone by when the viewer joined. */
  isPast(pts: Micros): boolean {
    return pts < this.#live;
  }

  /** The time to stamp it with: rises with `pts`, and meets it at the live picture. */
  stampOf(pts: Micros): Micros {
    return Math.round(this.#live - (this.#live - pts) / hurry) as Micros;
  }
}
