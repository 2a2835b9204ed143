import type { AacCodec, OpusCodec } from '../../core/media/codecs/codec-descriptor.ts';
import type { AdvertisedUrl, Module } from '../../core/modules/module.ts';
import type { MediaKind } from '../../core/streams/track.ts';

/** A unit as a protocol's client got it. */
export interface ReceivedUnit {
  readonly kind: MediaKind;
  /** What `numberedVideo` and `numberedAudio` wrote. */
  readonly number: number;
  /** Presentation time in ms, on whatever zero the protocol has. */
  readonly millis: number;
  readonly keyframe: boolean;
}

/** A client that plays. */
export interface HarnessPlayer {
  readonly units: readonly ReceivedUnit[];
  /** Resolves with the protocol's own words when the server says that it is over. */
  readonly ended: Promise<string>;
  close(): Promise<void>;
  /** Stops reading, as a phone in a tunnel; absent where clients ask for each piece. */
  stall?(): void;
  resume?(): void;
}

/** A client that publishes numbered units. */
export interface HarnessPublisher {
  video(number: number, keyframe: boolean): void;
  audio(number: number): void;
  /** Says goodbye as the protocol wants it. */
  leave(): Promise<void>;
  /** Goes without a word; `how` is one of the harness's `vanishings`. */
  vanish(how?: string): void;
}

/** How one protocol is driven by the suite. */
export interface ProtocolHarness {
  readonly protocol: string;
  readonly modules: readonly Module[];
  /** The modules' sections, on loopback and ports of the system's choice. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What the numbered sound says it is; AAC when not told. */
  readonly audioCodec?: AacCodec | OpusCodec;
  /**
   * A player is brought to the present as fast as may be: pictures that were there before it come with their times moved together, and
   * only what is newer comes in its own time.
   */
  readonly catchesUp?: boolean;
  /** How publishers may vanish, where there is more than one way: what `vanish` is given. */
  readonly vanishings?: readonly string[];
  /** Opens what the first client opens for all that follow: the scopes of that are no client's. */
  readonly warmUp?: (clients: ProtocolClients) => Promise<void>;
  /** Words that the protocol has for each refusal. */
  readonly words: {
    readonly notFound: RegExp;
    readonly refusedToPlay: RegExp;
    readonly ended: RegExp;
    readonly nameTaken?: RegExp;
    readonly refusedToPublish?: RegExp;
  };
  /** Finds the server's address in what its modules advertise. */
  connect(urls: readonly AdvertisedUrl[]): ProtocolClients;
}

/** Both reject with the protocol's own words when the server refuses. */
export interface ProtocolClients {
  play(name: string): Promise<HarnessPlayer>;
  publish?(name: string): Promise<HarnessPublisher>;
}
