import type { Credentials } from '../access/access-control.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { CodecTarget } from '../media/codec-target.ts';
import type { PictureProfile, SoundProfile } from '../renditions/profile.ts';
import type { Session } from '../sessions/session.ts';
import type { Micros } from '../time/micros.ts';
import type { MediaKind } from './track.ts';

export interface PublishRequest {
  readonly name: string;
  readonly session: Session;
  readonly credentials: Credentials;
  /** What happens when the name is live already. */
  readonly onConflict: 'refuse' | 'replace';
  /** Kinds that are known to come; subscribers wait for them. Absent: the stream counts as complete after a moment. */
  readonly expects?: readonly MediaKind[];
  /** How the publisher is asked for a keyframe, when it can be. */
  readonly requestKeyframe?: (track: string) => void;
  /** Lifetime of the publication: a child of this, by default of the session's scope. */
  readonly parent?: Scope;
  /** What carries the media, where that is not the session's protocol: one signals for another. */
  readonly carrier?: string;
  /** Facts that the publisher told (RTMP metadata, SDP session name): for inspection only. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** One kind of medium that a subscriber wants. */
export interface TrackWish {
  readonly kind: MediaKind;
  /** Best first. */
  readonly accepts: readonly CodecTarget[];
  /** What a profile asked for by name adds to it (`room-720p`). */
  readonly profile?: PictureProfile | SoundProfile;
  /**
   * Whether the reader goes among the publisher's layers (`layers.ts`) by itself. Then a size or bit rate that it asks for is
   * met by the layer that comes nearest, where the stream has layers, and not by a transcoder.
   */
  readonly layered?: boolean;
  /** Whether the subscriber can do without when nothing matches. A kind that the stream has not at all is no failure. */
  readonly optional?: boolean;
}

export interface QueueBounds {
  /** Media time. */
  readonly duration: Micros;
  readonly bytes: number;
}

export interface SubscribeRequest {
  readonly name: string;
  readonly session: Session;
  readonly credentials: Credentials;
  readonly wishes: readonly TrackWish[];
  /**
   * Where to begin: with the cached group of pictures; at a fresh keyframe when the publisher can be asked for one (else
   * the cache); or at the next keyframe to come.
   */
  readonly start?: 'cached' | 'fresh' | 'live';
  /** Bounds of the queue, within those of the configuration. */
  readonly queue?: Partial<QueueBounds>;
  /** What carries the media, where that is not the session's protocol: one signals for another. */
  readonly carrier?: string;
  /** Lifetime of the subscription: a child of this, by default of the session's scope. */
  readonly parent?: Scope;
  /** One reader for many viewers, whom its module lets in one by one with `core.access`: no policy is asked here. */
  readonly admitted?: boolean;
}

/** Brings a stream into being when it is first wanted. */
export interface StreamSource {
  readonly name: string;
  claims(streamName: string): boolean;
  /** Publishes under `streamName`; resolves when it did. Everything it opens ends with `scope`. Throws `source-failed`. */
  open(streamName: string, scope: Scope): Promise<void>;
}
