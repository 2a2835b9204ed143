import { isIP, isIPv4 } from 'node:net';
import type { Core } from '../../core/core.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import { readTransports, type TransportOffer } from '../../wire/rtsp/transport.ts';
import type { DatagramRoute, RtpPlane, RtpRoute } from '../rtp/contract.ts';
import type { RtspConfig } from './config.ts';
import type { RtspConnection } from './connection.ts';
import type { MulticastGroups } from './multicast.ts';
import type { PlayRoute, PlaySession } from './play-session.ts';
import { Refusal } from './replies.ts';

export interface AgreedTransport<Route = PlayRoute> {
  readonly route: Route;
  /** The life of what the route needs. */
  readonly scope: Scope;
  /** The Transport header of the answer. */
  readonly header: string;
}

export interface RecordRouteRequest {
  readonly kind: MediaKind;
  readonly mode: 'record';
  readonly parent: Scope;
}

export interface PlayRouteRequest {
  readonly kind: MediaKind;
  readonly mode: 'play';
  readonly play: PlaySession;
  readonly parent: Scope;
}

type RouteRequest = RecordRouteRequest | PlayRouteRequest;

export interface RoutesDependencies {
  readonly core: Core;
  readonly plane: RtpPlane;
  readonly connection: RtspConnection;
  readonly multicast: MulticastGroups;
}

export interface ChannelUse {
  readonly kind: MediaKind;
  readonly control: boolean;
}

/** The ways that one peer's media take: agreed on by SETUP, one after the other. */
export class Routes {
  readonly #config: RtspConfig;
  readonly #d: RoutesDependencies;
  readonly #channels: (ChannelUse | undefined)[] = [];
  /** All media of a session go one way. */
  #protocol: TransportOffer['protocol'] | 'multicast' | undefined;

  constructor(config: RtspConfig, dependencies: RoutesDependencies) {
    this.#config = config;
    this.#d = dependencies;
  }

  findChannel(channel: number): ChannelUse | undefined {
    return this.#channels[channel];
  }

  clear(): void {
    this.#channels.length = 0;
    this.#protocol = undefined;
  }

  /** The first offer that we take. Throws a refusal (461), and what opening ports throws. */
  async agree(header: string, request: RecordRouteRequest): Promise<AgreedTransport<RtpRoute>>;
  async agree(header: string, request: PlayRouteRequest): Promise<AgreedTransport>;
  async agree(header: string, request: RouteRequest): Promise<AgreedTransport> {
    for (const offer of readTransports(header)) {
      const protocol = offer.multicast ? 'multicast' : offer.protocol;
      if (offer.secure || (this.#protocol !== undefined && protocol !== this.#protocol)) continue;
      const agreed = await this.#take(protocol, offer, request);
      if (agreed === undefined) continue;
      this.#protocol = protocol;
      return agreed;
    }
    throw new Refusal(461);
  }

  #take(
    protocol: TransportOffer['protocol'] | 'multicast',
    offer: TransportOffer,
    request: RouteRequest,
  ): AgreedTransport | undefined | Promise<AgreedTransport | undefined> {
    if (protocol === 'tcp') return this.#interleave(offer, request);
    return protocol === 'udp' ? this.#open(offer, request) : this.#join(offer, request);
  }

  /** RFC 2326 10.12. */
  #interleave(offer: TransportOffer, { kind, mode, parent }: RouteRequest): AgreedTransport<RtpRoute> | undefined {
    if (!this.#config.transports.tcp) return undefined;
    this.#forget(kind);
    const [channel, controlChannel] = this.#chooseChannels(offer);
    const scope = parent.child(`interleaved ${kind}`);
    const use: ChannelUse = { kind, control: false };
    this.#channels[channel] = use;
    this.#channels[controlChannel] = { kind, control: true };
    return {
      route: { kind: 'interleaved', sink: this.#d.connection, channel, controlChannel },
      scope,
      header: `RTP/AVP/TCP;unicast;interleaved=${channel}-${controlChannel}${modeOf(mode)}`,
    };
  }

  #chooseChannels(offer: TransportOffer): readonly [number, number] {
    const wanted = offer.interleaved;
    const isFree = (channel: number): boolean => this.#channels[channel] === undefined;
    if (wanted !== undefined && wanted[0] !== wanted[1] && wanted.every(isFree)) return wanted;
    let channel = 0;
    while (!isFree(channel) || !isFree(channel + 1)) channel += 2;
    return [channel, channel + 1];
  }

  /** A medium that is set up anew gives its channels back. */
  #forget(kind: MediaKind): void {
    for (let channel = 0; channel < this.#channels.length; channel += 1) {
      if (this.#channels[channel]?.kind === kind) this.#channels[channel] = undefined;
    }
  }

  /** RFC 2326 12.39: the group and its ports are ours to choose. */
  async #join(offer: TransportOffer, request: RouteRequest): Promise<AgreedTransport | undefined> {
    const { multicast, connection } = this.#d;
    const { localAddress, remoteAddress } = connection;
    if (request.mode === 'record' || !multicast.enabled || offer.protocol === 'tcp' || !isIPv4(localAddress))
      return undefined;
    // Nobody makes us send to a group that others use.
    if (offer.destination !== undefined && offer.destination !== '') return undefined;
    const { kind, play, parent } = request;
    const { name, credentials } = play;
    const scope = parent.child(`multicast ${kind}`);
    try {
      const sender = await multicast.join({ name, credentials, remoteAddress, localAddress }, scope);
      const [port, controlPort] = sender.portsOf(kind);
      return {
        route: { kind: 'multicast', sender },
        scope,
        header:
          `RTP/AVP;multicast;destination=${sender.group};source=${localAddress};port=${port}-${controlPort}` +
          `;ttl=${sender.ttl}${modeOf('play')}`,
      };
    } catch (error) {
      await scope.close({ code: 'refused', error });
      throw error;
    }
  }

  async #open(
    offer: TransportOffer,
    { kind, mode, parent }: RouteRequest,
  ): Promise<AgreedTransport<RtpRoute> | undefined> {
    const { connection, plane } = this.#d;
    const { transports } = this.#config;
    if (!transports.udp || offer.clientPort === undefined) return undefined;
    const [port, controlPort] = offer.clientPort;
    if (port === 0) return undefined;
    // To whoever asked, unless the configuration says otherwise: else anybody could send floods at anybody.
    const elsewhere = transports.anyDestination && isAddress(offer.destination) ? offer.destination : undefined;
    const address = elsewhere ?? connection.remoteAddress;
    const scope = parent.child(`udp ${kind}`);
    const ports = await plane.openPorts(
      { address: connection.localAddress, use: mode === 'play' ? 'shared' : 'own', kind },
      scope,
    );
    const told = elsewhere === undefined ? '' : `;destination=${elsewhere}`;
    const route: DatagramRoute = { kind: 'datagram', ports, address, port, controlPort };
    plane.expect(route, scope);
    return {
      route,
      scope,
      header:
        `RTP/AVP;unicast${told};source=${connection.localAddress};client_port=${port}-${controlPort}` +
        `;server_port=${ports.port}-${ports.controlPort}${modeOf(mode)}`,
    };
  }
}

function modeOf(mode: 'play' | 'record'): string {
  return `;mode="${mode === 'play' ? 'PLAY' : 'RECORD'}"`;
}

/** The address of one host: no group, and nobody's broadcast. */
function isAddress(text: string | undefined): text is string {
  if (text === undefined || isIP(text) === 0) return false;
  const [first] = text.split('.');
  return isIPv4(text) ? Number(first) > 0 && Number(first) < 224 : !/^(ff|::)/i.test(text);
}
