import { randomBytes } from 'node:crypto';
import type { Core } from '../../core/core.ts';
import { isError, SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import { describeCodec } from '../../core/media/codecs/describe-codec.ts';
import type { SubscribeRequest } from '../../core/streams/requests.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import type { PeerBitrate, PeerIngest, PeerPlane, PeerTransport, RemotePeer, RtpPlane } from '../rtp/contract.ts';
import type { WebRtcConfig } from './config.ts';
import type { PublishingPeer, ViewingPeer, WebRtcOffer, WebRtcPeers } from './contract.ts';
import type { WebRtcCounters } from './metrics.ts';
import {
  type AgreedSection,
  agreeToPlay,
  agreeToPublish,
  type Understanding,
  type ViewerSection,
  viewerSections,
} from './negotiation/agreement.ts';
import { labelOf, writeAnswer } from './negotiation/answer.ts';
import { type Offer, readOffer, readRemotePeer, taggedSection } from './negotiation/offer.ts';
import { wishesOf } from './negotiation/wishes.ts';
import { Peer } from './peer.ts';

export interface PeersDependencies {
  readonly core: Core;
  readonly rtp: RtpPlane;
  readonly plane: PeerPlane;
  readonly counters: WebRtcCounters;
}

/** What carries the media, whoever signals. */
const carrier = 'webrtc';

/** Offer → agreement → the core's door → transport → answer, for publishers and viewers. */
export class Peers implements WebRtcPeers {
  readonly #config: WebRtcConfig;
  readonly #d: PeersDependencies;

  constructor(config: WebRtcConfig, dependencies: PeersDependencies) {
    this.#config = config;
    this.#d = dependencies;
  }

  publish(request: WebRtcOffer): Promise<Peer & PublishingPeer> {
    return this.#attempt(request, (scope) => this.#publish(request, scope));
  }

  play(request: WebRtcOffer): Promise<Peer & ViewingPeer> {
    return this.#attempt(request, (scope) => this.#play(request, scope));
  }

  /** What was opened on the way to a failure closes. */
  async #attempt<P>(request: WebRtcOffer, answer: (scope: Scope) => Promise<P>): Promise<P> {
    const scope = request.parent.child('peer connection');
    try {
      return await answer(scope);
    } catch (error) {
      this.#d.counters.countRefusal(error);
      await scope.close({ code: 'refused', error });
      throw error;
    }
  }

  async #publish(request: WebRtcOffer, scope: Scope): Promise<Peer & PublishingPeer> {
    const { core, rtp, plane, counters } = this.#d;
    const { codecs, onConflict, mediaTimeout } = this.#config;
    const offer = readOffer(request.sdp);
    const agreed = agreeToPublish(
      offer,
      {
        stream: request.name,
        codecs: [...codecs.video, ...codecs.audio],
        understands: (kind, format) => rtp.understands(kind, format),
      },
      this.#understanding('publish', request),
    );
    const remote = this.#remoteOf(offer, agreed);
    const hearing: { ingest?: PeerIngest } = {};
    const publication = await core.streams.publish({
      name: request.name,
      session: request.session,
      credentials: request.credentials,
      onConflict,
      expects: agreed.map(({ medium }) => medium.kind),
      requestKeyframe: () => hearing.ingest?.requestKeyframe(),
      carrier,
      parent: scope,
    });
    publication.scope.defer((reason) => void scope.close(reason));
    const transport = await this.#open(request, remote, scope);
    const label = labelOf(request.label);
    const bitrate = this.#boundsOf(request);
    const ingest = plane.ingest({
      transport,
      publication,
      media: agreed.map(({ medium }) => medium),
      cname: label,
      bitrate,
    });
    hearing.ingest = ingest;
    const answer = writeAnswer(offer, agreed, {
      direction: 'publish',
      local: transport.local,
      sessionId: newId(),
      label,
      mostVideo: bitrate.maximum,
    });
    const peer = new Peer('publish', {
      ...{ answer, transport, scope, counters, clock: core.clock },
      remoteUfrag: remote.ufrag,
      videoBytes: () => ingest.videoBytes,
    });
    peer.expectMedia(mediaTimeout, () => ingest.lastMedia);
    return Object.assign(peer, { publication });
  }

  async #play(request: WebRtcOffer, scope: Scope): Promise<Peer & ViewingPeer> {
    const { core, rtp, plane, counters } = this.#d;
    const offer = readOffer(request.sdp);
    const viewers = viewerSections(offer, (kind, name) => rtp.targets(kind).some(({ codec }) => codec === name));
    if (viewers.length === 0) throw nothingToSend(request);
    const subscription = await this.#subscribe(request, viewers, scope);
    subscription.scope.defer((reason) => void scope.close(reason));
    const agreed = this.#agreeToPlay(request, viewers, subscription);
    const remote = this.#remoteOf(offer, agreed);
    const transport = await this.#open(request, remote, scope);
    // Whoever ends the session: the viewer hears why while it can still be reached.
    transport.scope.defer((reason) => void subscription.scope.close(reason));
    const label = labelOf(request.label);
    const bitrate = this.#boundsOf(request);
    const playback = plane.play({
      transport,
      subscription,
      media: agreed.map(({ medium }) => medium),
      cname: label,
      bitrate,
    });
    const answer = writeAnswer(offer, agreed, {
      direction: 'play',
      local: transport.local,
      sessionId: newId(),
      label,
      sourceOf: (kind) => playback.sourceOf(kind),
    });
    const peer = new Peer('play', {
      ...{ answer, transport, scope, counters, clock: core.clock },
      remoteUfrag: remote.ufrag,
      videoBytes: () => playback.videoBytes,
    });
    return Object.assign(peer, { subscription });
  }

  /**
   * Strictly first: what the offer lists, and no B-frames. What nothing can transcode then goes to the viewer as it is, if
   * only doubt stands in the way: an unlisted profile, or a stream that does not say whether it has B-frames.
   */
  async #subscribe(request: WebRtcOffer, viewers: readonly ViewerSection[], scope: Scope): Promise<Subscription> {
    const { streams } = this.#d.core;
    const { name, session, credentials } = request;
    const anyProfile = this.#config.unlistedProfiles === 'pass';
    const wanted = (trust: boolean): SubscribeRequest => ({
      ...{ name, session, credentials, parent: scope, start: 'fresh' as const, carrier },
      wishes: wishesOf(viewers, {
        codecs: [...this.#config.codecs.video, ...this.#config.codecs.audio],
        picture: request.picture ?? {},
        source: (kind) => this.#sourceOf(name, kind),
        anyProfile: anyProfile || trust,
        trustFrames: trust,
      }),
    });
    try {
      return await streams.subscribe(wanted(false));
    } catch (error) {
      const isRefusal = isError(error, 'codecs-do-not-match') || isError(error, 'budget-spent');
      if (!isRefusal || !this.#isDoubtful(request)) throw error;
      return streams.subscribe(wanted(true));
    }
  }

  #isDoubtful({ name, picture }: WebRtcOffer): boolean {
    const codec = this.#sourceOf(name, 'video');
    return codec?.name === 'h264' && codec.bFrames !== true && picture?.bitrate === undefined;
  }

  #sourceOf(name: string, kind: MediaKind): CodecDescriptor | undefined {
    const { streams } = this.#d.core;
    return streams.find(streams.baseOf(name))?.findTrack(kind)?.codec;
  }

  /** A section for every track that is read; of those without one the offer is told no. */
  #agreeToPlay(
    request: WebRtcOffer,
    viewers: readonly ViewerSection[],
    subscription: Subscription,
  ): readonly AgreedSection[] {
    const ours = this.#understanding('play', request);
    const agreed: AgreedSection[] = [];
    for (const viewer of viewers) {
      const track = subscription.tracks.find(({ kind }) => kind === viewer.kind);
      if (track === undefined) continue;
      // The wish has seen to the profile where it matters; here it only chooses among formats.
      const found =
        agreeToPlay(viewer, track.codec, { anyProfile: false }, ours) ??
        agreeToPlay(viewer, track.codec, { anyProfile: true }, ours);
      if (found === undefined) throw nothingFits(request, viewer, track.codec);
      agreed.push(found);
    }
    return agreed;
  }

  #remoteOf(offer: Offer, agreed: readonly AgreedSection[]): RemotePeer {
    const tagged = taggedSection(
      offer,
      agreed.map(({ section }) => section),
    );
    if (tagged === undefined) throw new TypeError('nothing was agreed on');
    return readRemotePeer(offer, tagged);
  }

  async #open({ transport }: WebRtcOffer, remote: RemotePeer, scope: Scope): Promise<PeerTransport> {
    const opened = await this.#d.plane.open({ remote, ...(transport === 'tcp' ? { only: transport } : {}) }, scope);
    if (scope.closed) throw new SwitchyardError('closed', { what: 'The peer', why: 'it left before it was answered' });
    return opened;
  }

  #boundsOf({ bitrate }: WebRtcOffer): PeerBitrate {
    return { ...this.#config.bitrate, ...bitrate };
  }

  #understanding(direction: 'publish' | 'play', { orientation }: WebRtcOffer): Understanding {
    const { plane } = this.#d;
    return {
      extensions: (kind) => plane.extensions(kind, direction),
      feedback: (kind) => plane.feedback(kind, direction),
      orientation: orientation === true,
    };
  }
}

/** Digits for the `o=` line: of 62 bits (RFC 9429 5.2.1). */
function newId(): string {
  return (randomBytes(8).readBigUInt64BE() >> 2n).toString();
}

function nothingToSend({ name }: WebRtcOffer): SwitchyardError {
  const wanted = 'nothing that can be sent by RTP';
  return new SwitchyardError('codecs-do-not-match', { stream: name, wanted, published: 'no form that was asked for' });
}

function nothingFits({ name }: WebRtcOffer, viewer: ViewerSection, codec: CodecDescriptor): SwitchyardError {
  const wanted = viewer.formats.map(({ encoding }) => encoding).join(', ');
  return new SwitchyardError('codecs-do-not-match', { stream: name, wanted, published: describeCodec(codec) });
}
