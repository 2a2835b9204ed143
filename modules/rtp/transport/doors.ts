import { isIP } from 'node:net';
import type { PortRange } from '../../../core/config/schema.ts';
import { SwitchyardError } from '../../../core/errors.ts';
import type { Scope } from '../../../core/lifecycle/scope.ts';
import { portUnavailable } from '../../../core/modules/listen.ts';
import { Occupancy } from '../../../core/net/occupancy.ts';
import type { Log } from '../../../core/observe/log.ts';
import type { Clock } from '../../../core/time/clock.ts';
import { seconds } from '../../../core/time/micros.ts';
import { canonicalAddress } from '../../../wire/stun/address.ts';
import { type Candidate, candidatePriority, discoverAddresses } from './candidates.ts';
import type { DatagramDriver } from './engines.ts';
import { Entrance, type EntranceDependencies } from './entrance.ts';
import type { IceChecks } from './ice-checks.ts';
import type { PeerCounters } from './metrics.ts';
import { isTaken, openFreePort } from './port-search.ts';

export interface DoorsSettings {
  /** Where a port is looked for that is 0. */
  readonly ports: PortRange;
  /** Of this host; found by its interfaces when empty. */
  readonly addresses: readonly string[];
  /** At which a translator in front of this host hands through the same ports. */
  readonly publicAddresses: readonly string[];
  readonly udpPort: number;
  readonly tcp: boolean;
  readonly tcpPort: number;
  readonly tcpConnections: number;
  readonly tcpConnectionsPerAddress: number;
  readonly tcpBacklog: number;
}

export interface DoorsDependencies {
  readonly clock: Clock;
  readonly log: Log;
  readonly checks: IceChecks;
  readonly counters: PeerCounters;
  readonly datagrams: DatagramDriver;
  /** The addresses of this host, best first; those of its interfaces when absent. */
  readonly findAddresses?: () => readonly string[];
}

/** Chromium passes over candidates below, without a word. */
const lowestPort = 1_024;
/** The host is asked for its addresses no more often: that costs a list of all interfaces. */
const lookInterval = seconds(1);

/** What all peers share: a UDP port and a TCP port, each the same on every address that the host has. */
export class Doors {
  readonly #settings: DoorsSettings;
  readonly #d: DoorsDependencies;
  readonly #scope: Scope;
  readonly #publicAddresses: readonly string[];
  readonly #entrance: EntranceDependencies;
  /** By address. Some may be gone from the host already, but have peers. */
  readonly #entrances = new Map<string, Entrance>();
  /** Addresses that could not be opened, which has been said. */
  readonly #unusable = new Set<string>();
  #udpPort = 0;
  #tcpPort: number | undefined;
  #candidates: readonly Candidate[] = [];
  #addresses: readonly string[] = [];
  #lookedAt = -Infinity;
  #looking: Promise<void> | undefined;

  private constructor(settings: DoorsSettings, dependencies: DoorsDependencies, scope: Scope) {
    const { tcpConnections: total, tcpConnectionsPerAddress: perAddress, tcpBacklog } = settings;
    this.#settings = settings;
    this.#d = dependencies;
    this.#scope = scope;
    this.#publicAddresses = settings.publicAddresses.map(checkedAddress);
    this.#entrance = { ...dependencies, tcpBacklog, occupancy: new Occupancy({ total, perAddress }) };
  }

  /** Opens all ports. Throws `port-unavailable`, `limit-reached`. They close with the scope. */
  static async open(settings: DoorsSettings, dependencies: DoorsDependencies, scope: Scope): Promise<Doors> {
    const doors = new Doors(settings, dependencies, scope);
    await doors.#openAll();
    return doors;
  }

  get udpPort(): number {
    return this.#udpPort;
  }

  /** Undefined without TCP. */
  get tcpPort(): number | undefined {
    return this.#tcpPort;
  }

  /** Of this host, as peers are told. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** Best first, UDP before TCP. */
  get candidates(): readonly Candidate[] {
    return this.#candidates;
  }

