import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { RtpPacket, readRtpPacket } from '../../wire/rtp/packet.ts';
import { randomFrom } from './random.ts';

export interface LossyLinkSettings {
  /** The server's RTSP port on 127.0.0.1. */
  readonly port: number;
  /** Which datagrams suffer: those of publishers, or those of viewers. */
  readonly way: 'to server' | 'to client';
  /** Share of datagrams that never arrive, 0 to 1. */
  readonly loss: number;
  /** Each datagram is held for up to this, ms, so that they overtake each other. */
  readonly jitter: number;
  readonly seed: number;
}

/** What passed of one unit of video: datagrams of one timestamp. */
export interface PassedUnit {
  readonly timestamp: number;
  packets: number;
  lost: number;
}

/** A SETUP that is not answered yet. */
interface Asked {
  /** As the client wrote them. */
  readonly ports: string;
  readonly client: readonly [media: number, control: number];
  readonly far: readonly [media: DatagramSocket, control: DatagramSocket];
}

let links = 0;

/**
 * A bad network between RTSP clients and a server, made of sockets, since not every kernel has netem: the client talks to `near`, the
 * server sees `far`. What goes over TCP passes unharmed, but for the addresses and ports in the Transport headers of SETUP.
 */
export class LossyLink {
  readonly near: string;
  readonly far: string;
  /** Video in the order in which it was sent. Only of the first client. */
  readonly video: PassedUnit[] = [];
  readonly #settings: LossyLinkSettings;
  readonly #random: () => number;
  readonly #listener: Server;
  readonly #streams = new Set<Socket>();
  readonly #datagrams = new Set<DatagramSocket>();
  readonly #packet = new RtpPacket();
  #mended = false;
  #setups = 0;
  lost = 0;

  private constructor(settings: LossyLinkSettings) {
    this.#settings = settings;
    this.#random = randomFrom(settings.seed);
    links += 1;
    const net = `127.${1 + (process.pid & 0x7f)}.${links & 0xff}`;
    this.near = `${net}.2`;
    this.far = `${net}.3`;
    this.#listener = createServer((socket) => this.#accept(socket));
  }

  static async open(settings: LossyLinkSettings): Promise<LossyLink> {
    const link = new LossyLink(settings);
    link.#listener.listen(settings.port, link.near);
    await once(link.#listener, 'listening');
    return link;
  }

  /** Loses nothing from here on. */
  mend(): void {
    this.#mended = true;
  }

  close(): void {
    this.#listener.close();
    for (const socket of this.#streams) socket.destroy();
    for (const socket of this.#datagrams) socket.close();
    this.#datagrams.clear();
  }

  #accept(client: Socket): void {
    const server = connect({ port: this.#settings.port, host: '127.0.0.1', localAddress: this.far });
    for (const socket of [client, server]) {
      this.#streams.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#streams.delete(socket));
    }
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
    // One after the other in each direction: a message may have to wait for its ports.
    const asked: Asked[] = [];
    let up = Promise.resolve();
    let down = Promise.resolve();
    client.on('data', (bytes) => {
      up = up.then(() => this.#ask(bytes, server, asked));
    });
    server.on('data', (bytes) => {
      down = down.then(() => this.#answer(bytes, client, asked));
    });
  }

  /** SETUP goes on with ports of our own. */
  async #ask(bytes: Buffer, server: Socket, asked: Asked[]): Promise<void> {
    const text = bytes.toString('latin1');
    const ports = /client_port=(\d+)-(\d+)/.exec(text);
    if (ports === null) {
      server.write(bytes);
      return;
    }
    const far = [await this.#bind(0, this.far), await this.#bind(0, this.far)] as const;
    asked.push({ ports: ports[0], far, client: [Number(ports[1]), Number(ports[2])] });
    const own = `client_port=${far[0].address().port}-${far[1].address().port}`;
    server.write(Buffer.from(text.replace(ports[0], own), 'latin1'));
  }

  async #answer(bytes: Buffer, client: Socket, asked: Asked[]): Promise<void> {
    const text = bytes.toString('latin1');
    const ports = /server_port=(\d+)-(\d+)/.exec(text);
    const setup = ports === null ? undefined : asked.shift();
    if (ports === null || setup === undefined) {
      client.write(bytes);
      return;
    }
    const isVideo = this.#setups === 0;
    this.#setups += 1;
    const address = client.remoteAddress ?? '127.0.0.1';
    await this.#join(setup.far[0], { address, port: setup.client[0] }, Number(ports[1]), isVideo);
    await this.#join(setup.far[1], { address, port: setup.client[1] }, Number(ports[2]), false);
    const told = text.replace('source=127.0.0.1', `source=${this.near}`).replace(/client_port=[\d-]+/, setup.ports);
    client.write(Buffer.from(told, 'latin1'));
  }

  async #join(
    far: DatagramSocket,
    client: { readonly address: string; readonly port: number },
    serverPort: number,
    isVideo: boolean,
  ): Promise<void> {
    const near = await this.#bind(serverPort, this.near);
    const { way } = this.#settings;
    near.on('message', (bytes) => {
      this.#pass(bytes, way === 'to server', isVideo, () => this.#send(far, bytes, serverPort, '127.0.0.1'));
    });
    far.on('message', (bytes) => {
      this.#pass(bytes, way === 'to client', isVideo, () => this.#send(near, bytes, client.port, client.address));
    });
  }

  #pass(bytes: Buffer, suffers: boolean, isVideo: boolean, send: () => void): void {
    if (!suffers) return send();
    const lost = !this.#mended && this.#random() < this.#settings.loss;
    if (isVideo) this.#note(bytes, lost);
    if (lost) this.lost += 1;
    else setTimeout(send, this.#random() * this.#settings.jitter);
  }

  #note(bytes: Buffer, lost: boolean): void {
    if (!readRtpPacket(bytes, this.#packet)) return;
    const { timestamp } = this.#packet;
    let unit = this.video.at(-1);
    if (unit?.timestamp !== timestamp) {
      unit = { timestamp, packets: 0, lost: 0 };
      this.video.push(unit);
    }
    unit.packets += 1;
    if (lost) unit.lost += 1;
  }

  #send(socket: DatagramSocket, bytes: Buffer, port: number, address: string): void {
    if (this.#datagrams.has(socket)) socket.send(bytes, port, address);
  }

  async #bind(port: number, address: string): Promise<DatagramSocket> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    socket.on('error', () => undefined);
    socket.bind(port, address);
    await once(socket, 'listening');
    this.#datagrams.add(socket);
    return socket;
  }
}
