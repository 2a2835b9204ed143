import { SwitchyardError } from '../../../core/errors.ts';
import type { Scope } from '../../../core/lifecycle/scope.ts';
import type { Log } from '../../../core/observe/log.ts';
import type { Clock } from '../../../core/time/clock.ts';
import type { Micros } from '../../../core/time/micros.ts';
import type { PeerTransportRequest } from '../contract.ts';
import { writeCandidates } from './candidates.ts';
import { Doors, type DoorsDependencies, type DoorsSettings } from './doors.ts';
import { nodeEngines, type PeerEngines } from './engines.ts';
import type { UfragBook } from './ice-agent.ts';
import { IceChecks } from './ice-checks.ts';
import { makePeerIdentity, type PeerIdentity } from './identity.ts';
import { PeerCounters } from './metrics.ts';
import { Outbox } from './outbox.ts';
import { type ToldAddresses, Transport } from './transport.ts';

export interface PeerTransportsSettings extends DoorsSettings {
  /** Peers at one time. */
  readonly limit: number;
  /** See `TransportSettings`. */
  readonly timeout: Micros;
  readonly keepAlive: Micros;
}

export interface PeerTransportsDependencies extends Pick<DoorsDependencies, 'findAddresses'> {
  readonly clock: Clock;
  readonly log: Log;
  /** Of the module: the ports stay open until it ends. */
  readonly scope: Scope;
  readonly engines?: PeerEngines;
}

/** RFC 8840 4.1: the discard port stands where there is no candidate. */
const noPort = 9;

interface Opened {
  readonly doors: Doors;
  readonly identity: PeerIdentity;
}

/** The ways to all peers that speak ICE and DTLS, on one UDP port and one TCP port. */
export class PeerTransports {
  readonly counters = new PeerCounters();
  readonly #settings: PeerTransportsSettings;
  readonly #dependencies: PeerTransportsDependencies;
  readonly #engines: PeerEngines;
  readonly #ufrags: UfragBook = new Map();
  readonly #checks: IceChecks;
  readonly #outbox: Outbox;
  #opening: Promise<Opened> | undefined;
  #opened: Opened | undefined;

  constructor(settings: PeerTransportsSettings, dependencies: PeerTransportsDependencies) {
    this.#settings = settings;
    this.#dependencies = dependencies;
    this.#engines = dependencies.engines ?? nodeEngines;
    this.#checks = new IceChecks(this.#ufrags, this.counters);
    this.#outbox = new Outbox({ srtp: this.#engines.srtp, counters: this.counters });
  }

  /** Makes a way that closes with `scope`. Throws `limit-reached`, and `port-unavailable` when no port could be opened. */
  async open(request: PeerTransportRequest, scope: Scope): Promise<Transport> {
    const { clock, log } = this.#dependencies;
    const { limit, timeout, keepAlive } = this.#settings;
    if (this.counters.peers >= limit) {
      this.counters.refusedPeers += 1;
      throw new SwitchyardError('limit-reached', { what: 'browsers', limit });
    }
    const own = scope.child('peer');
    this.counters.peers += 1;
    own.defer(() => {
      this.counters.peers -= 1;
    });
    try {
      const { doors, identity } = await this.#open();
      const findAddresses = async (): Promise<ToldAddresses> => {
        await doors.look();
        return addressesFor(request, doors);
      };
      const told = await findAddresses();
      return new Transport(
        request,
        { timeout, keepAlive, told },
        {
          clock,
          log,
          scope: own,
          engines: this.#engines,
          identity,
          ufrags: this.#ufrags,
          outbox: this.#outbox,
          counters: this.counters,
          findAddresses,
        },
      );
    } catch (error) {
      void own.close({ code: 'failed', error });
      throw error;
    }
  }

  /** The numbers of the ports that are open. */
  get ports(): readonly number[] {
    const { udpPort, tcpPort } = this.#opened?.doors ?? {};
    return [udpPort, tcpPort].filter((port) => port !== undefined);
  }

  inspect(): Record<string, unknown> {
    const { doors } = this.#opened ?? {};
    return {
      ...this.counters.inspect(),
      udpPort: doors?.udpPort,
      tcpPort: doors?.tcpPort,
      addresses: doors?.addresses,
      ufrags: this.#ufrags.size,
    };
  }

  /** Opens the ports at the first peer. Fails for all who wait; the next one tries again. */
  #open(): Promise<Opened> {
    this.#opening ??= this.#openAll().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #openAll(): Promise<Opened> {
    const { clock, log, scope, findAddresses } = this.#dependencies;
    const { dtls, srtp, datagrams } = this.#engines;
    const run = scope.child('peer ports');
    try {
      const dependencies = {
        ...{ clock, log, checks: this.#checks, counters: this.counters, datagrams },
        ...(findAddresses === undefined ? {} : { findAddresses }),
      };
      const identity = await makePeerIdentity(clock);
      const doors = await Doors.open(this.#settings, dependencies, run);
      log.info('Browsers are served by these engines.', {
        dtls: dtls.name,
        srtp: srtp.name,
        datagrams: datagrams.name,
      });
      this.#opened = { doors, identity };
      return this.#opened;
    } catch (error) {
      await run.close({ code: 'failed', error });
      throw error;
    }
  }
}

/** What one peer is told. */
function addressesFor({ only }: PeerTransportRequest, { candidates, addresses }: Doors): ToldAddresses {
  const told = candidates.filter(({ protocol }) => only === undefined || protocol === only);
  const [first] = told;
  return {
    candidates: writeCandidates(told),
    address: first?.address ?? addresses[0] ?? '127.0.0.1',
    port: first?.port ?? noPort,
  };
}
