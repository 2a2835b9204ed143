import type { PortRange } from '../../core/config/schema.ts';
import type { Core } from '../../core/core.ts';
import { Demand } from '../../core/lifecycle/demand.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { type Micros, ZERO } from '../../core/time/micros.ts';
import type { DatagramPorts, DatagramRoute, PortsRequest } from './contract.ts';
import { type DatagramPeer, DatagramPeers, type PeerHearing } from './datagram-peers.ts';
import { openPorts } from './datagram-ports.ts';
import type { RtpCounters } from './metrics.ts';

export interface PortsBookDependencies {
  readonly core: Core;
  readonly counters: RtpCounters;
  readonly latchWindow: Micros;
}

/** The pairs of ports that are open, and who uses them. */
export class PortsBook {
  readonly #range: PortRange;
  readonly #dependencies: PortsBookDependencies;
  readonly #shared = new Map<string, Demand<DatagramPeers>>();
  readonly #peers = new WeakMap<DatagramPorts, DatagramPeers>();
  readonly #expected = new WeakMap<DatagramRoute, DatagramPeer>();
  readonly #open = new Set<DatagramPorts>();

  constructor(range: PortRange, dependencies: PortsBookDependencies) {
    this.#range = range;
    this.#dependencies = dependencies;
  }

  /** Pairs that are open. */
  get open(): number {
    return this.#open.size;
  }

  /** The numbers of all ports that are open. */
  *numbers(): Generator<number> {
    for (const { port, controlPort } of this.#open) {
      yield port;
      yield controlPort;
    }
  }

  /** Throws `limit-reached` and `port-unavailable`. */
  async take(request: PortsRequest, scope: Scope): Promise<DatagramPorts> {
    const peers = await (request.use === 'own' ? this.#openPair(request, scope) : this.#share(request, scope));
    return peers.ports;
  }

  /** Learns from here on where the peer really is. Throws TypeError for ports of another plane. */
  expect(route: DatagramRoute, scope: Scope): DatagramPeer {
    const peers = this.#peers.get(route.ports);
    if (peers === undefined) throw new TypeError('ports that this plane has not opened');
    const { address, port, controlPort } = route;
    const peer = peers.add({ address, port, controlPort, anySource: false });
    this.#expected.set(route, peer);
    scope.defer(() => peers.remove(peer));
    return peer;
  }

  /** Makes a peer's datagrams come in, until the scope ends. */
  attach(route: DatagramRoute, hearing: PeerHearing & { readonly anySource: boolean }, scope: Scope): DatagramPeer {
    const peer = this.#expected.get(route) ?? this.expect(route, scope);
    peer.details.anySource = hearing.anySource;
    peer.hearing = hearing;
    return peer;
  }

  #share(request: PortsRequest, scope: Scope): Promise<DatagramPeers> {
    const { core } = this.#dependencies;
    const name = `udp ports of ${request.kind} on ${request.address}`;
    const known = this.#shared.get(name);
    const demand =
      known ??
      new Demand<DatagramPeers>(
        { name, linger: ZERO },
        { clock: core.clock, parent: core.scope, open: (run) => this.#openPair(request, run) },
      );
    if (known === undefined) this.#shared.set(name, demand);
    return demand.use(scope);
  }

  async #openPair(request: PortsRequest, scope: Scope): Promise<DatagramPeers> {
    const { core, counters, latchWindow } = this.#dependencies;
    const ports = await openPorts({ ...request, range: request.range ?? this.#range }, scope);
    this.#open.add(ports);
    scope.defer(() => {
      this.#open.delete(ports);
    });
    const peers = new DatagramPeers(ports, { clock: core.clock, counters, latchWindow });
    this.#peers.set(ports, peers);
    return peers;
  }
}
