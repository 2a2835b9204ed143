import { availableParallelism } from 'node:os';
import { SwitchyardError } from '../errors.ts';
import { Demand } from '../lifecycle/demand.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { type CodecTarget, targetKey } from '../media/codec-target.ts';
import { describeCodec } from '../media/codecs/describe-codec.ts';
import type { SessionRegistry } from '../sessions/session-registry.ts';
import type { TrackWish } from '../streams/requests.ts';
import type { Stream } from '../streams/stream.ts';
import type { StreamSettings } from '../streams/stream-settings.ts';
import type { Track } from '../streams/track.ts';
import { type RenditionProfile, targetsOf } from './profile.ts';
import { Rendition } from './rendition.ts';
import type { Transcoder } from './transcoder.ts';

/** A change that somebody offers to make. */
export interface Choice {
  readonly transcoder: Transcoder;
  readonly target: CodecTarget;
  readonly cores: number;
}

/** Finds or makes what no published track satisfies: the cheapest transcoder for the best target, shared. */
export class RenditionRegistry {
  #settings: StreamSettings['renditions'];
  readonly #sessions: SessionRegistry;
  readonly #transcoders = new Set<Transcoder>();
  readonly #preparing = new Set<Promise<void>>();
  readonly #demands = new Map<string, Demand<Track>>();
  readonly #running = new Set<Rendition>();
  readonly #profiles = new Map<string, RenditionProfile>();

  constructor(settings: StreamSettings['renditions'], dependencies: { sessions: SessionRegistry }) {
    this.#settings = settings;
    this.#sessions = dependencies.sessions;
  }

  /** Takes changed settings; what runs goes on as it began. */
  adjust(settings: StreamSettings['renditions']): void {
    this.#settings = settings;
  }

  /** Cores that transcoders may use together. */
  get budget(): number {
    return this.#settings.cores > 0 ? this.#settings.cores : availableParallelism() * 0.75;
  }

  /** Cores spoken for by what runs. */
  get spent(): number {
    let cores = 0;
    for (const rendition of this.#running) cores += rendition.settings.cores;
    return cores;
  }

  all(): Iterable<Rendition> {
    return this.#running;
  }

  /** Offers a transcoder until the scope ends. While `ready` is pending it does not know its costs, and wishes wait for it. */
  add(transcoder: Transcoder, scope: Scope, ready?: Promise<void>): void {
    this.#transcoders.add(transcoder);
    if (ready !== undefined) {
      this.#preparing.add(ready);
      void ready.finally(() => this.#preparing.delete(ready));
    }
    scope.defer(() => {
      this.#transcoders.delete(transcoder);
    });
  }

  /**
   * A rendition of the published `source` that satisfies `wish`, in use until `user` closes. Throws
   * `codecs-do-not-match`, `budget-spent`, or what the transcoder failed with.
   */
  async use(stream: Stream, source: Track, wish: TrackWish, user: Scope): Promise<Track> {
    if (this.#preparing.size > 0) await Promise.allSettled(this.#preparing);
    const published = describeCodec(source.codec);
    const wanted = targetsOf(wish, source.codec).map(targetKey).join(', ') || 'nothing';
    const [choice] = this.offers(source, wish);
    if (choice === undefined)
      throw new SwitchyardError('codecs-do-not-match', { stream: stream.name, wanted, published });
    const key = `${stream.name}\n${source.id}\n${targetKey(choice.target)}`;
    const known = this.#demands.get(key);
    if (known?.running !== true && this.spent + choice.cores > this.budget) {
      throw new SwitchyardError('budget-spent', { stream: stream.name, wanted, published, cores: this.budget });
    }
    const demand = known ?? this.#demand(key, stream, source, choice);
    return demand.use(user);
  }

  /** What could be made of the source for a wish: best target first, for each the cheapest first. */
  offers(source: Track, wish: TrackWish): readonly Choice[] {
    const offers: Choice[] = [];
    for (const target of targetsOf(wish, source.codec)) {
      const forTarget: Choice[] = [];
      for (const transcoder of this.#transcoders) {
        const cores = transcoder.cost(source.codec, target);
        if (cores !== undefined) forTarget.push({ transcoder, target, cores });
      }
      offers.push(...forTarget.sort((a, b) => a.cores - b.cores));
    }
    return offers;
  }

  /** The running rendition that makes a track. */
  findBy(track: Track): Rendition | undefined {
    for (const rendition of this.#running) if (rendition.track === track) return rendition;
    return undefined;
  }

  /** Offers profiles by the suffix that names them until the scope ends. */
  offerProfiles(profiles: ReadonlyMap<string, RenditionProfile>, scope: Scope): void {
    for (const [suffix, profile] of profiles) this.#profiles.set(suffix, profile);
    scope.defer(() => {
      for (const [suffix, profile] of profiles) {
        if (this.#profiles.get(suffix) === profile) this.#profiles.delete(suffix);
      }
    });
  }

  /** Every profile by its suffix: what a ladder is made of. */
  get profiles(): ReadonlyMap<string, RenditionProfile> {
    return this.#profiles;
  }

  /** The longest profile suffix of `name`, with what stands in front. */
  findProfile(name: string): { base: string; suffix: string; profile: RenditionProfile } | undefined {
    let found: { base: string; suffix: string; profile: RenditionProfile } | undefined;
    for (const [suffix, profile] of this.#profiles) {
      if (!name.endsWith(suffix) || name.length === suffix.length) continue;
      if (found === undefined || suffix.length > found.suffix.length) {
        found = { base: name.slice(0, -suffix.length), suffix, profile };
      }
    }
    return found;
  }

  #demand(key: string, stream: Stream, source: Track, choice: Choice): Demand<Track> {
    const id = `${source.id}~${targetKey(choice.target)}`;
    const demand = new Demand<Track>(
      { name: `rendition ${id}`, linger: this.#settings.linger },
      {
        clock: stream.clock,
        parent: stream.scope,
        open: (scope) => this.#open({ id, stream, source, choice, scope }),
      },
    );
    this.#demands.set(key, demand);
    stream.scope.defer(() => {
      if (this.#demands.get(key) === demand) this.#demands.delete(key);
    });
    return demand;
  }

  #open(plan: { id: string; stream: Stream; source: Track; choice: Choice; scope: Scope }): Promise<Track> {
    const { id, stream, source, choice, scope } = plan;
    const session = this.#sessions.open({ protocol: 'transcoder', remoteAddress: 'local', parent: scope });
    const rendition = new Rendition(
      {
        id,
        target: choice.target,
        cores: choice.cores,
        startTimeout: this.#settings.startTimeout,
        restartDelay: this.#settings.restartDelay,
      },
      { stream, source, transcoder: choice.transcoder, session, scope },
    );
    this.#running.add(rendition);
    scope.defer(() => {
      this.#running.delete(rendition);
    });
    return rendition.start();
  }
}
