import type { Credentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import { type CloseReason, describeReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { Session } from '../../core/sessions/session.ts';
import type { SubscribeRequest, TrackWish } from '../../core/streams/requests.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { MediaKind, Track } from '../../core/streams/track.ts';
import type { PlayLeg, RtpFormat, RtpMedium, RtpPlane, RtpPlayback, RtpRoute, RtpStart } from '../rtp/contract.ts';
import type { MulticastSender } from './multicast.ts';

export interface PlayDependencies {
  readonly core: Core;
  readonly plane: RtpPlane;
  readonly session: Session;
  /** The peer has shown that it lives. */
  readonly onSign: () => void;
}

/** One medium as it is offered. */
export interface OfferedMedium {
  readonly kind: MediaKind;
  /** What its control URL ends with. */
  readonly track: number;
  readonly format: RtpFormat;
}

/** A group that somebody else sends to. */
export interface MulticastRoute {
  readonly kind: 'multicast';
  readonly sender: MulticastSender;
}

/** A way of one medium to a player. */
export type PlayRoute = RtpRoute | MulticastRoute;

/** Dynamic payload types: RFC 3551 6. One for each kind, the same for everybody. */
const payloadTypes: Readonly<Record<MediaKind, number>> = { video: 96, audio: 97 };

/** A stream as one player takes it: described, set up, playing, paused. */
export class PlaySession {
  readonly name: string;
  readonly credentials: Credentials;
  readonly scope: Scope;
  readonly media: readonly OfferedMedium[];
  readonly subscription: Subscription;
  readonly #dependencies: PlayDependencies;
  readonly #routes = new Map<number, { readonly route: PlayRoute; readonly scope: Scope }>();
  #following = false;
  #playback: RtpPlayback | undefined;
  #state: 'described' | 'ready' | 'playing' | 'paused' = 'described';

  private constructor(
    request: { name: string; credentials: Credentials },
    subscription: Subscription,
    scope: Scope,
    dependencies: PlayDependencies,
  ) {
    this.name = request.name;
    this.credentials = request.credentials;
    this.subscription = subscription;
    this.scope = scope;
    this.#dependencies = dependencies;
    this.media = offer(subscription.tracks, dependencies.plane);
    scope.defer(() => {
      this.#playback = undefined;
    });
  }

  /** Subscribes. Throws what `streams.subscribe` throws. */
  static async open(
    request: { name: string; credentials: Credentials; start: NonNullable<SubscribeRequest['start']> },
    dependencies: PlayDependencies,
  ): Promise<PlaySession> {
    const { core, plane, session } = dependencies;
    const scope = session.scope.child(`playing ${request.name}`);
    const wishes: TrackWish[] = (['video', 'audio'] as const).map((kind) => ({
      kind,
      accepts: plane.targets(kind),
      optional: kind === 'audio',
    }));
    try {
      const subscription = await core.streams.subscribe({ ...request, session, wishes, parent: scope });
      const play = new PlaySession(request, subscription, scope, dependencies);
      subscription.scope.defer((reason) => void scope.close(reason));
      return play;
    } catch (error) {
      await scope.close({ code: 'refused', error });
      throw error;
    }
  }

  get state(): 'described' | 'ready' | 'playing' | 'paused' {
    return this.#state;
  }

  get playback(): RtpPlayback | undefined {
    return this.#playback;
  }

  findMedium(track: number): OfferedMedium | undefined {
    return this.media.find((medium) => medium.track === track);
  }

  /** Media that are set up, in the order of their tracks. */
  get ready(): readonly OfferedMedium[] {
    return this.media.filter(({ track }) => this.#routes.has(track));
  }

  /** Whether media go over the connection. */
  get interleaved(): boolean {
    for (const { route } of this.#routes.values()) return route.kind === 'interleaved';
    return false;
  }

  /** Sets a medium up, anew if it was. `scope` is the life of what the route needs. */
  setUp(track: number, route: PlayRoute, scope: Scope): void {
    void this.#routes.get(track)?.scope.close({ code: 'replaced' });
    this.#routes.set(track, { route, scope });
    this.#state = 'ready';
  }

  /** Makes ready to play: where each medium will begin; nothing where others listen already. */
  prepare(): readonly RtpStart[] {
    if (this.#group !== undefined) return [];
    this.#playback ??= this.#open();
    return this.#playback.prepare();
  }

  start(): void {
    this.#state = 'playing';
    this.#playback?.start();
    const group = this.#group;
    if (group === undefined) return;
    group.start();
    if (!this.#following) void this.#follow();
  }

  pause(): void {
    this.#state = 'paused';
    this.#playback?.pause();
  }

  get #group(): MulticastSender | undefined {
    for (const { route } of this.#routes.values()) if (route.kind === 'multicast') return route.sender;
    return undefined;
  }

  /** What the group gets goes to this player too: it counts as taken, and its end is heard. */
  async #follow(): Promise<void> {
    this.#following = true;
    const { subscription } = this;
    while (await subscription.ready()) while (subscription.pull() !== undefined);
    void this.scope.close(this.#endReason());
  }

  #endReason(): CloseReason {
    const { scope, stream } = this.subscription;
    const ended = stream.endReason;
    return (
      scope.reason ?? { code: 'publisher-left', ...(ended === undefined ? {} : { detail: describeReason(ended) }) }
    );
  }

  #open(): RtpPlayback {
    const { plane, onSign } = this.#dependencies;
    const onEnd = (): void => void this.scope.close(this.#endReason());
    const legs = this.ready.flatMap((medium): PlayLeg[] => {
      const route = this.#routes.get(medium.track)?.route;
      const agreed: RtpMedium = { kind: medium.kind, format: medium.format, feedback: [] };
      return route === undefined || route.kind === 'multicast' ? [] : [{ medium: agreed, route }];
    });
    return plane.play({ subscription: this.subscription, legs, onEnd, onSign }, this.scope);
  }
}

function offer(tracks: readonly Track[], plane: RtpPlane): readonly OfferedMedium[] {
  const order: readonly MediaKind[] = ['video', 'audio'];
  return order.flatMap((kind) => {
    const track = tracks.find((candidate) => candidate.kind === kind);
    const format = track === undefined ? undefined : plane.formatFor(track.codec, payloadTypes[kind]);
    return format === undefined ? [] : [{ kind, track: order.indexOf(kind), format }];
  });
}
