import type { EventBus } from '../events/bus.ts';
import {
  StreamDiscontinued,
  StreamInterrupted,
  StreamPublished,
  StreamResumed,
  TrackAdded,
  TrackCodecChanged,
} from '../events/catalogue.ts';
import { type CloseReason, describeReason } from '../lifecycle/close-reason.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import type { CodecDescriptor } from '../media/codecs/codec-descriptor.ts';
import { afterIn, type Cancel, type Clock } from '../time/clock.ts';
import { type Micros, micros, ZERO } from '../time/micros.ts';
import { Timeline } from '../time/timeline.ts';
import { KeyframeRequests } from './keyframe-requests.ts';
import { Publication } from './publication.ts';
import type { PublishRequest } from './requests.ts';
import { Settling } from './settling.ts';
import type { StreamSettings } from './stream-settings.ts';
import type { Subscription } from './subscription.ts';
import { sweep } from './sweep.ts';
import { type MediaKind, Track } from './track.ts';

export interface StreamDependencies {
  readonly clock: Clock;
  readonly scope: Scope;
  readonly events: EventBus;
  /** Takes the stream off the registry's list. */
  readonly onEnd: (stream: Stream, reason: CloseReason) => void;
}

/** Wants to know of the next write, or of the end. */
export interface StreamWaiter {
  wake(): void;
}

/** How much may be written between two sweeps. */
const sweepInterval = 250_000;
const sweepBytes = 1 << 20;

/** A named live timeline with tracks that share one clock. Lives while it has a publisher, plus the reconnect grace. */
export class Stream {
  readonly name: string;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly events: EventBus;
  readonly settings: StreamSettings;
  /** Unix time in µs. */
  readonly startedAt: Micros;
  readonly subscriptions = new Set<Subscription>();
  readonly settling: Settling;
  readonly #onEnd: StreamDependencies['onEnd'];
  readonly #tracks = new Map<string, Track>();
  readonly #keyframes: KeyframeRequests;
  readonly #keyframeListeners = new Set<{ hear: () => void }>();
  #publication: Publication | undefined;
  #requestKeyframe: PublishRequest['requestKeyframe'];
  #endReason: CloseReason | undefined;
  #cancelGrace: Cancel = () => undefined;
  #order = 0;
  #waiters: StreamWaiter[] = [];
  #lastSweep = 0;
  #bytesSinceSweep = 0;
  #lastWrite: Micros;
  #newestDts: Micros = ZERO;
  /** Publications that this stream has had. */
  publications = 0;

  constructor(name: string, settings: StreamSettings, dependencies: StreamDependencies) {
    this.name = name;
    this.settings = settings;
    this.clock = dependencies.clock;
    this.scope = dependencies.scope;
    this.events = dependencies.events;
    this.#onEnd = dependencies.onEnd;
    this.startedAt = this.clock.wallNow();
    this.#lastWrite = this.clock.now();
    this.settling = new Settling(settings, { clock: this.clock, scope: this.scope });
    this.#keyframes = new KeyframeRequests(
      { throttle: settings.keyframeRequestThrottle, repeat: settings.keyframeRequestRepeat },
      { clock: this.clock, scope: this.scope, ask: () => this.#requestKeyframe?.('video') },
    );
    this.scope.defer((reason) => this.end(reason));
  }

