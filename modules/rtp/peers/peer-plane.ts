import type { Core } from '../../../core/core.ts';
import type { Scope } from '../../../core/lifecycle/scope.ts';
import type { MediaKind } from '../../../core/streams/track.ts';
import type { RtpConfig } from '../config.ts';
import type {
  PeerIngest,
  PeerIngestRequest,
  PeerPlane,
  PeerPlayback,
  PeerPlayRequest,
  PeerTransport,
  PeerTransportRequest,
} from '../contract.ts';
import type { RtpCounters } from '../metrics.ts';
import type { PeerTransports } from '../transport/peer-transports.ts';
import { Transport } from '../transport/transport.ts';
import { peerExtensions, peerFeedback } from './header-extensions.ts';
import type { PacketTransport } from './packet-transport.ts';
import { PeerReceiver } from './peer-receiver.ts';
import { PeerSender, type ViewerGroups } from './peer-sender.ts';

export interface BrowserPlaneDependencies {
  readonly core: Pick<Core, 'clock' | 'events'>;
  readonly counters: RtpCounters;
  readonly transports: PeerTransports;
  readonly pacer: ViewerGroups;
}

/** Media to and from browsers. */
export class BrowserPlane implements PeerPlane {
  readonly #config: Pick<RtpConfig, 'reorder' | 'unitPackets'>;
  readonly #d: BrowserPlaneDependencies;

  constructor(config: Pick<RtpConfig, 'reorder' | 'unitPackets'>, dependencies: BrowserPlaneDependencies) {
    this.#config = config;
    this.#d = dependencies;
  }

  extensions(kind: MediaKind, direction: 'publish' | 'play'): readonly string[] {
    return peerExtensions(kind, direction);
  }

  feedback(kind: MediaKind): readonly string[] {
    return peerFeedback(kind);
  }

  open(request: PeerTransportRequest, scope: Scope): Promise<PeerTransport> {
    return this.#d.transports.open(request, scope);
  }

  play(request: PeerPlayRequest): PeerPlayback {
    const { core, counters, pacer } = this.#d;
    const { subscription, media, cname, bitrate } = request;
    return new PeerSender(
      { media, cname, ...(bitrate === undefined ? {} : { bitrate }) },
      { core, counters, transport: packetsOf(request.transport), subscription, pacer },
    );
  }

  ingest(request: PeerIngestRequest): PeerIngest {
    const { core, counters } = this.#d;
    const { publication, media, cname, bitrate } = request;
    return new PeerReceiver(
      { config: this.#config, media, cname, ...(bitrate === undefined ? {} : { bitrate }) },
      { core, counters, transport: packetsOf(request.transport), publication },
    );
  }
}

function packetsOf(transport: PeerTransport): PacketTransport {
  if (!(transport instanceof Transport)) throw new TypeError('a transport that this plane has not opened');
  return transport;
}