  /**
   * Looks whether the host has other addresses by now, unless that was done a moment ago: a laptop changes networks, a container gets
   * a second interface, IPv6 comes late. Resolves when new ones are open. Those that have gone are told to nobody any more, and
   * closed as soon as a look finds them without a peer: one that is there still may be on its way back.
   */
  look(): Promise<void> {
    const { clock } = this.#d;
    if (this.#looking !== undefined) return this.#looking;
    if (this.#isNamed || clock.now() - this.#lookedAt < lookInterval) return Promise.resolve();
    this.#lookedAt = clock.now();
    const found = this.#findAgain();
    const isSame = found.length === this.#entrances.size && found.every((address) => this.#entrances.has(address));
    // A host that tells of no address at all has not lost those that it had.
    if (found.length === 0 || (isSame && found.length === this.#addresses.length)) return Promise.resolve();
    this.#looking = this.#follow(found).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Addresses that were asked for by name stay, come what may. */
  get #isNamed(): boolean {
    return this.#settings.addresses.length > 0;
  }

  #find(): readonly string[] {
    const { findAddresses = discoverAddresses } = this.#d;
    return [...new Set(findAddresses())];
  }

  #findAgain(): readonly string[] {
    try {
      return this.#find();
    } catch (error) {
      // Some sandboxes list no interfaces: what is open stays.
      this.#d.log.debug('This host does not tell its addresses.', { why: String(error) });
      return [];
    }
  }

  async #openAll(): Promise<void> {
    const { log, clock, datagrams } = this.#d;
    const { addresses, ports: range, tcp, tcpPort, udpPort } = this.#settings;
    const wanted = this.#isNamed ? [...new Set(addresses.map(checkedAddress))] : this.#find();
    this.#lookedAt = clock.now();
    this.#udpPort = await openFreePort({ wanted: udpPort, liked: undefined, range }, this.#scope, (port, run) =>
      this.#openUdp(port, wanted, run),
    );
    if (tcp) {
      const search = { wanted: tcpPort, liked: this.#udpPort, range };
      this.#tcpPort = await openFreePort(search, this.#scope, async (port, run) => {
        for (const entrance of this.#entrances.values()) await entrance.openTcp(port, run);
      });
    }
    for (const port of [this.#udpPort, this.#tcpPort ?? lowestPort]) {
      if (port < lowestPort) log.warn('Browsers do not connect to ports below 1024.', { port });
    }
    this.#tell(wanted);
    log.info('The ports for browsers are open.', {
      udp: this.#udpPort,
      tcp: this.#tcpPort,
      addresses: this.#addresses,
      ...(this.#publicAddresses.length > 0 ? { publicAddresses: this.#publicAddresses } : {}),
      datagrams: datagrams.name,
    });
  }

  async #openUdp(port: number, addresses: readonly string[], scope: Scope): Promise<void> {
    let failure: Error | undefined;
    this.#entrances.clear(); // those of a port that was taken on another address
    for (const address of addresses) {
      const entrance = this.#newEntrance(address);
      try {
        await entrance.openUdp(port, scope);
        this.#entrances.set(address, entrance);
      } catch (error) {
        failure = error instanceof Error ? error : undefined;
        // One that was found may be gone again, or not be ready yet (IPv6); one that was asked for must do.
        if (this.#isNamed || isTaken(error)) throw error;
        this.#sayUnusable(address, error);
      }
    }
    if (this.#entrances.size === 0)
      throw failure ?? new SwitchyardError('limit-reached', { what: 'addresses', limit: 0 });
  }

  /** Opens what is new among `found`, and closes what has gone and is not used. */
  async #follow(found: readonly string[]): Promise<void> {
    for (const address of found) if (!this.#entrances.has(address)) await this.#openLate(address);
    for (const [address, entrance] of this.#entrances) {
      if (found.includes(address) || entrance.isUsed) continue;
      this.#entrances.delete(address);
      this.#d.log.info('An address of this host is gone; its ports for browsers are closed.', { address });
      await entrance.close();
    }
    for (const address of this.#unusable) if (!found.includes(address)) this.#unusable.delete(address);
    this.#tell(found);
  }

  async #openLate(address: string): Promise<void> {
    if (this.#scope.closed) return;
    const entrance = this.#newEntrance(address);
    try {
      await entrance.openUdp(this.#udpPort, this.#scope);
    } catch (error) {
      this.#sayUnusable(address, error);
      return;
    }
    this.#entrances.set(address, entrance);
    this.#unusable.delete(address);
    try {
      if (this.#tcpPort !== undefined) await entrance.openTcp(this.#tcpPort, this.#scope);
    } catch (error) {
      this.#d.log.warn('A new address of this host serves browsers by UDP alone.', { address, why: String(error) });
    }
    this.#d.log.info('A new address of this host serves browsers.', { address });
  }

  #newEntrance(address: string): Entrance {
    const taken = new Set([...this.#entrances.values()].map(({ index }) => index));
    let index = this.#publicAddresses.length;
    while (taken.has(index)) index += 1;
    return new Entrance({ address, index }, this.#entrance);
  }

  /** Once, until it is gone: each look tries again. */
  #sayUnusable(address: string, error: unknown): void {
    if (this.#unusable.has(address)) return;
    this.#unusable.add(address);
    this.#d.log.warn('An address of this host cannot be used for browsers.', { address, why: String(error) });
  }

  /** From here on peers are told of what is open on these addresses. */
  #tell(addresses: readonly string[]): void {
    const open = [...this.#entrances.values()]
      .filter(({ address }) => addresses.includes(address))
      .sort((a, b) => a.index - b.index);
    this.#addresses = open.map(({ address }) => address);
    const outer = this.#publicAddresses.map((address, index) => ({ address, index, hasUdp: true, hasTcp: true }));
    const told = [...outer, ...open];
    const toldBy = (protocol: 'udp' | 'tcp', port: number): Candidate[] =>
      told
        .filter(({ hasUdp, hasTcp }) => (protocol === 'udp' ? hasUdp : hasTcp))
        .map(({ address, index }) => ({ protocol, address, port, priority: candidatePriority(protocol, index) }));
    const byTcp = this.#tcpPort === undefined ? [] : toldBy('tcp', this.#tcpPort);
    this.#candidates = [...toldBy('udp', this.#udpPort), ...byTcp];
  }
}

/** An address, as it is told to peers and bound to. Throws `port-unavailable` for a name: candidates carry none. */
function checkedAddress(address: string): string {
  if (isIP(address) !== 0) return canonicalAddress(address);
  const error = Object.assign(new Error(`${address} is no IP address`), { code: 'EADDRNOTAVAIL' });
  throw portUnavailable(error, { module: 'rtp', host: address, port: 0, key: 'rtp.peers.addresses' });
}