  get state(): 'live' | 'interrupted' | 'ended' {
    if (this.#endReason !== undefined) return 'ended';
    return this.#publication === undefined ? 'interrupted' : 'live';
  }

  get endReason(): CloseReason | undefined {
    return this.#endReason;
  }

  get publication(): Publication | undefined {
    return this.#publication;
  }

  /** Published tracks and renditions. */
  get tracks(): readonly Track[] {
    return [...this.#tracks.values()];
  }

  /** The published track of a kind. */
  findTrack(kind: MediaKind): Track | undefined {
    return this.#tracks.get(kind);
  }

  /** Subscribers that are somebody's, not the core's own readers. */
  get viewers(): number {
    let viewers = 0;
    for (const subscription of this.subscriptions) if (subscription.wishes.length > 0) viewers += 1;
    return viewers;
  }

  get canRequestKeyframe(): boolean {
    return this.#requestKeyframe !== undefined;
  }

  /** Hears of every request for a keyframe until the scope ends: a rendition can make one of its own. */
  onKeyframeRequest(scope: Scope, listener: () => void): void {
    const entry = { hear: listener };
    this.#keyframeListeners.add(entry);
    scope.defer(() => {
      this.#keyframeListeners.delete(entry);
    });
  }

  /** Merged with the requests of others, throttled, and repeated until answered. */
  requestKeyframe(): void {
    for (const entry of this.#keyframeListeners) entry.hear();
    if (this.#requestKeyframe !== undefined) this.#keyframes.request();
  }

  get keyframeRequestsSent(): number {
    return this.#keyframes.sent;
  }

  /** Takes a publisher on: the first, one that comes back, or one that replaces another. */
  attach(request: PublishRequest, scope: Scope): Publication {
    const before = this.#publication;
    this.#cancelGrace();
    const resumed = this.publications > 0;
    const timeline = new Timeline(
      { startAt: resumed ? this.#continueAt() : ZERO },
      {
        clock: this.clock,
        onDiscontinuity: (track, jumped) => this.events.emit(StreamDiscontinued, { stream: this, track, jumped }),
      },
    );
    const publication = new Publication(this, {
      session: request.session,
      scope,
      timeline,
      carrier: request.carrier ?? request.session.protocol,
      metadata: request.metadata ?? {},
    });
    this.#publication = publication;
    this.#requestKeyframe = request.requestKeyframe;
    this.#keyframes.answered();
    this.publications += 1;
    if (before !== undefined) void before.scope.close({ code: 'replaced', detail: `by ${request.session.id}` });
    scope.defer((reason) => this.#detach(publication, reason));
    this.settling.expect(request.expects);
    this.events.emit(resumed ? StreamResumed : StreamPublished, { stream: this });
    return publication;
  }

  /** The track of that id, new or taken up again. */
  openTrack(id: string, codec: CodecDescriptor): Track {
    const known = this.#tracks.get(id);
    if (known !== undefined) {
      this.#adoptCodec(known, codec);
      return known;
    }
    const track = new Track(id, codec);
    this.#tracks.set(id, track);
    this.settling.added(track.kind);
    this.events.emit(TrackAdded, { stream: this, track });
    return track;
  }

  /** A rendition's track leaves. */
  closeTrack(track: Track): void {
    if (this.#tracks.get(track.id) === track) this.#tracks.delete(track.id);
  }

  /** Nothing more will come on a rendition's track: those who waited for its tail past the end may go. */
  finishTrack(track: Track): void {
    if (!track.finishing) return;
    track.finishing = false;
    if (this.#endReason !== undefined) this.#wakeWaiters();
  }

  append(track: Track, unit: AccessUnit): void {
    if (unit.codec !== track.codec) this.#adoptCodec(track, unit.codec);
    track.lastDts = unit.dts;
    track.counters.units += 1;
    track.counters.bytes += unit.size;
    if (unit.keyframe && track.kind === 'video') {
      track.counters.keyframes += 1;
      this.#keyframes.answered();
    }
    this.#order += 1;
    track.log.append(unit, track, this.#order);
    this.#lastWrite = this.clock.now();
    if (unit.dts > this.#newestDts) this.#newestDts = unit.dts;
    this.#bytesSinceSweep += unit.size;
    // The audio beside a long video would otherwise be swept by its own short steps alone.
    if (this.#newestDts - this.#lastSweep >= sweepInterval || this.#bytesSinceSweep >= sweepBytes) this.#sweep();
    this.#wakeWaiters();
  }

  /** Wakes `waiter` once, at the next write or at the end: a subscription, or one who pulls for many of them. */
  addWaiter(waiter: StreamWaiter): void {
    this.#waiters.push(waiter);
  }

  /** Ends the stream. Subscribers read what is left, then hear why; those who don't are cut after a while. */
  end(reason: CloseReason): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    this.#cancelGrace();
    this.#onEnd(this, reason);
    void this.#publication?.scope.close(reason);
    this.settling.give();
    this.#wakeWaiters();
    const told: CloseReason = { code: 'publisher-left', detail: describeReason(reason) };
    const cut = (): void => {
      for (const subscription of [...this.subscriptions]) void subscription.scope.close(told);
      void this.scope.close(reason);
    };
    if (this.subscriptions.size === 0 || this.scope.closed) cut();
    else afterIn(this.scope, this.clock, this.settings.drain, cut);
  }

  /** Called when a subscriber has left; a stream that has ended goes with the last of them. */
  left(subscription: Subscription): void {
    this.subscriptions.delete(subscription);
    if (this.#endReason !== undefined && this.subscriptions.size === 0) void this.scope.close(this.#endReason);
  }

  #detach(publication: Publication, reason: CloseReason): void {
    if (this.#publication !== publication) return;
    this.#publication = undefined;
    this.#requestKeyframe = undefined;
    if (!this.#mayResume(reason)) {
      this.end(reason);
      return;
    }
    this.#cancelGrace = afterIn(this.scope, this.clock, this.settings.reconnectGrace, () => this.end(reason));
    this.events.emit(StreamInterrupted, { stream: this, reason });
  }

  /** A goodbye ends the stream, unless a standby source is named for it. */
  #mayResume(reason: CloseReason): boolean {
    if (this.#endReason !== undefined || this.settings.reconnectGrace === 0) return false;
    if (reason.code === 'peer-left' || reason.code === 'timeout' || reason.code === 'failed') return true;
    return reason.code === 'done' && this.settings.standby.has(this.name);
  }

  /** The timeline goes on by the time that passed, so that viewers' clocks stay right. */
  #continueAt(): Micros {
    const passed = this.clock.now() - this.#lastWrite;
    return micros(this.#newestDts + Math.max(1_000, passed));
  }

  #adoptCodec(track: Track, codec: CodecDescriptor): void {
    const before = track.codec;
    if (before === codec) return;
    track.adopt(codec);
    this.events.emit(TrackCodecChanged, { stream: this, track, before });
  }

  #sweep(): void {
    this.#lastSweep = this.#newestDts;
    this.#bytesSinceSweep = 0;
    sweep(this.tracks, this.subscriptions, this.settings.cache);
  }

  #wakeWaiters(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (let index = 0; index < waiters.length; index += 1) waiters[index]?.wake();
  }
}
