import type { Buffer } from 'node:buffer';
import { createServer, type Socket } from 'node:net';
import type { Scope } from '../../../core/lifecycle/scope.ts';
import { listenOn } from '../../../core/modules/listen.ts';
import type { Occupancy } from '../../../core/net/occupancy.ts';
import type { Clock } from '../../../core/time/clock.ts';
import { seconds } from '../../../core/time/micros.ts';
import { classifyDatagram } from '../../../wire/rtp/packet.ts';
import { FrameReader, frame } from './framing.ts';
import type { CheckOrigin } from './ice-checks.ts';
import { type Carrier, PeerPath } from './path.ts';
import type { DoorDependencies, DoorPlace } from './udp-door.ts';

export interface TcpDoorSettings {
  /** Bytes that may wait for a peer that does not read; then its packets are dropped, as a router would. */
  readonly backlog: number;
}

export interface TcpDoorDependencies extends DoorDependencies {
  readonly clock: Clock;
  /** Of all addresses together. */
  readonly occupancy: Occupancy;
}

/** Longest packet of a stranger: checks of ICE are short. */
const longestCheck = 1_024;
/** Longest packet of a peer. Browsers cut at 1200 bytes; this is what others might send over a large MTU. */
const longestPacket = 9_216;
/** A connection on which no check has passed by then is closed. */
const patience = seconds(10);

/** A connection of ICE-TCP (RFC 6544). */
class TcpPath extends PeerPath implements Carrier {
  readonly protocol = 'tcp';
  touched = false;
  readonly #socket: Socket;
  readonly #mostWaiting: number;

  constructor(socket: Socket, place: DoorPlace, mostWaiting: number) {
    super({ address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }, place);
    this.#socket = socket;
    this.#mostWaiting = mostWaiting;
  }

  get carrier(): Carrier {
    return this;
  }

  get backlog(): number {
    return this.#socket.writableLength;
  }

  /** Bounded like media: who asks and asks, and never reads, fills no memory with answers. */
  send(bytes: Buffer): void {
    if (this.#takes(bytes.length)) this.#socket.write(frame(bytes, 0, bytes.length));
  }

  queue(memory: Buffer, start: number, length: number): boolean {
    if (!this.#takes(length)) return false;
    // All of a round in one write.
    if (this.#socket.writableCorked === 0) this.#socket.cork();
    this.#socket.write(frame(memory, start, length));
    return true;
  }

  flush(): boolean {
    if (this.#socket.writableCorked > 0) this.#socket.uncork();
    return true;
  }

  /** What was sent just before, such as an alert, still arrives; for a peer that does not read nobody waits. */
  close(): void {
    if (this.backlog === 0) this.#socket.destroySoon();
    else this.#socket.destroy();
  }

  #takes(length: number): boolean {
    return this.#socket.writable && this.backlog + length <= this.#mostWaiting;
  }
}

/** One address's passive TCP port, which all peers share: a connection belongs to whose check passes on it. */
export class TcpDoor {
  readonly place: DoorPlace;
  readonly #settings: TcpDoorSettings;
  readonly #dependencies: TcpDoorDependencies;
  readonly #sockets = new Set<Socket>();

  constructor(place: DoorPlace, settings: TcpDoorSettings, dependencies: TcpDoorDependencies) {
    this.place = place;
    this.#settings = settings;
    this.#dependencies = dependencies;
  }

  /** Whether anybody is connected. */
  get isUsed(): boolean {
    return this.#sockets.size > 0;
  }

  /** Takes connections until the scope ends, which cuts them. `key` names the port in the configuration. Throws `port-unavailable`. */
  async open(port: number, key: string, scope: Scope): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    scope.defer(
      () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          for (const socket of this.#sockets) socket.destroy();
        }),
    );
    await listenOn(server, { module: 'rtp', host: this.place.address, port, key });
  }

  #accept(socket: Socket): void {
    const { counters, clock, occupancy } = this.#dependencies;
    // What went wrong is told by `close`, which follows.
    socket.on('error', () => undefined);
    const address = socket.remoteAddress ?? 'unknown';
    if (occupancy.findLimit(address) !== undefined) {
      this.#refuse(socket);
      return;
    }
    const leave = occupancy.enter(address);
    this.#sockets.add(socket);
    counters.connections += 1;
    const path = new TcpPath(socket, this.place, this.#settings.backlog);
    const cancel = clock.after(patience, () => {
      if (path.owner === undefined) this.#refuse(socket);
    });
    socket.once('close', () => {
      cancel();
      leave();
      this.#sockets.delete(socket);
      counters.connections -= 1;
      path.owner?.losePath(path);
    });
    const reader = new FrameReader(longestCheck);
    const origin = this.#originOf(path);
    const take = (packet: Buffer): boolean => this.#take(packet, { socket, path, reader, origin });
    socket.on('data', (chunk) => {
      if (!reader.read(chunk, take)) this.#refuse(socket);
    });
  }

  /** False when nothing more is to be read. */
  #take(packet: Buffer, from: { socket: Socket; path: TcpPath; reader: FrameReader; origin: CheckOrigin }): boolean {
    const { socket, path, reader, origin } = from;
    const kind = classifyDatagram(packet);
    if (kind === 'stun') {
      const authentic = this.#dependencies.checks.receive(packet, origin);
      if (path.owner !== undefined) reader.longest = longestPacket;
      else if (!authentic) this.#refuse(socket);
      return !socket.destroyed;
    }
    if (path.owner === undefined) {
      // Whoever speaks of something else first is no peer.
      this.#dependencies.counters.strangers += 1;
      this.#refuse(socket);
      return false;
    }
    if (kind === 'dtls' || kind === 'rtp' || kind === 'rtcp') path.owner.receive(kind, packet, path);
    return !socket.destroyed;
  }

  #originOf(path: TcpPath): CheckOrigin {
    return {
      address: path.remoteAddress,
      port: path.remotePort,
      findPath: () => path,
      openPath: () => path,
      answer: (bytes) => path.send(bytes),
    };
  }

  #refuse(socket: Socket): void {
    this.#dependencies.counters.refusedConnections += 1;
    socket.destroy();
  }
}
