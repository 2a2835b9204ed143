import type { Scope } from '../../../core/lifecycle/scope.ts';
import { portUnavailable } from '../../../core/modules/listen.ts';
import type { Occupancy } from '../../../core/net/occupancy.ts';
import type { Clock } from '../../../core/time/clock.ts';
import { candidatePriority } from './candidates.ts';
import type { DatagramDriver } from './engines.ts';
import type { IceChecks } from './ice-checks.ts';
import type { PeerCounters } from './metrics.ts';
import { TcpDoor } from './tcp-door.ts';
import { UdpDoor } from './udp-door.ts';

export interface EntranceDependencies {
  readonly clock: Clock;
  readonly checks: IceChecks;
  readonly counters: PeerCounters;
  readonly datagrams: DatagramDriver;
  /** Connections of all addresses together. */
  readonly occupancy: Occupancy;
  /** Bytes that may wait for a peer that does not read its connection. */
  readonly tcpBacklog: number;
}

/** An address of this host at which peers are met: its UDP port and, where wanted, its TCP port. */
export class Entrance {
  readonly address: string;
  /** Its place among all addresses that peers are told, best first: no two have the same. */
  readonly index: number;
  readonly #d: EntranceDependencies;
  #udp: { readonly door: UdpDoor; readonly scope: Scope } | undefined;
  #tcp: { readonly door: TcpDoor; readonly scope: Scope } | undefined;

  constructor(place: Pick<Entrance, 'address' | 'index'>, dependencies: EntranceDependencies) {
    this.address = place.address;
    this.index = place.index;
    this.#d = dependencies;
  }

  get hasUdp(): boolean {
    return this.#udp !== undefined;
  }

  get hasTcp(): boolean {
    return this.#tcp !== undefined;
  }

  /** Whether a peer is on one of its ports. */
  get isUsed(): boolean {
    return this.#udp?.door.isUsed === true || this.#tcp?.door.isUsed === true;
  }

  /** Until `scope` ends, or `close`. Throws `port-unavailable`. */
  async openUdp(port: number, scope: Scope): Promise<void> {
    const { address, index } = this;
    const { checks, counters, datagrams } = this.#d;
    const door = new UdpDoor({ address, priority: candidatePriority('udp', index) }, { checks, counters });
    const own = scope.child(`udp ${address}`);
    try {
      const socket = await datagrams.bind(
        address,
        port,
        (bytes, from) => door.receive(bytes, from),
        () => {
          counters.sendErrors += 1;
        },
      );
      own.defer(() => socket.close());
      door.socket = socket;
    } catch (error) {
      await own.close({ code: 'failed', error });
      throw portUnavailable(error, { module: 'rtp', host: address, port, key: 'rtp.peers.udpPort' });
    }
    this.#udp = { door, scope: own };
    own.defer(() => {
      this.#udp = undefined;
    });
  }

  /** As `openUdp`. */
  async openTcp(port: number, scope: Scope): Promise<void> {
    const { address, index } = this;
    const { tcpBacklog } = this.#d;
    const place = { address, priority: candidatePriority('tcp', index) };
    const door = new TcpDoor(place, { backlog: tcpBacklog }, this.#d);
    const own = scope.child(`tcp ${address}`);
    try {
      await door.open(port, 'rtp.peers.tcpPort', own);
    } catch (error) {
      await own.close({ code: 'failed', error });
      throw error;
    }
    this.#tcp = { door, scope: own };
    own.defer(() => {
      this.#tcp = undefined;
    });
  }

  async close(): Promise<void> {
    const reason = { code: 'done', detail: 'the address is gone' } as const;
    await Promise.all([this.#udp?.scope.close(reason), this.#tcp?.scope.close(reason)]);
  }
}
