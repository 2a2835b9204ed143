import { describeError, SwitchyardError } from '../errors.ts';
import type { EventBus } from '../events/bus.ts';
import { TrackAdded, TrackCodecChanged } from '../events/catalogue.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { satisfies, targetKey } from '../media/codec-target.ts';
import type { CodecDescriptor } from '../media/codecs/codec-descriptor.ts';
import { describeCodec } from '../media/codecs/describe-codec.ts';
import type { Log } from '../observe/log.ts';
import { targetsOf } from '../renditions/profile.ts';
import type { RenditionRegistry } from '../renditions/rendition-registry.ts';
import { afterIn } from '../time/clock.ts';
import { seconds } from '../time/micros.ts';
import { findWishedLayer, isLayer } from './layers.ts';
import type { TrackWish } from './requests.ts';
import type { Subscription } from './subscription.ts';
import type { MediaKind, Track } from './track.ts';

/** What was asked, what was there, what was chosen, and why. */
export interface TrackChoice {
  readonly kind: MediaKind;
  /** Best first. */
  readonly asked: readonly string[];
  readonly published: string;
  /** Id of the track; undefined when the wish could not be met. */
  readonly chosen: string | undefined;
  readonly why: string;
}

/** A wish that is being met. */
interface Serving {
  readonly optional: boolean;
  readonly track: Promise<Track>;
}

/** How long a viewer who has something already waits for what it can do without. */
const patience = seconds(2);

export interface BindingDependencies {
  readonly log: Log;
  readonly renditions: RenditionRegistry;
  readonly events: EventBus;
  readonly scope: Scope;
}

/**
 * Decides which track serves which wish: the published one where it will do, a layer of it where the reader goes among them, else a
 * rendition; and again when tracks change.
 */
export class Binding {
  readonly #renditions: RenditionRegistry;
  readonly #log: Log;
  readonly #choices = new WeakMap<Subscription, Map<string, TrackChoice>>();

  constructor(dependencies: BindingDependencies) {
    this.#log = dependencies.log;
    this.#renditions = dependencies.renditions;
    const { events, scope } = dependencies;
    events.on(TrackAdded, scope, ({ stream, track }) => {
      const source = stream.findTrack(track.kind);
      if (source === undefined || !(isPublished(track) || isLayer(track))) return;
      for (const subscription of stream.subscriptions) {
        if (isPublished(track) || this.#lacksLayer(subscription, source)) this.#rebind(subscription, source);
      }
    });
    events.on(TrackCodecChanged, scope, ({ stream, track, before }) => {
      if (!isPublished(track)) return;
      for (const subscription of stream.subscriptions) this.#follow(subscription, track, before);
    });
  }

  /**
   * A track for every wish that the stream can meet. Throws when one can't be met, or none was. Who has a picture does not
   * wait long for optional sound whose source says nothing: it comes when it is there.
   */
  async choose(subscription: Subscription): Promise<Track[]> {
    const { stream, wishes } = subscription;
    const serving: Serving[] = [];
    for (const wish of wishes) {
      const source = stream.findTrack(wish.kind);
      if (source === undefined) continue;
      const track = this.#serve(subscription, source, wish);
      track.catch(() => undefined); // heard below, or not any more when another wish was refused before
      serving.push({ optional: wish.optional === true, track });
    }
    // What is needed decides first.
    serving.sort((a, b) => Number(a.optional) - Number(b.optional));
    const tracks: Track[] = [];
    let refusal: Error | undefined;
    for (const { optional, track } of serving) {
      try {
        const served = await (optional && tracks.length > 0 ? this.#inTime(subscription, track) : track);
        if (served !== undefined) tracks.push(served);
      } catch (error) {
        if (!optional) throw error;
        refusal = error instanceof Error ? error : nothingInCommon(subscription);
      }
    }
    if (tracks.length > 0) return tracks;
    throw refusal ?? nothingInCommon(subscription);
  }

  /** The track, or undefined when it takes long; it is read from when it is there. */
  #inTime(subscription: Subscription, track: Promise<Track>): Promise<Track | undefined> {
    const { scope, stream } = subscription;
    return new Promise((resolve, reject) => {
      let late = false;
      const cancel = afterIn(scope, stream.clock, patience, () => {
        late = true;
        resolve(undefined);
      });
      track.then(
        (served) => {
          cancel();
          if (!late) resolve(served);
          else if (!scope.closed && subscription.findPosition(served) === undefined) subscription.bind(served);
        },
        (error: unknown) => {
          cancel();
          reject(error instanceof Error ? error : nothingInCommon(subscription));
        },
      );
    });
  }

  /** Why a subscription reads what it reads, one entry for each kind it wished for. */
  explain(subscription: Subscription): readonly TrackChoice[] {
    const choices = this.#choices.get(subscription);
    const ordered = subscription.wishes.map(({ kind }) => choices?.get(kind));
    return ordered.filter((choice) => choice !== undefined);
  }

  async #serve(subscription: Subscription, source: Track, wish: TrackWish): Promise<Track> {
    if (meets(source.codec, wish)) {
      this.#note(subscription, source, wish, { chosen: source.id, why: 'the source is what was asked for' });
      return source;
    }
    const layer = this.#findLayer(subscription, source, wish);
    if (layer !== undefined) return layer;
    try {
      const track = await this.#renditions.use(subscription.stream, source, wish, subscription.scope);
      // The publisher may have begun with them while the transcoder did.
      const late = this.#findLayer(subscription, source, wish);
      if (late !== undefined) return late;
      this.#note(subscription, source, wish, { chosen: track.id, why: this.#describe(track) });
      return track;
    } catch (error) {
      this.#note(subscription, source, wish, { chosen: undefined, why: describeError(error) });
      throw error;
    }
  }

