import type { CloseReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import type { Publication } from '../../core/streams/publication.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import type { StreamRequest } from '../../wire/wcs/client-message.ts';
import type { ServerMessage, StreamStatusEvent } from '../../wire/wcs/server-message.ts';
import type { RelayedEvent, StreamEvent, StreamStatus } from '../../wire/wcs/words.ts';
import { endOf } from './status-info.ts';

/** What a stream needs of the session that it belongs to. */
export interface StreamOwner {
  readonly id: string;
  readonly appKey: string;
  send(...messages: readonly ServerMessage[]): void;
}

export interface PeerStreamDependencies {
  readonly owner: StreamOwner;
  readonly scope: Scope;
  /** Unix time in ms. */
  readonly createdAt: number;
  /** Publisher of the same stream over this protocol, for what a late viewer is told. */
  readonly findPublisher: (subscription: Subscription) => PeerStream | undefined;
  readonly onFailure: (info: string) => void;
}

/** One stream that a client publishes or plays. It ends in exactly one status, whatever happens. */
export class PeerStream {
  readonly type: 'publish' | 'play';
  readonly request: StreamRequest;
  readonly scope: Scope;
  readonly #dependencies: PeerStreamDependencies;
  #status: StreamStatus = 'PENDING';
  #publication: Publication | undefined;
  #subscription: Subscription | undefined;
  #refusal: string | undefined;
  /** The picture that the viewer was told of last. */
  #toldSize = '';
  readonly #muted = { audio: false, video: false };
  /** Bytes of video on the wire so far, where the peer's side compares them. */
  videoBytes: (() => number) | undefined;

  constructor(type: 'publish' | 'play', request: StreamRequest, dependencies: PeerStreamDependencies) {
    this.type = type;
    this.request = request;
    this.scope = dependencies.scope;
    this.#dependencies = dependencies;
    this.scope.defer((reason) => this.#tellEnd(reason));
  }

  get id(): string {
    return this.request.mediaSessionId;
  }

  get status(): StreamStatus {
    return this.#status;
  }

  get publication(): Publication | undefined {
    return this.#publication;
  }

  get subscription(): Subscription | undefined {
    return this.#subscription;
  }

  /** The stream's name as the core has it, once it is in. */
  get name(): string {
    return this.#publication?.stream.name ?? this.#subscription?.stream.name ?? this.request.name;
  }

  /** What it publishes; ends with it. */
  carryPublication(publication: Publication): void {
    this.#publication = publication;
    publication.scope.defer((reason) => void this.scope.close(reason));
  }

  /** What it plays; ends with it. */
  carrySubscription(subscription: Subscription): void {
    this.#subscription = subscription;
    subscription.scope.defer((reason) => void this.scope.close(reason));
  }

  /** PUBLISHING or PLAYING: from here on the client may use it. */
  tellRunning(info?: string): void {
    if (this.scope.closed || this.#status !== 'PENDING') return;
    this.#status = this.type === 'publish' ? 'PUBLISHING' : 'PLAYING';
    this.tellStatus(info);
    const picture = this.#codec('video');
    if (this.type === 'play' && picture?.kind === 'video') this.tellSize(picture.width, picture.height);
  }

  tellSize(width: number, height: number): void {
    const size = `${width}x${height}`;
    if (this.#status !== 'PLAYING' || size === this.#toldSize) return;
    this.#toldSize = size;
    this.tellEvent('resize', { streamerVideoWidth: width, streamerVideoHeight: height });
  }

  tellEvent(type: StreamEvent, payload: unknown): void {
    this.#dependencies.owner.send(['notifyStreamEvent', { mediaSessionId: this.id, type, payload }]);
  }

  tellStatus(info?: string): void {
    this.#dependencies.owner.send(['notifyStreamStatusEvent', this.describe(info)]);
  }

  /** Ends it as FAILED with one of the protocol's texts. */
  fail(info: string): Promise<void> {
    this.#refusal = info;
    return this.scope.close({ code: 'refused', detail: info });
  }

  /** Keeps what the publisher says of its devices, for viewers to come. */
  noteEvent(type: RelayedEvent): void {
    if (type === 'audioMuted' || type === 'audioUnmuted') this.#muted.audio = type === 'audioMuted';
    if (type === 'videoMuted' || type === 'videoUnmuted') this.#muted.video = type === 'videoMuted';
  }

  /** As WCS fills it. */
  describe(info?: string): StreamStatusEvent {
    const { request } = this;
    const { owner, createdAt } = this.#dependencies;
    const publisher =
      this.#subscription === undefined ? this : (this.#dependencies.findPublisher(this.#subscription) ?? this);
    const muted = publisher.#muted;
    const picture = this.#codec('video');
    return {
      appKey: owner.appKey,
      sessionId: owner.id,
      mediaSessionId: this.id,
      name: request.name,
      published: this.type === 'publish',
      hasVideo: request.hasVideo,
      hasAudio: request.hasAudio,
      status: this.#status,
      audioCodec: codecName(this.#codec('audio')),
      videoCodec: codecName(picture),
      record: false,
      width: picture?.kind === 'video' ? picture.width : 0,
      height: picture?.kind === 'video' ? picture.height : 0,
      bitrate: request.bitrate ?? 0,
      minBitrate: request.minBitrate ?? 0,
      maxBitrate: request.maxBitrate ?? 0,
      createDate: createdAt,
      mediaType: this.type,
      mediaProvider: request.mediaProvider,
      audioState: { muted: muted.audio },
      videoState: { muted: muted.video },
      ...(info === undefined ? {} : { info }),
      ...(request.custom === undefined ? {} : { custom: request.custom }),
    };
  }

  #codec(kind: MediaKind): CodecDescriptor | undefined {
    const track = this.#publication?.stream.findTrack(kind);
    return (track ?? this.#subscription?.tracks.find((one) => one.kind === kind))?.codec;
  }

  #tellEnd(reason: CloseReason): void {
    const end =
      this.#refusal === undefined ? endOf(this.type, reason) : ({ status: 'FAILED', info: this.#refusal } as const);
    this.#status = end.status;
    if (end.status === 'FAILED') this.#dependencies.onFailure(end.info);
    this.tellStatus(end.info);
  }
}

/** As WCS writes codecs, after SDP. */
function codecName(codec: CodecDescriptor | undefined): string {
  if (codec === undefined) return '';
  return codec.name === 'aac' ? 'mpeg4-generic' : codec.name.toUpperCase();
}
