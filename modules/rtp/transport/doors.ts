import { isIP } from 'node:net';
import type { PortRange } from '../../../core/config/schema.ts';
import { SwitchyardError } from '../../../core/errors.ts';
import type { Scope } from '../../../core/lifecycle/scope.ts';
import { portUnavailable } from '../../../core/modules/listen.ts';
import { Occupancy } from '../../../core/net/occupancy.ts';
import type { Log } from '../../../core/observe/log.ts';
import type { Clock } from '../../../core/time/clock.ts';
import { canonicalAddress } from '../../../wire/stun/address.ts';
import { type Candidate, candidatePriority, discoverAddresses } from './candidates.ts';
import type { DatagramDriver } from './engines.ts';
import type { IceChecks } from './ice-checks.ts';
import type { PeerCounters } from './metrics.ts';
import { TcpDoor } from './tcp-door.ts';
import { UdpDoor } from './udp-door.ts';

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
}

/** What all peers share: a UDP port and a TCP port, each the same on every address. */
export interface Doors {
  readonly udpPort: number;
  /** Undefined without TCP. */
  readonly tcpPort: number | undefined;
  readonly addresses: readonly string[];
  /** Best first, UDP before TCP. */
  readonly candidates: readonly Candidate[];
}

/** Ports that are tried before giving up. */
const mostTries = 128;
/** Chromium passes over candidates below, without a word. */
const lowestPort = 1_024;

/** Opens all ports. Throws `port-unavailable`, `limit-reached`. They close with the scope. */
export async function openDoors(
  settings: DoorsSettings,
  dependencies: DoorsDependencies,
  scope: Scope,
): Promise<Doors> {
  const { log, datagrams } = dependencies;
  const publicAddresses = settings.publicAddresses.map(checkedAddress);
  const wanted = settings.addresses.length > 0 ? settings.addresses.map(checkedAddress) : discoverAddresses();
  const first = publicAddresses.length;
  const places = [...new Set(wanted)].map((address, index) => ({ address, index: first + index }));
  const udp = await tryPorts(settings.udpPort, settings.ports, undefined, scope, (port, run) =>
    openUdp(port, { places, named: settings.addresses.length > 0 }, dependencies, run),
  );
  const open = places.filter(({ address }) => udp.doors.some(({ place }) => place.address === address));
  const tcpPort = settings.tcp
    ? await tryPorts(settings.tcpPort, settings.ports, udp.port, scope, (port, run) =>
        openTcp(port, open, { settings, dependencies }, run),
      )
    : undefined;
  for (const port of [udp.port, tcpPort ?? lowestPort]) {
    if (port < lowestPort) log.warn('Browsers do not connect to ports below 1024.', { port });
  }
  const addresses = open.map(({ address }) => address);
  log.info('The ports for browsers are open.', {
    udp: udp.port,
    tcp: tcpPort,
    addresses,
    ...(first > 0 ? { publicAddresses } : {}),
    datagrams: datagrams.name,
  });
  const told = [...publicAddresses, ...addresses];
  const toldBy = (protocol: 'udp' | 'tcp', port: number): Candidate[] =>
    told.map((address, index) => ({ protocol, address, port, priority: candidatePriority(protocol, index) }));
  const candidates = [...toldBy('udp', udp.port), ...(tcpPort === undefined ? [] : toldBy('tcp', tcpPort))];
  return { udpPort: udp.port, tcpPort, addresses, candidates };
}

/** An address, as it is told to peers and bound to. Throws `port-unavailable` for a name: candidates carry none. */
function checkedAddress(address: string): string {
  if (isIP(address) !== 0) return canonicalAddress(address);
  const error = Object.assign(new Error(`${address} is no IP address`), { code: 'EADDRNOTAVAIL' });
  throw portUnavailable(error, { module: 'rtp', host: address, port: 0, key: 'rtp.peers.addresses' });
}

interface Place {
  readonly address: string;
  /** Its place among all that peers are told. */
  readonly index: number;
}

/** Opens by `open`: at `wanted` alone, or, when that is 0, at the first free port of the range from its end. */
async function tryPorts<T>(
  wanted: number,
  range: PortRange,
  liked: number | undefined,
  scope: Scope,
  open: (port: number, run: Scope) => Promise<T>,
): Promise<T> {
  const ports = wanted > 0 ? [wanted] : [...(liked === undefined ? [] : [liked]), ...fromTheEnd(range)];
  let failure: unknown = new SwitchyardError('limit-reached', { what: 'ports for browsers', limit: 0 });
  for (const port of ports) {
    const run = scope.child(`ports ${port}`);
    try {
      return await open(port, run);
    } catch (error) {
      failure = error;
      await run.close({ code: 'failed', error });
      if (causeOf(error) !== 'EADDRINUSE') break;
    }
  }
  throw failure;
}

/** Pairs of RTP and RTCP are looked for anywhere in the range; from its end, the port is the same at each start as a rule. */
function fromTheEnd({ first, last }: PortRange): number[] {
  return Array.from({ length: Math.min(mostTries, last - first + 1) }, (_, index) => last - index);
}

function causeOf(error: unknown): string | undefined {
  const { cause } = error as { cause?: NodeJS.ErrnoException };
  return cause?.code;
}

async function openUdp(
  port: number,
  { places, named }: { places: readonly Place[]; named: boolean },
  { checks, counters, datagrams, log }: DoorsDependencies,
  scope: Scope,
): Promise<{ port: number; doors: UdpDoor[] }> {
  const doors: UdpDoor[] = [];
  let failure: Error | undefined;
  for (const { address, index } of places) {
    const door = new UdpDoor({ address, priority: candidatePriority('udp', index) }, { checks, counters });
    try {
      const socket = await datagrams.bind(
        address,
        port,
        (bytes, from) => door.receive(bytes, from),
        () => {
          counters.sendErrors += 1;
        },
      );
      scope.defer(() => socket.close());
      door.socket = socket;
      doors.push(door);
    } catch (error) {
      failure = portUnavailable(error, { module: 'rtp', host: address, port, key: 'rtp.peers.udpPort' });
      // One that was found may be gone again, or not be ready yet (IPv6); one that was asked for must do.
      if (named || causeOf(failure) === 'EADDRINUSE') throw failure;
      log.warn('An address of this host cannot be used for browsers.', { address, why: String(error) });
    }
  }
  if (doors.length === 0) throw failure ?? new SwitchyardError('limit-reached', { what: 'addresses', limit: 0 });
  return { port, doors };
}

async function openTcp(
  port: number,
  places: readonly Place[],
  { settings, dependencies }: { settings: DoorsSettings; dependencies: DoorsDependencies },
  scope: Scope,
): Promise<number> {
  const { tcpConnections: total, tcpConnectionsPerAddress: perAddress } = settings;
  const occupancy = new Occupancy({ total, perAddress });
  for (const { address, index } of places) {
    const place = { address, priority: candidatePriority('tcp', index) };
    const door = new TcpDoor(place, { backlog: settings.tcpBacklog }, { ...dependencies, occupancy });
    await door.open(port, 'rtp.peers.tcpPort', scope);
  }
  return port;
}
