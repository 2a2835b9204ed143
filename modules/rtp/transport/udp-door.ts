import type { Buffer } from 'node:buffer';
import type { RemoteInfo } from 'node:dgram';
import { classifyDatagram } from '../../../wire/rtp/packet.ts';
import type { DatagramSocket } from './engines.ts';
import type { CheckOrigin, IceChecks } from './ice-checks.ts';
import type { PeerCounters } from './metrics.ts';
import { type Carrier, PeerPath } from './path.ts';

/** What both kinds of door tell and need. */
export interface DoorPlace {
  readonly address: string;
  /** Of the candidate of this address. */
  readonly priority: number;
}

export interface DoorDependencies {
  readonly checks: IceChecks;
  readonly counters: PeerCounters;
}

/** A 5-tuple of UDP. */
class UdpPath extends PeerPath {
  readonly protocol = 'udp';
  readonly backlog = 0;
  /** Another way of the same port, from another address. */
  next: UdpPath | undefined;
  readonly #door: UdpDoor;
  #closed = false;

  constructor(door: UdpDoor, remote: { address: string; port: number }) {
    super(remote, door.place);
    this.#door = door;
  }

  get carrier(): Carrier {
    return this.#door;
  }

  send(bytes: Buffer): void {
    if (!this.#closed) this.#door.socket?.send(bytes, this.remotePort, this.remoteAddress);
  }

  queue(memory: Buffer, start: number, length: number): boolean {
    if (this.#closed) return false;
    return this.#door.socket?.queue(memory, start, length, this.remotePort, this.remoteAddress) ?? false;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#door.forget(this);
  }
}

/** One address's UDP socket, which all peers share: gives each datagram to the peer of its 5-tuple. */
export class UdpDoor implements Carrier {
  readonly place: DoorPlace;
  touched = false;
  /** Set once it is open. */
  socket: DatagramSocket | undefined;
  readonly #dependencies: DoorDependencies;
  /** By the peer's port, so that no text is made for a packet; peers with the same port are chained. */
  readonly #paths = new Map<number, UdpPath>();

  constructor(place: DoorPlace, dependencies: DoorDependencies) {
    this.place = place;
    this.#dependencies = dependencies;
  }

  /** Whether a check of a peer has passed on it, and the peer is still there. */
  get isUsed(): boolean {
    return this.#paths.size > 0;
  }

  flush(): boolean {
    return this.socket?.flush() ?? true;
  }

  receive(bytes: Buffer, from: RemoteInfo): void {
    const kind = classifyDatagram(bytes);
    if (kind === 'stun') {
      this.#dependencies.checks.receive(bytes, this.#originOf(from));
      return;
    }
    const path = this.#find(from.address, from.port);
    // DTLS and media count from where a check has passed, and from nowhere else.
    if (path?.owner === undefined || kind === 'unknown' || kind === 'turn-channel') {
      this.#dependencies.counters.strangers += 1;
      return;
    }
    path.owner.receive(kind, bytes, path);
  }

  forget(path: UdpPath): void {
    const first = this.#paths.get(path.remotePort);
    if (first === path) {
      if (path.next === undefined) this.#paths.delete(path.remotePort);
      else this.#paths.set(path.remotePort, path.next);
      return;
    }
    for (let at = first; at !== undefined; at = at.next) if (at.next === path) at.next = path.next;
  }

  #find(address: string, port: number): UdpPath | undefined {
    let path = this.#paths.get(port);
    while (path !== undefined && path.remoteAddress !== address) path = path.next;
    return path;
  }

  #originOf({ address, port }: RemoteInfo): CheckOrigin {
    return {
      address,
      port,
      findPath: () => this.#find(address, port),
      openPath: () => {
        const path = new UdpPath(this, { address, port });
        path.next = this.#paths.get(port);
        this.#paths.set(port, path);
        return path;
      },
      answer: (bytes) => this.socket?.send(bytes, port, address),
    };
  }
}
