import { randomBytes } from 'node:crypto';
import type { Publication } from '../../core/streams/publication.ts';
import type { Stream } from '../../core/streams/stream.ts';
import type { StreamRegistry } from '../../core/streams/stream-registry.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { MediaKind, Track } from '../../core/streams/track.ts';

/** One peer's use of one stream: what WCS calls a stream, of media type publish or play. */
export type MediaSession =
  | { readonly type: 'publish'; readonly id: string; readonly stream: Stream; readonly holder: Publication }
  | { readonly type: 'play'; readonly id: string; readonly stream: Stream; readonly holder: Subscription };

/** Gives every publication and subscription an id of its own, as long as it lives. */
export class MediaSessions {
  readonly #streams: StreamRegistry;
  readonly #ids = new WeakMap<object, string>();
  /** Ids of another run of the server never mean something of this one. */
  readonly #run = randomBytes(6).toString('hex');
  #next = 0;

  constructor(streams: StreamRegistry) {
    this.#streams = streams;
  }

  *all(): Generator<MediaSession> {
    for (const stream of this.#streams.all()) {
      const { publication } = stream;
      if (publication !== undefined)
        yield { type: 'publish', id: this.#idOf(publication), stream, holder: publication };
      for (const subscription of stream.subscriptions) {
        // Without wishes it is the core's own reader.
        if (subscription.wishes.length === 0) continue;
        yield { type: 'play', id: this.#idOf(subscription), stream, holder: subscription };
      }
    }
  }

  #idOf(holder: object): string {
    const known = this.#ids.get(holder);
    if (known !== undefined) return known;
    this.#next += 1;
    const id = `${this.#run}-${this.#next.toString(36).padStart(6, '0')}`;
    this.#ids.set(holder, id);
    return id;
  }
}

/** What a track carries. */
export interface TrackRates {
  /** Bits a second. */
  readonly bitrate: number;
  /** Units a second: of video, pictures. */
  readonly unitRate: number;
  /** Units of a group of pictures, on average; 0 before two keyframes have come. */
  readonly group: number;
}

interface Sample {
  readonly bytes: number;
  readonly units: number;
  readonly dts: number;
  readonly rates: TrackRates | undefined;
}

const atStart: Sample = { bytes: 0, units: 0, dts: 0, rates: undefined };
/** Long enough to even out a group of pictures or two, in µs of media. */
const window = 2_000_000;

/** Measures tracks between two askings, by the media's own clock, so that a burst of the network does not show. */
export class RateMeter {
  readonly #samples = new WeakMap<Track, Sample>();

  /** Over the last two seconds or more of media; at the first asking since the stream began. */
  measure(track: Track | undefined): TrackRates {
    if (track === undefined) return { bitrate: 0, unitRate: 0, group: 0 };
    const { bytes, units, keyframes } = track.counters;
    const before = this.#samples.get(track) ?? atStart;
    const dts = track.lastDts ?? 0;
    const span = dts - before.dts;
    if (before.rates !== undefined && span < window) return before.rates;
    const rates: TrackRates = {
      bitrate: span > 0 ? Math.round(((bytes - before.bytes) * 8e6) / span) : 0,
      // There is one unit more than intervals between units.
      unitRate: span > 0 ? ((units - Math.max(1, before.units)) * 1e6) / span : 0,
      group: track.kind === 'video' && keyframes > 1 ? Math.round(units / keyframes) : 0,
    };
    if (span >= window) this.#samples.set(track, { bytes, units, dts, rates });
    return rates;
  }
}

/** The track of a kind that somebody gets: of a player its rendition, of a publisher its own. */
export function trackOf(session: MediaSession, kind: MediaKind): Track | undefined {
  if (session.type === 'publish') return session.stream.findTrack(kind);
  return session.holder.tracks.find((track) => track.kind === kind);
}

/** How far the newest audio lies behind the newest video, in whole ms; 0 without both. */
export function synchronizationOf(stream: Stream): number {
  const video = stream.findTrack('video')?.lastDts;
  const audio = stream.findTrack('audio')?.lastDts;
  return video === undefined || audio === undefined ? 0 : Math.round((video - audio) / 1_000);
}
