import { flag, type Infer, section } from '../../core/config/schema.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { accepting } from '../../core/media/codec-target.ts';
import type { Module } from '../../core/modules/module.ts';
import { type Micros, ZERO } from '../../core/time/micros.ts';
import {
  type LocalPeer,
  type PeerFailure,
  type PeerIngest,
  type PeerIngestRequest,
  PeerPlane,
  type PeerPlayback,
  type PeerPlayRequest,
  type PeerTransport,
  type PeerTransportRequest,
  RtpPlane,
} from '../../modules/rtp/contract.ts';

const uris = {
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  rid: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  orientation: 'urn:3gpp:video-orientation',
  transport: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
};

/** A transport that does as it is told. */
export class FakePeerTransport implements PeerTransport {
  readonly request: PeerTransportRequest;
  readonly scope: Scope;
  readonly connected: Promise<PeerFailure | undefined>;
  failure: PeerFailure | undefined;
  local: LocalPeer;
  readonly #ends: (() => void)[] = [];
  readonly restarts: { ufrag: string; password: string }[] = [];
  readonly #settle: (failure: PeerFailure | undefined) => void;

  constructor(request: PeerTransportRequest, scope: Scope, number: number) {
    this.request = request;
    this.scope = scope.child('transport');
    this.scope.defer(() => this.#ends.forEach((end) => end()));
    let settle: (failure: PeerFailure | undefined) => void = () => undefined;
    this.connected = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settle = settle;
    const tcp = '2 1 tcp 1518214911 192.0.2.1 31001 typ host tcptype passive';
    const udp = '1 1 udp 2130706431 192.0.2.1 31000 typ host';
    this.local = {
      ufrag: `local${number}`,
      password: `aLocalPasswordOf22chars${number}`,
      fingerprint: { hash: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') },
      setup: 'passive',
      candidates: request.only === 'tcp' ? [tcp] : [udp, tcp],
      address: '192.0.2.1',
      port: request.only === 'tcp' ? 31_001 : 31_000,
    };
  }

  /** Called when the way is cut: as that of a real transport, behind what others do when its scope closes. */
  onEnd(end: () => void): void {
    this.#ends.push(end);
  }

  connect(): void {
    this.#settle(undefined);
  }

  fail(failure: PeerFailure): void {
    this.failure = failure;
    this.#settle(failure);
    void this.scope.close({ code: 'timeout' });
  }

  restart(remote: { ufrag: string; password: string }): Promise<LocalPeer> {
    this.restarts.push({ ufrag: remote.ufrag, password: remote.password });
    this.local = { ...this.local, ufrag: `restarted${this.restarts.length}` };
    return Promise.resolve(this.local);
  }

  inspect(): Record<string, unknown> {
    return {};
  }
}

/** The planes of the media without any media: they keep what they were asked. */
export class FakePeerPlane implements PeerPlane {
  readonly transports: FakePeerTransport[] = [];
  readonly plays: PeerPlayRequest[] = [];
  readonly ingests: PeerIngestRequest[] = [];
  keyframeRequests = 0;
  lastMedia: Micros = ZERO;
  videoBytes = 0;
  /** Thrown by the next `open`. */
  failsWith: Error | undefined;

  extensions(kind: 'video' | 'audio'): readonly string[] {
    return kind === 'video' ? Object.values(uris) : [uris.mid, uris.transport];
  }

  feedback(kind: 'video' | 'audio'): readonly string[] {
    return kind === 'video' ? ['nack', 'nack pli', 'ccm fir', 'transport-cc'] : ['transport-cc'];
  }

  async open(request: PeerTransportRequest, scope: Scope): Promise<FakePeerTransport> {
    if (this.failsWith !== undefined) throw this.failsWith;
    const transport = new FakePeerTransport(request, scope, this.transports.length + 1);
    this.transports.push(transport);
    return transport;
  }

  play(request: PeerPlayRequest): PeerPlayback {
    this.plays.push(request);
    return {
      sourceOf: (kind) => (kind === 'video' ? { ssrc: 1_111, rtx: 2_222 } : { ssrc: 3_333, rtx: undefined }),
      videoBytes: 7,
      inspect: () => ({}),
    };
  }

  ingest(request: PeerIngestRequest): PeerIngest {
    this.ingests.push(request);
    return new FakePeerIngest(this);
  }
}

class FakePeerIngest implements PeerIngest {
  readonly #plane: FakePeerPlane;

  constructor(plane: FakePeerPlane) {
    this.#plane = plane;
  }

  get videoBytes(): number {
    return this.#plane.videoBytes;
  }

  get lastMedia(): Micros {
    return this.#plane.lastMedia;
  }

  requestKeyframe(): void {
    this.#plane.keyframeRequests += 1;
  }

  inspect(): Record<string, unknown> {
    return {};
  }
}

/** What `RtpPlane` says of codecs; the rest of it is for those who have ports. */
export const fakeRtpPlane = {
  understands: () => true,
  targets: (kind: 'video' | 'audio') =>
    kind === 'video'
      ? accepting('h264', 'vp8', 'vp9', 'av1', 'h265')
      : accepting('opus', 'g722', 'pcmu', 'pcma', 'aac'),
} as unknown as RtpPlane;

const config = section({ silent: flag({ default: true, about: 'Nothing.' }) });

/** A module that provides the fake planes. */
export function fakePlaneModule(plane: FakePeerPlane): Module<Infer<typeof config>> {
  return {
    name: 'fake-rtp',
    about: 'Planes without media.',
    config,
    provides: [RtpPlane, PeerPlane],
    configure: (core) => {
      core.services.provide(RtpPlane, fakeRtpPlane);
      core.services.provide(PeerPlane, plane);
      return { start: async () => undefined, stop: async () => undefined };
    },
  };
}
