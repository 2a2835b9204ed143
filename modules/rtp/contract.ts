import type { Buffer } from 'node:buffer';
import type { PortRange } from '../../core/config/schema.ts';
import { event } from '../../core/events/bus.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import { service } from '../../core/modules/service.ts';
import type { Publication } from '../../core/streams/publication.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { MediaKind, Track } from '../../core/streams/track.ts';
import type { Micros } from '../../core/time/micros.ts';

/** How the media of one payload type is told to a peer, in the words of SDP. */
export interface RtpFormat {
  /** 0 to 127. */
  readonly payloadType: number;
  /** As `a=rtpmap` writes it: `H264`, `MPEG4-GENERIC`. */
  readonly encoding: string;
  readonly clockRate: number;
  /** Channels, where rtpmap tells them. */
  readonly channels: number | undefined;
  /** What stands in `a=fmtp` behind the payload type: names in small letters. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** One medium that two peers have agreed on. */
export interface RtpMedium {
  readonly kind: MediaKind;
  readonly format: RtpFormat;
  /** Values of `a=rtcp-fb` that the peer takes: `nack pli`, `ccm fir`. */
  readonly feedback: readonly string[];
}

/** A stream of bytes to one peer, in which packets stand between other things (RFC 2326 10.12). */
export interface InterleavedSink {
  /** False when the system could not take all: then nothing more is written before `written` was called and `backlog` is 0. */
  write(bytes: Buffer, written: () => void): boolean;
  readonly backlog: number;
}

export interface InterleavedRoute {
  readonly kind: 'interleaved';
  readonly sink: InterleavedSink;
  readonly channel: number;
  readonly controlChannel: number;
}

export interface DatagramRoute {
  readonly kind: 'datagram';
  readonly ports: DatagramPorts;
  readonly address: string;
  readonly port: number;
  readonly controlPort: number;
}

/** Where the packets of one medium go, and those of its RTCP. */
export type RtpRoute = InterleavedRoute | DatagramRoute;

/** An even UDP port and the odd one above it. RFC 3550 11. */
export interface DatagramPorts {
  readonly port: number;
  readonly controlPort: number;
  /** The address they are bound to. */
  readonly address: string;
}

export interface PortsRequest {
  /** The local address to bind to: that on which the peer reached us. */
  readonly address: string;
  /**
   * `own`: for one peer alone, so that whatever comes in is its. `shared`: for many players, told apart by their addresses; it
   * costs a thousand players two ports.
   */
  readonly use: 'own' | 'shared';
  readonly kind: MediaKind;
  /** Ports to choose from; the plane's own when not told. */
  readonly range?: PortRange;
  /** For sending to a group (RFC 1112): how many networks away, out of the interface that has `address`. */
  readonly multicastTtl?: number;
}

export interface PlayLeg {
  readonly medium: RtpMedium;
  readonly route: RtpRoute;
}

export interface PlayRequest {
  readonly subscription: Subscription;
  readonly legs: readonly PlayLeg[];
  /** Called once, when there is nothing more to send. */
  readonly onEnd: () => void;
  /** Something came from the peer: it lives. */
  readonly onSign?: () => void;
}

/** The first packet that a peer gets of a medium. */
export interface RtpStart {
  readonly kind: MediaKind;
  readonly ssrc: number;
  readonly sequence: number;
  /** The moment at which playing begins, on the medium's clock: the same moment for all media. */
  readonly timestamp: number;
}

/** Subscription → packets to one peer. */
export interface RtpPlayback {
  /** Ready to start: what the peer will get first. Undefined for media of which nothing is there yet. */
  prepare(): readonly RtpStart[];
  /** Sends from here on. */
  start(): void;
  /** Sends nothing; `prepare` and `start` go on at the newest key frame. */
  pause(): void;
  /** RTCP that came on the peer's connection. */
  takeControl(kind: MediaKind, bytes: Buffer): void;
  ssrcOf(kind: MediaKind): number | undefined;
  inspect(): Record<string, unknown>;
}

export interface IngestLeg {
  readonly medium: RtpMedium;
  readonly route: RtpRoute;
}

export interface IngestRequest {
  readonly publication: Publication;
  readonly legs: readonly IngestLeg[];
  /** Datagrams may come from elsewhere than `route.address`. */
  readonly anySource: boolean;
}

/** Packets of one peer → publication. Ends with the publication's scope. */
export interface RtpIngest {
  /** A packet that came on the peer's connection. */
  takePacket(kind: MediaKind, bytes: Buffer): void;
  takeControl(kind: MediaKind, bytes: Buffer): void;
  /** Asks the peer for a key frame, where it has said that it can be asked. */
  requestKeyframe(): void;
  /** When media last came, our monotonic time. */
  readonly lastMedia: Micros;
  inspect(): Record<string, unknown>;
}

/** The media plane: those who signal never see a packet. */
export interface RtpPlane {
  /** How `codec` is told to a peer; undefined when RTP has no form for it. */
  formatFor(codec: CodecDescriptor, payloadType: number): RtpFormat | undefined;
  /** Whether media of this format can be taken in. */
  understands(kind: MediaKind, format: RtpFormat): boolean;
  /** What can be sent, best first. */
  targets(kind: MediaKind): readonly CodecTarget[];
  /** Opens ports of the range. Throws `limit-reached`, `port-unavailable`. They close with `scope`. */
  openPorts(request: PortsRequest, scope: Scope): Promise<DatagramPorts>;
  /**
   * A peer is going to use this way: where its datagrams really come from is learned from here on, before it plays or publishes by
   * this very route. Throws TypeError for ports that are not of this plane.
   */
  expect(route: DatagramRoute, scope: Scope): void;
  play(request: PlayRequest, scope: Scope): RtpPlayback;
  ingest(request: IngestRequest): RtpIngest;
}

export const RtpPlane = service<RtpPlane>('rtp-plane');

/** A certificate's fingerprint. RFC 8122 5. */
export interface PeerFingerprint {
  /** `sha-256`, small letters. */
  readonly hash: string;
  /** Pairs of hexadecimal digits with colons. */
  readonly value: string;
}

/** What an offer says of the other end's transport. */
export interface RemotePeer {
  readonly ufrag: string;
  readonly password: string;
  /** One of them must fit (RFC 8122 5). */
  readonly fingerprints: readonly PeerFingerprint[];
  readonly setup: 'actpass' | 'active' | 'passive';
}

/** What the answer says of ours. */
export interface LocalPeer {
  readonly ufrag: string;
  readonly password: string;
  readonly fingerprint: PeerFingerprint;
  readonly setup: 'active' | 'passive';
  /** Values of `a=candidate`, best first. RFC 8839 5.1. */
  readonly candidates: readonly string[];
  /** The address and port of the first candidate, for `c=` and `m=`. */
  readonly address: string;
  readonly port: number;
}

/** Why a peer's transport did not come about, or was lost. */
export type PeerFailure = 'ice-timeout' | 'ice-error' | 'ice-keep-alive' | 'dtls-error' | 'dtls-fingerprint';

/** The way to one peer: ICE-lite, DTLS and SRTP on the ports that all peers share. Closes with its scope. */
export interface PeerTransport {
  readonly local: LocalPeer;
  /** Resolves when media can flow, or with what kept it from that. Never rejects. */
  readonly connected: Promise<PeerFailure | undefined>;
  /** Why it was lost, once it was. */
  readonly failure: PeerFailure | undefined;
  readonly scope: Scope;
  /**
   * ICE restart (RFC 8445 2.4): new credentials both ways, the candidates that there are by now, the same keys; the old way carries
   * until the new one was checked. Never rejects.
   */
  restart(remote: Pick<RemotePeer, 'ufrag' | 'password'>): Promise<LocalPeer>;
  inspect(): Record<string, unknown>;
}

export interface PeerTransportRequest {
  readonly remote: RemotePeer;
  /** Which candidates the peer is told; all when absent. */
  readonly only?: 'udp' | 'tcp';
}

/** A format as browsers agree on it. */
export interface PeerFormat extends RtpFormat {
  /** Values of `a=rtcp-fb` that both take: `nack`, `nack pli`, `ccm fir`, `goog-remb`, `transport-cc`. */
  readonly feedback: readonly string[];
  /** The payload type of its retransmissions (RFC 4588), where agreed. */
  readonly rtx: number | undefined;
}

/** One `m=` section that two peers have agreed on. */
export interface PeerMedium {
  readonly kind: MediaKind;
  readonly mid: string;
  /** What a publisher may send, or what a viewer takes: best first, never empty. */
  readonly formats: readonly PeerFormat[];
  /** Id of each agreed header extension by its URI. RFC 8285. */
  readonly extensions: ReadonlyMap<string, number>;
  /** A publisher's simulcast layers (RFC 8853), in the order of the description; empty without. */
  readonly rids: readonly string[];
  /** A publisher's sources as far as its description tells them (`a=ssrc`, `a=ssrc-group:FID`). */
  readonly sources: readonly { readonly ssrc: number; readonly rtx: number | undefined }[];
}

/** Bounds for the estimate of the bandwidth, bits a second. */
export interface PeerBitrate {
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface PeerPlayRequest {
  readonly transport: PeerTransport;
  readonly subscription: Subscription;
  /** One for each track of the subscription; its first format is sent. */
  readonly media: readonly PeerMedium[];
  /** The canonical name of RFC 3550 6.5.1. */
  readonly cname: string;
  readonly bitrate?: PeerBitrate;
}

export interface PeerIngestRequest {
  readonly transport: PeerTransport;
  readonly publication: Publication;
  readonly media: readonly PeerMedium[];
  readonly cname: string;
  readonly bitrate?: PeerBitrate;
}

/** Subscription → a browser. Waits for the transport by itself; ends with the subscription's scope. */
export interface PeerPlayback {
  /** For `a=ssrc` and `a=ssrc-group` of the answer. */
  sourceOf(kind: MediaKind): { readonly ssrc: number; readonly rtx: number | undefined } | undefined;
  /** Bytes of video sent, headers and all. */
  readonly videoBytes: number;
  inspect(): Record<string, unknown>;
}

/** The way to a viewer turned out too narrow for what it watches, or wide enough again: estimate and need in bits a second. */
export const ViewerBandwidthChanged = event<{
  subscription: Subscription;
  enough: boolean;
  estimate: number;
  needed: number;
}>('viewer:bandwidth-changed');

/** A viewer went over to another layer of the publisher's simulcast: it reads this track of its subscription from here on. */
export const ViewerLayerChanged = event<{ subscription: Subscription; track: Track }>('viewer:layer-changed');

/** A browser → publication. Ends with the publication's scope. */
export interface PeerIngest {
  /** Bytes of video received. */
  readonly videoBytes: number;
  /** When media last came, our monotonic time. */
  readonly lastMedia: Micros;
  requestKeyframe(): void;
  inspect(): Record<string, unknown>;
}

/** The media plane for browsers and others that speak ICE and DTLS. */
export interface PeerPlane {
  /** The header extensions that are understood in a direction, by URI. */
  extensions(kind: MediaKind, direction: 'publish' | 'play'): readonly string[];
  /** The values of `a=rtcp-fb` that are understood. */
  feedback(kind: MediaKind, direction: 'publish' | 'play'): readonly string[];
  /** Throws `limit-reached`, and `port-unavailable` when no port could be opened. */
  open(request: PeerTransportRequest, scope: Scope): Promise<PeerTransport>;
  play(request: PeerPlayRequest): PeerPlayback;
  ingest(request: PeerIngestRequest): PeerIngest;
}

export const PeerPlane = service<PeerPlane>('peer-plane');
