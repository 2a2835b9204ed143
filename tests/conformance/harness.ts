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
  /** Goes without a word. */
  vanish(): void;
}

/** How one protocol is driven by the suite. */
export interface ProtocolHarness {
  readonly protocol: string;
  readonly modules: readonly Module[];
  /** The modules' sections, on loopback and ports of the system's choice. */
  readonly config: Readonly<Record<string, unknown>>;
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
