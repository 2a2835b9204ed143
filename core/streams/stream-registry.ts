import type { AccessControl } from '../access/access-control.ts';
import { SwitchyardError } from '../errors.ts';
import type { EventBus } from '../events/bus.ts';
import { StreamEnded, StreamPublished, SubscriberJoined, SubscriberLeft } from '../events/catalogue.ts';
import { describeReason } from '../lifecycle/close-reason.ts';
import { Demand } from '../lifecycle/demand.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Observe } from '../observe/observe.ts';
import { wishesWith } from '../renditions/profile.ts';
import { RenditionRegistry } from '../renditions/rendition-registry.ts';
import type { SessionRegistry } from '../sessions/session-registry.ts';
import { afterIn, type Clock } from '../time/clock.ts';
import { toSeconds } from '../time/micros.ts';
import { Binding, type TrackChoice } from './binding.ts';
import type { Publication } from './publication.ts';
import type { PublishRequest, StreamSource, SubscribeRequest, TrackWish } from './requests.ts';
import { StandbySource, standbyProtocol } from './standby.ts';
import { Stream } from './stream.ts';
import { parseStreamName } from './stream-name.ts';
import type { StreamSettings } from './stream-settings.ts';
import { Subscription } from './subscription.ts';

export interface StreamRegistryDependencies {
  readonly clock: Clock;
  readonly scope: Scope;
  readonly events: EventBus;
  readonly observe: Observe;
  readonly access: AccessControl;
  readonly sessions: SessionRegistry;
}

/** The two doors of the server: media enters by `publish` and leaves by `subscribe`. */
export class StreamRegistry {
  readonly renditions: RenditionRegistry;
  #settings: StreamSettings;
  readonly #standby: StandbySource;
  readonly #dependencies: StreamRegistryDependencies;
  readonly #streams = new Map<string, Stream>();
  readonly #sources = new Set<StreamSource>();
  readonly #demands = new Map<string, Demand<Stream>>();
  readonly #binding: Binding;

