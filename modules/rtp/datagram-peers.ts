import type { Buffer } from 'node:buffer';
import type { RemoteInfo } from 'node:dgram';
import type { Clock } from '../../core/time/clock.ts';
import type { Micros } from '../../core/time/micros.ts';
import type { DatagramListener, OpenPorts } from './datagram-ports.ts';
import type { RtpCounters } from './metrics.ts';
import type { DatagramLeg } from './play-legs.ts';

export interface PeerDetails {
  /** The address that opened the control connection. */
  readonly address: string;
  /** What the peer said its ports are. */
  readonly port: number;
  readonly controlPort: number;
  /** Whether media may come from other addresses; answers then go there. */
  anySource: boolean;
}

export interface PeerHearing {
  readonly onPacket: (bytes: Buffer) => void;
  readonly onControl: (bytes: Buffer) => void;
}

export interface PeersDependencies {
  readonly clock: Clock;
  readonly counters: RtpCounters;
  /** How long after its coming a peer's real ports may be learned from its first datagram. */
  readonly latchWindow: Micros;
}

/** One of a peer's two ports, as far as it is known. */
interface Endpoint {
  address: string;
  port: number;
  /** A datagram has come from there: it stays so. */
  latched: boolean;
}

/** A peer on a pair of ports: sends to where it said, or to where its first datagram came from. */
export class DatagramPeer implements DatagramLeg {
  readonly details: PeerDetails;
  /** Set when media begins. */
  hearing: PeerHearing | undefined;
  readonly media: Endpoint;
  readonly control: Endpoint;
  readonly since: Micros;
  readonly #ports: OpenPorts;

  constructor(details: PeerDetails, ports: OpenPorts, since: Micros) {
    this.details = details;
    this.#ports = ports;
    this.since = since;
    this.media = { address: details.address, port: details.port, latched: false };
    this.control = { address: details.address, port: details.controlPort, latched: false };
  }

  send(packet: Buffer): void {
    this.#ports.send(packet, this.media.port, this.media.address);
  }

  sendControl(packet: Buffer): void {
    if (this.control.port > 0) this.#ports.sendControl(packet, this.control.port, this.control.address);
  }
}

/**
 * Those who use a pair of ports: one publisher, or many players told apart by where they are. Symmetric RTP (RFC 4961) is learned
 * once, within a window, from the address of the control connection alone, and only where it can be nobody else's: whoever
 * guesses a port later takes nothing over.
 */
export class DatagramPeers implements DatagramListener {
  readonly ports: OpenPorts;
  readonly #dependencies: PeersDependencies;
  readonly #peers = new Set<DatagramPeer>();
  readonly #byMedia = new Map<string, DatagramPeer>();
  readonly #byControl = new Map<string, DatagramPeer>();
  /** The peer of a pair that has but one. */
  #only: DatagramPeer | undefined;

  constructor(ports: OpenPorts, dependencies: PeersDependencies) {
    this.ports = ports;
    this.#dependencies = dependencies;
    ports.listen(this);
  }

  get size(): number {
    return this.#peers.size;
  }

  add(details: PeerDetails): DatagramPeer {
    const peer = new DatagramPeer(details, this.ports, this.#dependencies.clock.now());
    this.#peers.add(peer);
    this.#byMedia.set(key(details.address, details.port), peer);
    this.#byControl.set(key(details.address, details.controlPort), peer);
    this.#only = this.#peers.size === 1 ? peer : undefined;
    return peer;
  }

  remove(peer: DatagramPeer): void {
    this.#peers.delete(peer);
    forget(this.#byMedia, peer.media, peer);
    forget(this.#byControl, peer.control, peer);
    const [first] = this.#peers;
    this.#only = this.#peers.size === 1 ? first : undefined;
  }

  onPacket(bytes: Buffer, from: RemoteInfo): void {
    const only = this.#only;
    // No text is made for each packet of a publisher.
    if (
      only !== undefined &&
      only.media.latched &&
      from.port === only.media.port &&
      from.address === only.media.address
    ) {
      only.hearing?.onPacket(bytes);
      return;
    }
    const peer = this.#find('media', this.#byMedia, from);
    peer?.hearing?.onPacket(bytes);
  }

  onControl(bytes: Buffer, from: RemoteInfo): void {
    const peer = this.#find('control', this.#byControl, from);
    peer?.hearing?.onControl(bytes);
  }

  #find(which: 'media' | 'control', places: Map<string, DatagramPeer>, from: RemoteInfo): DatagramPeer | undefined {
    const known = places.get(key(from.address, from.port));
    if (known !== undefined) {
      known[which].latched = true;
      return known;
    }
    const latched = this.#findUnlatched(which, from);
    if (latched === undefined) {
      this.#dependencies.counters.strangers += 1;
      return undefined;
    }
    forget(places, latched[which], latched);
    latched[which].address = from.address;
    latched[which].port = from.port;
    latched[which].latched = true;
    places.set(key(from.address, from.port), latched);
    return latched;
  }

  /** The one peer that this datagram may be from; none where there could be two. */
  #findUnlatched(which: 'media' | 'control', from: RemoteInfo): DatagramPeer | undefined {
    const { clock, latchWindow } = this.#dependencies;
    const oldest = clock.now() - latchWindow;
    let found: DatagramPeer | undefined;
    for (const peer of this.#peers) {
      const mayBe = peer.details.anySource || peer.details.address === from.address;
      if (!mayBe || peer[which].latched || peer.since < oldest) continue;
      if (found !== undefined) return undefined;
      found = peer;
    }
    return found;
  }
}

function key(address: string, port: number): string {
  return `${address} ${port}`;
}

function forget(places: Map<string, DatagramPeer>, at: Endpoint, peer: DatagramPeer): void {
  const place = key(at.address, at.port);
  if (places.get(place) === peer) places.delete(place);
}
