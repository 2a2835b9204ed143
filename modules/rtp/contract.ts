import type { Buffer } from 'node:buffer';
import type { PortRange } from '../../core/config/schema.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import { service } from '../../core/modules/service.ts';
import type { Publication } from '../../core/streams/publication.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { MediaKind } from '../../core/streams/track.ts';
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
