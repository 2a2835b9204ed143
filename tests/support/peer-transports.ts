import { Scope } from '../../core/lifecycle/scope.ts';
import { silentLog } from '../../core/observe/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import { ManualClock } from '../../core/time/manual-clock.ts';
import { rtpConfig } from '../../modules/rtp/config.ts';
import type { PacketHearing } from '../../modules/rtp/peers/packet-transport.ts';
import {
  PeerTransports,
  type PeerTransportsDependencies,
  type PeerTransportsSettings,
} from '../../modules/rtp/transport/peer-transports.ts';
import type { Transport } from '../../modules/rtp/transport/transport.ts';
import { IcePeer, type IcePeerOptions } from './ice-peer.ts';
import { readSection } from './test-core.ts';

/** The transports of a module on loopback, with a clock that stands unless told. */
export class TestTransports<C extends Clock = ManualClock> {
  readonly clock: C;
  readonly failures: unknown[] = [];
  readonly scope = Scope.root('test', (_scope, error) => this.failures.push(error));
  readonly settings: PeerTransportsSettings;
  readonly transports: PeerTransports;
  readonly #peers: IcePeer[] = [];

  constructor(clock: C, peers: Record<string, unknown> = {}, others: Partial<PeerTransportsDependencies> = {}) {
    this.clock = clock;
    const config = readSection(rtpConfig, { peers: { addresses: ['127.0.0.1'], ...peers } });
    this.settings = { ...config.peers, ports: config.ports };
    this.transports = new PeerTransports(this.settings, {
      ...{ clock, log: silentLog, scope: this.scope },
      ...others,
    });
  }

  static manual(peers: Record<string, unknown> = {}, others: Partial<PeerTransportsDependencies> = {}): TestTransports {
    return new TestTransports(new ManualClock(), peers, others);
  }

  get counters(): PeerTransports['counters'] {
    return this.transports.counters;
  }

  /** A transport and the peer that it is for, who has its answer and has done nothing. */
  async open(
    options: IcePeerOptions & { only?: 'udp' | 'tcp' } = {},
  ): Promise<{ transport: Transport; peer: IcePeer }> {
    const peer = await IcePeer.make(options);
    this.#peers.push(peer);
    const { only } = options;
    const request = { remote: peer.remote, ...(only === undefined ? {} : { only }) };
    const transport = await this.transports.open(request, this.scope);
    peer.meet(transport.local);
    return { transport, peer };
  }

  /** Both connected. */
  async connect(
    options: IcePeerOptions & { protocol?: 'udp' | 'tcp' } = {},
  ): Promise<{ transport: Transport; peer: IcePeer }> {
    const both = await this.open(options);
    await both.peer.connect(both.transport.local, options.protocol);
    await both.transport.connected;
    return both;
  }

  async close(): Promise<void> {
    for (const peer of this.#peers) peer.close();
    await this.scope.close({ code: 'shutdown' });
  }
}

/** What a transport tells its hearer. */
export class HeardPackets implements PacketHearing {
  connects = 0;
  readonly rtp: Buffer[] = [];
  readonly rtcp: Buffer[] = [];

  constructor(transport: Transport) {
    transport.listen(this);
  }

  onConnected(): void {
    this.connects += 1;
  }

  onRtp(bytes: Buffer): void {
    this.rtp.push(bytes);
  }

  onRtcp(bytes: Buffer): void {
    this.rtcp.push(bytes);
  }
}
