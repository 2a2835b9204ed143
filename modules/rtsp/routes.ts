import type { Core } from '../../core/core.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import { readTransports, type TransportOffer } from '../../wire/rtsp/transport.ts';
import type { DatagramRoute, RtpPlane, RtpRoute } from '../rtp/contract.ts';
import type { RtspConfig } from './config.ts';
import type { RtspConnection } from './connection.ts';
import { Refusal } from './replies.ts';

export interface AgreedTransport {
  readonly route: RtpRoute;
  /** The life of what the route needs. */
  readonly scope: Scope;
  /** The Transport header of the answer. */
  readonly header: string;
}

export interface RouteRequest {
  readonly kind: MediaKind;
  readonly mode: 'play' | 'record';
  readonly parent: Scope;
}

export interface RoutesDependencies {
  readonly core: Core;
  readonly plane: RtpPlane;
  readonly connection: RtspConnection;
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
  #protocol: TransportOffer['protocol'] | undefined;

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
  async agree(header: string, request: RouteRequest): Promise<AgreedTransport> {
    for (const offer of readTransports(header)) {
      if (offer.secure || offer.multicast || (this.#protocol !== undefined && offer.protocol !== this.#protocol))
        continue;
      const agreed = offer.protocol === 'tcp' ? this.#interleave(offer, request) : await this.#open(offer, request);
      if (agreed === undefined) continue;
      this.#protocol = offer.protocol;
      return agreed;
    }
    throw new Refusal(461);
  }

  /** RFC 2326 10.12. */
  #interleave(offer: TransportOffer, { kind, mode, parent }: RouteRequest): AgreedTransport | undefined {
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

  async #open(offer: TransportOffer, { kind, mode, parent }: RouteRequest): Promise<AgreedTransport | undefined> {
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

function isAddress(text: string | undefined): text is string {
  return text !== undefined && /^[0-9a-f.:]{2,45}$/i.test(text);
}