  #findLayer(subscription: Subscription, source: Track, wish: TrackWish): Track | undefined {
    if (wish.layered !== true) return undefined;
    const layer = findWishedLayer(subscription.stream, source, wish);
    if (layer === undefined) return undefined;
    this.#note(subscription, source, wish, { chosen: layer.id, why: "the publisher's layer comes nearest to it" });
    return layer;
  }

  /** Somebody makes for it what the publisher's layers have by now. */
  #lacksLayer(subscription: Subscription, source: Track): boolean {
    if (findWish(subscription, source)?.layered !== true) return false;
    const read = subscription.tracks.find(({ kind }) => kind === source.kind);
    return read !== undefined && read !== source && !isLayer(read);
  }

  #describe(track: Track): string {
    const rendition = this.#renditions.findBy(track);
    if (rendition === undefined) return 'a transcoder makes it';
    const { transcoder, settings } = rendition;
    return `${transcoder.name} makes ${describeCodec(track.codec)} for ${settings.cores.toFixed(2)} cores`;
  }

  #note(
    subscription: Subscription,
    source: Track,
    wish: TrackWish,
    outcome: Pick<TrackChoice, 'chosen' | 'why'>,
  ): void {
    const asked = targetsOf(wish, source.codec).map(targetKey);
    const choice: TrackChoice = { kind: wish.kind, asked, published: describeCodec(source.codec), ...outcome };
    const choices = this.#choices.get(subscription) ?? new Map<string, TrackChoice>();
    this.#choices.set(subscription, choices.set(wish.kind, choice));
    const facts = { stream: subscription.stream.name, session: subscription.session.id, ...choice };
    const passes = outcome.chosen === source.id || outcome.chosen?.startsWith(`${wish.kind}.`) === true;
    if (passes) this.#log.debug('A track is passed through.', facts);
    else if (outcome.chosen === undefined) this.#log.info('A track cannot be given.', facts);
    else this.#log.info('A track is transcoded.', facts);
  }

  /** The source's codec became another. Renditions follow by themselves. */
  #follow(subscription: Subscription, track: Track, before: CodecDescriptor): void {
    const wish = findWish(subscription, track);
    if (wish === undefined) return;
    // The best layer became another one: who reads a layer goes on with it.
    const onLayer = subscription.tracks.some((read) => read.kind === track.kind && isLayer(read));
    if (onLayer && before.name === track.codec.name) return;
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
  return targetsOf(wish, codec).some((target) => satisfies(codec, target));
}

function nothingInCommon(subscription: Subscription): SwitchyardError {
  const { stream, wishes } = subscription;
  return new SwitchyardError('codecs-do-not-match', {
    stream: stream.name,
    wanted: wishes.map((wish) => wish.kind).join(' and ') || 'nothing',
    published: stream.tracks.map((track) => track.codec.name).join(' and ') || 'no media',
  });
}