  constructor(settings: StreamSettings, dependencies: StreamRegistryDependencies) {
    this.#settings = settings;
    this.#dependencies = dependencies;
    const { scope, events, clock, sessions, observe } = dependencies;
    this.renditions = new RenditionRegistry(settings.renditions, { sessions });
    this.#binding = new Binding({ renditions: this.renditions, events, scope, log: observe.log });
    this.#standby = new StandbySource(settings, { streams: this, sessions, events, clock, scope, log: observe.log });
    this.addSource(this.#standby, scope);
  }

  get settings(): StreamSettings {
    return this.#settings;
  }

  /** Takes changed settings; streams that are live keep those that they began with. */
  adjust(settings: StreamSettings): void {
    this.#settings = settings;
    this.renditions.adjust(settings.renditions);
    this.#standby.adjust(settings);
  }

  find(name: string): Stream | undefined {
    return this.#streams.get(name);
  }

  all(): Iterable<Stream> {
    return this.#streams.values();
  }

  /** Whether a subscriber has something to hope for: the name, or what a profile's suffix follows, is live or has a source. */
  isWithinReach(name: string): boolean {
    return this.#isKnown(name) || this.#isKnown(this.baseOf(name));
  }

  /** The stream that a name means, and that policies are asked about: `room` for `room-720p` where that is a profile. */
  baseOf(name: string): string {
    return this.#resolve(name, []).name;
  }

  get count(): number {
    return this.#streams.size;
  }

  /** Offers a source until the scope ends. The newest that claims a name is asked first. */
  addSource(source: StreamSource, scope: Scope): void {
    this.#sources.add(source);
    scope.defer(() => {
      this.#sources.delete(source);
    });
  }

  /**
   * The door in. No media is taken before it has answered. Throws `stream-name-invalid`, `stream-name-taken`,
   * `access-refused`, `limit-reached`, `closed`.
   */
  async publish(request: PublishRequest): Promise<Publication> {
    const name = parseStreamName(request.name);
    this.#checkConflict(name, request);
    if (request.session.protocol !== standbyProtocol) {
      await this.#dependencies.access.admit({
        action: 'publish',
        session: request.session,
        stream: name,
        credentials: request.credentials,
      });
    }
    const parent = request.parent ?? request.session.scope;
    if (parent.closed)
      throw new SwitchyardError('closed', { what: 'The publisher', why: 'it left while it was being admitted' });
    // Asked again: another may have come while the policies thought.
    const stream = this.#checkConflict(name, request) ?? this.#create(name);
    return stream.attach(request, parent.child(`publication of ${name}`));
  }

  /**
   * The door out; a profile's suffix on the name asks for that form of the stream in front of it. Waits for a source that
   * claims the name and for the stream's tracks. Throws `stream-name-invalid`, `stream-not-found`, `access-refused`,
   * `source-failed`, `stream-has-no-media`, `codecs-do-not-match`, `budget-spent`, `transcoder-failed`, `timed-out`, `closed`.
   */
  async subscribe(request: SubscribeRequest): Promise<Subscription> {
    const { name, wishes } = this.#resolve(parseStreamName(request.name), request.wishes);
    const { session, credentials } = request;
    if (request.admitted !== true) {
      await this.#dependencies.access.admit({ action: 'play', session, stream: name, credentials });
    }
    const parent = request.parent ?? session.scope;
    const scope = parent.child(`subscription to ${name}`);
    try {
      const stream = await this.obtain(name, scope);
      const hasMedia = await stream.settling.wait(scope);
      this.#checkUsable(stream, scope, hasMedia);
      const subscription = await this.#join(stream, { ...request, wishes }, scope);
      this.#checkUsable(stream, scope, true);
      return subscription;
    } catch (error) {
      await scope.close({ code: 'refused', error });
      throw error;
    }
  }

  /** Why a subscription reads what it reads. */
  explain(subscription: Subscription): readonly TrackChoice[] {
    return this.#binding.explain(subscription);
  }

  /** `room-720p` is the profile `-720p` of `room`, unless a stream or source has that very name. */
  #resolve(name: string, wishes: readonly TrackWish[]): { name: string; wishes: readonly TrackWish[] } {
    if (this.#isKnown(name)) return { name, wishes };
    const found = this.renditions.findProfile(name);
    if (found === undefined || !this.#isKnown(found.base)) return { name, wishes };
    return { name: found.base, wishes: wishesWith(found.profile, wishes) };
  }

  #isKnown(name: string): boolean {
    if (this.#streams.has(name) || this.#demands.has(name)) return true;
    for (const source of this.#sources) if (source.claims(name)) return true;
    return false;
  }

  /** The stream of that name: live, or brought by a source while `user` lives. Asks no policy. */
  async obtain(name: string, user: Scope): Promise<Stream> {
    const live = this.#streams.get(name);
    const demand = this.#demands.get(name) ?? this.#demandFor(name);
    if (demand?.running === true || (live === undefined && demand !== undefined)) return demand.use(user);
    if (live !== undefined) return live;
    throw new SwitchyardError('stream-not-found', { stream: name });
  }

  /** A live stream of the name that the request may take over; undefined when the name is free. */
  #checkConflict(name: string, request: PublishRequest): Stream | undefined {
    const stream = this.#streams.get(name);
    if (stream === undefined) {
      if (this.#streams.size >= this.settings.maximum) {
        throw new SwitchyardError('limit-reached', { what: 'streams', limit: this.settings.maximum });
      }
      return undefined;
    }
    const holder = stream.publication?.session;
    const yields = holder === undefined || holder.protocol === standbyProtocol || request.onConflict === 'replace';
    if (!yields) throw new SwitchyardError('stream-name-taken', { stream: name });
    return stream;
  }

  #create(name: string): Stream {
    const { clock, events, scope } = this.#dependencies;
    const stream = new Stream(name, this.settings, {
      clock,
      events,
      scope: scope.child(`stream ${name}`),
      onEnd: (ended, reason) => {
        if (this.#streams.get(name) === ended) this.#streams.delete(name);
        events.emit(StreamEnded, { stream: ended, reason });
      },
    });
    this.#streams.set(name, stream);
    return stream;
  }

  async #join(stream: Stream, request: SubscribeRequest, scope: Scope): Promise<Subscription> {
    const limits = this.settings.queue;
    const subscription = new Subscription(stream, {
      session: request.session,
      scope,
      wishes: request.wishes,
      carrier: request.carrier,
      start: request.start ?? 'cached',
      bounds: {
        duration: request.queue?.duration ?? limits.duration,
        bytes: Math.min(request.queue?.bytes ?? limits.bytes, limits.bytes),
      },
    });
    const tracks = await this.#binding.choose(subscription);
    if (scope.closed) return subscription;
    for (const track of tracks) subscription.bind(track);
    stream.subscriptions.add(subscription);
    scope.defer((reason) => {
      stream.left(subscription);
      this.#dependencies.events.emit(SubscriberLeft, { subscription, reason });
    });
    this.#dependencies.events.emit(SubscriberJoined, { subscription });
    return subscription;
  }

  #checkUsable(stream: Stream, scope: Scope, hasMedia: boolean): void {
    if (scope.closed)
      throw new SwitchyardError('closed', { what: 'The subscriber', why: 'it left before the stream was ready' });
    if (stream.endReason !== undefined) {
      throw new SwitchyardError('stream-ended', { stream: stream.name, why: describeReason(stream.endReason) });
    }
    if (!hasMedia) {
      throw new SwitchyardError('stream-has-no-media', {
        stream: stream.name,
        seconds: toSeconds(this.settings.mediaTimeout),
      });
    }
  }

  #demandFor(name: string): Demand<Stream> | undefined {
    const source = [...this.#sources].reverse().find((candidate) => candidate.claims(name));
    if (source === undefined) return undefined;
    const { clock, scope } = this.#dependencies;
    const demand = new Demand<Stream>(
      { name: `source ${source.name} of ${name}`, linger: this.settings.sourceLinger },
      { clock, parent: scope, open: (run) => this.#bring(source, name, run) },
    );
    this.#demands.set(name, demand);
    return demand;
  }

  /** Starts a source and waits for its stream. The demand goes when the source does. */
  async #bring(source: StreamSource, name: string, run: Scope): Promise<Stream> {
    const { clock, events } = this.#dependencies;
    run.defer(() => {
      this.#demands.delete(name);
    });
    const timeout = this.settings.sourceTimeout;
    const patience = run.child('waiting for the source');
    const came = events.next(StreamPublished, patience, ({ stream }) => stream.name === name);
    afterIn(patience, clock, timeout, () => void patience.close({ code: 'timeout' }));
    const failed = source.open(name, run);
    const stream = this.#streams.get(name) ?? (await Promise.race([came, failed.then(() => came)]))?.stream;
    failed.catch((error: unknown) => run.close({ code: 'failed', error }));
    await patience.close({ code: 'done' });
    const found = stream ?? this.#streams.get(name);
    if (found === undefined) {
      throw new SwitchyardError('timed-out', { what: `Bringing the stream "${name}"`, seconds: toSeconds(timeout) });
    }
    // A source whose stream is over has nothing more to do.
    found.scope.defer(() => void run.close({ code: 'publisher-left' }));
    return found;
  }
}
