import type { Credentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import { SwitchyardError } from '../../core/errors.ts';
import { Demand } from '../../core/lifecycle/demand.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import { ZERO } from '../../core/time/micros.ts';
import type { RtpPlane, RtpRoute } from '../rtp/contract.ts';
import type { RtspConfig } from './config.ts';
import type { RtspCounters } from './metrics.ts';
import { PlaySession } from './play-session.ts';

/** The protocol name of sessions that send a stream to a group. */
export const multicastProtocol = 'rtsp-multicast';

export interface MulticastDependencies {
  readonly core: Core;
  readonly plane: RtpPlane;
  readonly counters: RtspCounters;
}

export interface MulticastRequest {
  readonly name: string;
  /** Of the player that asks: the sender is let in as the first one was. */
  readonly credentials: Credentials;
  readonly remoteAddress: string;
  /** Ours, on which the player reached us: its interface is that of the group. */
  readonly localAddress: string;
}

/** A group, and the first of the ports that are used in it. */
interface Place {
  readonly group: string;
  readonly port: number;
}

/** An even port for each kind and the odd one above it for its RTCP. RFC 3550 11. */
const portsOfKind: Readonly<Record<MediaKind, number>> = { video: 0, audio: 2 };
const portsOfStream = 4;

/** One stream on its way to a group: the same packets for all who listen. */
export class MulticastSender {
  readonly group: string;
  readonly ttl: number;
  readonly #firstPort: number;
  readonly #play: PlaySession;
  #started = false;

  constructor(place: Place, ttl: number, play: PlaySession) {
    this.group = place.group;
    this.ttl = ttl;
    this.#firstPort = place.port;
    this.#play = play;
  }

  portsOf(kind: MediaKind): readonly [port: number, controlPort: number] {
    const port = this.#firstPort + portsOfKind[kind];
    return [port, port + 1];
  }

  /** Somebody listens from here on: the first starts it, the others get a key frame where the publisher can be asked for one. */
  start(): void {
    if (this.#started) {
      this.#play.subscription.stream.requestKeyframe();
      return;
    }
    this.#started = true;
    this.#play.prepare();
    this.#play.start();
  }
}

/** Streams that are sent to groups, each once however many listen, for as long as somebody does. */
export class MulticastGroups {
  readonly #config: RtspConfig['transports']['multicast'];
  readonly #start: RtspConfig['start'];
  readonly #d: MulticastDependencies;
  readonly #senders = new Map<string, Demand<MulticastSender>>();
  readonly #places = new Set<number>();

  constructor({ transports, start }: RtspConfig, dependencies: MulticastDependencies) {
    this.#config = transports.multicast;
    this.#start = start;
    this.#d = dependencies;
  }

  get enabled(): boolean {
    return this.#config.enabled;
  }

  /** The sender of the stream, there until `scope` ends. Throws `limit-reached`, `port-unavailable`, and what subscribing throws. */
  join(request: MulticastRequest, scope: Scope): Promise<MulticastSender> {
    const key = `${request.localAddress} ${request.name}`;
    const known = this.#senders.get(key);
    const demand = known?.running === true ? known : this.#newSender(request);
    this.#senders.set(key, demand);
    // Streams come and go under any name.
    scope.defer(() => {
      if (demand.users === 0 && this.#senders.get(key) === demand) this.#senders.delete(key);
    });
    return demand.use(scope);
  }

  #newSender(request: MulticastRequest): Demand<MulticastSender> {
    const { core } = this.#d;
    return new Demand<MulticastSender>(
      { name: `multicast of ${request.name}`, linger: ZERO },
      { clock: core.clock, parent: core.scope, open: (run) => this.#open(request, run) },
    );
  }

  async #open(request: MulticastRequest, scope: Scope): Promise<MulticastSender> {
    const { core, plane } = this.#d;
    const { ttl } = this.#config;
    const place = this.#take(scope);
    const { name, credentials, remoteAddress, localAddress } = request;
    const session = core.sessions.open({ protocol: multicastProtocol, remoteAddress, parent: scope });
    const play = await PlaySession.open(
      { name, credentials, start: this.#start },
      { core, plane, session, onSign: () => undefined },
    );
    play.scope.defer((reason) => void scope.close(reason));
    const sender = new MulticastSender(place, ttl, play);
    for (const { kind, track } of play.media) {
      const ports = await plane.openPorts({ address: localAddress, use: 'own', kind, multicastTtl: ttl }, play.scope);
      const [port, controlPort] = sender.portsOf(kind);
      const route: RtpRoute = { kind: 'datagram', ports, address: place.group, port, controlPort };
      play.setUp(track, route, play.scope.child(`multicast ${kind}`));
    }
    return sender;
  }

  /** A group and ports that nobody else sends to: receivers of two streams on one host would mix them up. */
  #take(scope: Scope): Place {
    const { groups, ports } = this.#config;
    const first = ports.first + (ports.first % 2);
    const [address = '', prefix] = groups.split('/');
    const network = address.split('.').reduce((number, part) => number * 256 + Number(part), 0);
    const count = 2 ** (32 - Number(prefix));
    const limit = Math.min(count, Math.floor((ports.last + 1 - first) / portsOfStream));
    let index = 0;
    while (this.#places.has(index)) index += 1;
    if (index >= limit) throw new SwitchyardError('limit-reached', { what: 'multicast groups', limit });
    const { counters } = this.#d;
    this.#places.add(index);
    counters.multicasts += 1;
    scope.defer(() => {
      this.#places.delete(index);
      counters.multicasts -= 1;
    });
    const group = network - (network % count) + index;
    return {
      group: [24, 16, 8, 0].map((shift) => Math.floor(group / 2 ** shift) % 256).join('.'),
      port: first + index * portsOfStream,
    };
  }
}
