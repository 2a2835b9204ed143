import type { Credentials } from '../../core/access/access-control.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { service } from '../../core/modules/service.ts';
import type { Session } from '../../core/sessions/session.ts';
import type { Publication } from '../../core/streams/publication.ts';
import type { Subscription } from '../../core/streams/subscription.ts';

/** What a signalling module hands over: an offer that has reached it, and for whom. */
export interface WebRtcOffer {
  readonly sdp: string;
  /** The stream's name, not yet checked. */
  readonly name: string;
  readonly session: Session;
  readonly credentials: Credentials;
  /** Lifetime of the peer: everything that it opens ends with this. */
  readonly parent: Scope;
  /** The stream id in the answer's `a=msid`, one for all tracks, and the peer's cname. */
  readonly label: string;
  /** `tcp`: candidates of UDP are left out of the answer. */
  readonly transport?: 'udp' | 'tcp';
  /** Whether video orientation (urn:3gpp:video-orientation) is kept in the answer. */
  readonly orientation?: boolean;
  /** What the picture should be: a viewer's wish, equal to the source costs nothing. Bits a second. */
  readonly picture?: { readonly width?: number; readonly height?: number; readonly bitrate?: number };
  /** Bounds for the estimate of the bandwidth, bits a second. */
  readonly bitrate?: { readonly minimum?: number; readonly maximum?: number };
}

/** Why a peer's transport did not come about, or was lost. */
export type WebRtcFailure =
  | 'ice-timeout'
  | 'ice-error'
  | 'ice-keep-alive'
  | 'dtls-error'
  | 'dtls-fingerprint'
  | 'no-media';

/** A peer connection that this end has answered. */
export interface WebRtcPeer {
  /** Complete, with every candidate; CRLF. */
  readonly answer: string;
  /** Resolves when media can flow, or with what kept it from that. Never rejects. */
  readonly connected: Promise<WebRtcFailure | undefined>;
  /** Why the transport was lost, once it was. */
  readonly failure: WebRtcFailure | undefined;
  /** Closes when the peer is gone, for whatever reason. */
  readonly scope: Scope;
  /** Bytes of video on the wire so far: received from a publisher, sent to a viewer. */
  readonly videoBytes: number;
}

export interface PublishingPeer extends WebRtcPeer {
  readonly publication: Publication;
}

export interface ViewingPeer extends WebRtcPeer {
  readonly subscription: Subscription;
}

/**
 * Peer connections for modules that only signal. Both answer an offer once, with all candidates, and ask the policies by
 * way of the core's two doors. They throw what `streams.publish` and `streams.subscribe` throw, `codecs-do-not-match`
 * when the offer has nothing that fits, and `protocol-violation` for an offer that is no SDP.
 */
export interface WebRtcPeers {
  publish(offer: WebRtcOffer): Promise<PublishingPeer>;
  play(offer: WebRtcOffer): Promise<ViewingPeer>;
}

export const WebRtcPeers = service<WebRtcPeers>('webrtc-peers');
