import type { Credentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import { isError } from '../../core/errors.ts';
import type { Session } from '../../core/sessions/session.ts';
import type { SubscribeRequest } from '../../core/streams/requests.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import { answerMediaSourceOffer } from '../../wire/wcs/media-source-sdp.ts';
import type { ServerMessage } from '../../wire/wcs/server-message.ts';
import { streamInfo } from '../../wire/wcs/words.ts';
import { type WebRtcOffer, type WebRtcPeer, WebRtcPeers } from '../webrtc/contract.ts';
import { Batches, type WritePacer } from './batches.ts';
import type { WebSocketConfig } from './config.ts';
import type { MediaLinks } from './media-links.ts';
import type { WebSocketCounters } from './metrics.ts';
import type { PeerStream } from './peer-stream.ts';
import { Playback } from './playback.ts';
import { playRefusal, publishRefusal, transportFailure } from './status-info.ts';
import { mediaSourceWishes, pictureWish, trustingWishes } from './wishes.ts';

export interface StreamRequestDependencies {
  readonly config: WebSocketConfig;
  readonly core: Core;
  readonly counters: WebSocketCounters;
  readonly pacer: WritePacer;
  readonly session: Session;
  readonly links: MediaLinks;
  readonly credentials: Credentials;
  readonly send: (message: ServerMessage) => void;
}

/** A publisher is told so in the stream's info. */
const noRecording = 'Recording is not available: the record flag was ignored';
const kilobit = 1_000;

/** publishStream(offer) → setRemoteSDP(answer) → media can flow → PUBLISHING. */
export async function publishStream(stream: PeerStream, dependencies: StreamRequestDependencies): Promise<void> {
  const { core, counters } = dependencies;
  const { request } = stream;
  try {
    const peers = core.services.find(WebRtcPeers);
    if (request.mediaProvider !== 'WebRTC' || peers === undefined) {
      const isLive = core.streams.find(request.name)?.publication !== undefined;
      await stream.fail(isLive ? streamInfo.nameInUse : streamInfo.noCodecs);
      return;
    }
    const peer = await peers.publish(offerOf(stream, dependencies));
    if (stream.scope.closed) return;
    stream.carryPublication(peer.publication);
    counters.publishers += 1;
    stream.scope.defer(() => {
      counters.publishers -= 1;
    });
    await connectPeer(stream, peer, dependencies);
    stream.tellRunning(request.record ? noRecording : undefined);
  } catch (error) {
    await stream.fail(publishRefusal(error));
  }
}

/** playStream(offer) → setRemoteSDP(answer) → the transport is there → PLAYING. */
export async function playStream(stream: PeerStream, dependencies: StreamRequestDependencies): Promise<void> {
  const { request } = stream;
  const isScaled = request.width !== undefined || request.height !== undefined || request.bitrate !== undefined;
  try {
    if (request.mediaProvider === 'MSE') await playMediaSource(stream, dependencies);
    else if (request.mediaProvider === 'WebRTC') await playWebRtc(stream, dependencies);
    else await stream.fail(streamInfo.noCodecs);
  } catch (error) {
    await stream.fail(playRefusal(error, request.name, isScaled));
  }
}

async function playWebRtc(stream: PeerStream, dependencies: StreamRequestDependencies): Promise<void> {
  const { core, counters } = dependencies;
  const peers = core.services.find(WebRtcPeers);
  if (peers === undefined) {
    // Who asks for what is not there hears that first, as with every other provider.
    const isThere = core.streams.isWithinReach(stream.request.name);
    await stream.fail(isThere ? streamInfo.noCodecs : streamInfo.notFound);
    return;
  }
  const peer = await peers.play(offerOf(stream, dependencies));
  if (stream.scope.closed) return;
  stream.carrySubscription(peer.subscription);
  counters.playing.add(peer.subscription);
  await connectPeer(stream, peer, dependencies);
  stream.tellRunning();
}

function offerOf(stream: PeerStream, { core, session, credentials }: StreamRequestDependencies): WebRtcOffer {
  const { request, scope } = stream;
  const { minBitrate, maxBitrate } = request;
  return {
    sdp: request.sdp,
    name: request.name,
    session,
    credentials,
    parent: scope,
    label: request.mediaSessionId,
    transport: request.transport === 'TCP' ? 'tcp' : 'udp',
    orientation: request.cvoExtension,
    ...(stream.type === 'play' ? { picture: pictureWish(request, core.streams.find(request.name)) } : {}),
    bitrate: {
      ...(minBitrate === undefined ? {} : { minimum: minBitrate * kilobit }),
      ...(maxBitrate === undefined ? {} : { maximum: maxBitrate * kilobit }),
    },
  };
}

/** Sends the answer and waits for the transport; a peer that is lost later takes its stream with it. */
async function connectPeer(stream: PeerStream, peer: WebRtcPeer, deps: StreamRequestDependencies): Promise<void> {
  peer.scope.defer((reason) => {
    void (peer.failure === undefined ? stream.scope.close(reason) : stream.fail(transportFailure(peer.failure)));
  });
  deps.send(['setRemoteSDP', stream.id, peer.answer, true]);
  const failure = await peer.connected;
  if (failure !== undefined) await stream.fail(transportFailure(failure));
  else stream.videoBytes = () => peer.videoBytes;
}

/** Media over a second WebSocket, which the client opens when it has the answer. */
async function playMediaSource(stream: PeerStream, dependencies: StreamRequestDependencies): Promise<void> {
  const { config, counters, links, pacer, send } = dependencies;
  const subscription = await subscribeForMediaSource(stream, dependencies);
  if (stream.scope.closed) return;
  stream.carrySubscription(subscription);
  counters.playing.add(subscription);
  const has = (kind: 'video' | 'audio'): boolean => subscription.tracks.some((track) => track.kind === kind);
  const answer = answerMediaSourceOffer(stream.request.sdp, { video: has('video'), audio: has('audio') });
  const playback = new Playback(subscription, {
    onSize: (width, height) => stream.tellSize(width, height),
    onEnd: () => void stream.scope.close(subscription.scope.reason ?? { code: 'publisher-left' }),
  });
  send(['setRemoteSDP', stream.id, answer, true]);
  pacer.join(subscription.stream, playback, config.merge, stream.scope);
  links.addLink({
    playback,
    onConnected: () => stream.tellRunning(),
    onTimeout: (wasConnected) => void stream.fail(wasConnected ? streamInfo.keepAlive : streamInfo.iceTimeout),
  });
  playback.flush(new Batches());
}

async function subscribeForMediaSource(
  stream: PeerStream,
  { core, session, credentials }: StreamRequestDependencies,
): Promise<Subscription> {
  const { request, scope } = stream;
  const picture = pictureWish(request, core.streams.find(request.name));
  const wishes = mediaSourceWishes(picture, request);
  const wanted: SubscribeRequest = { name: request.name, session, credentials, wishes, parent: scope };
  try {
    return await core.streams.subscribe(wanted);
  } catch (error) {
    const trusting = trustingWishes(wishes, core.streams.find(request.name));
    if (!isError(error, 'codecs-do-not-match') || trusting === undefined) throw error;
    return core.streams.subscribe({ ...wanted, wishes: trusting });
  }
}
