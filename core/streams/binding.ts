import { SwitchyardError } from '../errors.ts';
import type { EventBus } from '../events/bus.ts';
import { TrackAdded, TrackCodecChanged } from '../events/catalogue.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { satisfies } from '../media/codec-target.ts';
import type { CodecDescriptor } from '../media/codecs/codec-descriptor.ts';
import type { RenditionRegistry } from '../renditions/rendition-registry.ts';
import type { TrackWish } from './requests.ts';
import type { Subscription } from './subscription.ts';
import type { Track } from './track.ts';

export interface BindingDependencies {
  readonly renditions: RenditionRegistry;
  readonly events: EventBus;
  readonly scope: Scope;
}

/** Decides which track serves which wish: the published one where it will do, else a rendition; and again when tracks change. */
export class Binding {
  readonly #renditions: RenditionRegistry;

  constructor(dependencies: BindingDependencies) {
    this.#renditions = dependencies.renditions;
    const { events, scope } = dependencies;
    events.on(TrackAdded, scope, ({ stream, track }) => {
      if (!isPublished(track)) return;
      for (const subscription of stream.subscriptions) this.#rebind(subscription, track);
    });
    events.on(TrackCodecChanged, scope, ({ stream, track, before }) => {
      if (!isPublished(track)) return;
      for (const subscription of stream.subscriptions) this.#follow(subscription, track, before);
    });
  }

  /** A track for every wish that the stream can meet. Throws when one can't be met, or none was. */
  async choose(subscription: Subscription): Promise<Track[]> {
    const tracks: Track[] = [];
    let refusal: Error | undefined;
    for (const wish of subscription.wishes) {
      const source = subscription.stream.findTrack(wish.kind);
      if (source === undefined) continue;
      try {
        tracks.push(await this.#serve(subscription, source, wish));
      } catch (error) {
        if (wish.optional !== true) throw error;
        refusal = error instanceof Error ? error : nothingInCommon(subscription);
      }
    }
    if (tracks.length > 0) return tracks;
    throw refusal ?? nothingInCommon(subscription);
  }

  async #serve(subscription: Subscription, source: Track, wish: TrackWish): Promise<Track> {
    if (meets(source.codec, wish)) return source;
    return this.#renditions.use(subscription.stream, source, wish, subscription.scope);
  }

  /** The source's codec became another. Renditions follow by themselves. */
  #follow(subscription: Subscription, track: Track, before: CodecDescriptor): void {
    const wish = findWish(subscription, track);
    if (wish === undefined) return;
    const reads = subscription.findPosition(track) !== undefined;
    if (reads !== meets(track.codec, wish) || (!reads && before.name !== track.codec.name))
      this.#rebind(subscription, track);
  }

  #rebind(subscription: Subscription, source: Track): void {
    const wish = findWish(subscription, source);
    if (wish === undefined) return;
    this.#serve(subscription, source, wish).then(
      (track) => {
        if (!subscription.scope.closed && subscription.findPosition(track) === undefined) subscription.bind(track);
      },
      (error: unknown) => {
        subscription.unbind(source);
        if (wish.optional === true || subscription.scope.closed) return;
        void subscription.scope.close({ code: 'failed', detail: error instanceof Error ? error.message : '', error });
      },
    );
  }
}

function isPublished(track: Track): boolean {
  return track.id === track.kind;
}

function findWish(subscription: Subscription, track: Track): TrackWish | undefined {
  return subscription.wishes.find((wish) => wish.kind === track.kind);
}

function meets(codec: CodecDescriptor, wish: TrackWish): boolean {
  return wish.accepts.some((target) => satisfies(codec, target));
}

function nothingInCommon(subscription: Subscription): SwitchyardError {
  const { stream, wishes } = subscription;
  return new SwitchyardError('codecs-do-not-match', {
    stream: stream.name,
    wanted: wishes.map((wish) => wish.kind).join(' and ') || 'nothing',
    published: stream.tracks.map((track) => track.codec.name).join(' and ') || 'no media',
  });
}
