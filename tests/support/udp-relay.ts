import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { randomFrom } from './random.ts';

export interface UdpRelaySettings {
  /** The server's port on 127.0.0.1. */
  readonly port: number;
  /** Share of datagrams of media that never arrive, 0 to 1, in both directions. */
  readonly loss: number;
  /** How long each datagram is held, in each direction, ms. */
  readonly delay: number;
  readonly seed: number;
}

/** Where the server listens for browsers: the UDP candidate of an answer. */
export function udpPortOf(answer: string): number {
  return Number(/^a=candidate:\S+ 1 udp \d+ \S+ (\d+)/m.exec(answer)?.[1]);
}

/** An answer whose only candidate is a port on loopback. */
export function behindRelay(answer: string, port: number): string {
  const lines = answer.split('\r\n');
  const isUdp = (line: string): boolean => /^a=candidate:\S+ 1 udp /.test(line);
  return lines
    .filter((line) => !line.startsWith('a=candidate:') || isUdp(line))
    .map((line) => line.replace(/^(a=candidate:\S+ 1 udp \d+) \S+ \d+/, `$1 127.0.0.1 ${port}`))
    .join('\r\n');
}

/** First bytes of DTLS and STUN (RFC 7983 7): those that set up may come through unharmed. */
function isMedia(bytes: Buffer): boolean {
  return (bytes[0] ?? 0) >= 128 && (bytes[0] ?? 0) < 192;
}

/**
 * A bad way of one client to the server, made of sockets, since not every kernel has netem: the client talks to `port`, and the server
 * sees a port of the relay, which can change as that of a translator does.
 */
export class UdpRelay {
  readonly #settings: UdpRelaySettings;
  readonly #random: () => number;
  readonly #near = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  readonly #timers = new Set<NodeJS.Timeout>();
  #far: Socket | undefined;
  #client: { readonly address: string; readonly port: number } | undefined;
  #harmless = false;
  #isClosed = false;
  /** Datagrams that came through, by direction, and media that did not. */
  up = 0;
  down = 0;
  lost = 0;

  private constructor(settings: UdpRelaySettings) {
    this.#settings = settings;
    this.#random = randomFrom(settings.seed);
    this.#near.on('message', (bytes, { address, port }) => {
      this.#client = { address, port };
      this.#pass(bytes, () => {
        this.up += 1;
        this.#far?.send(bytes, settings.port, '127.0.0.1');
      });
    });
  }

  static async open(settings: UdpRelaySettings): Promise<UdpRelay> {
    const relay = new UdpRelay(settings);
    relay.#near.bind(0, '127.0.0.1');
    await once(relay.#near, 'listening');
    await relay.rebind();
    return relay;
  }

  get port(): number {
    return this.#near.address().port;
  }

  /** What the server sees of the client. */
  get farPort(): number {
    return this.#far?.address().port ?? 0;
  }

  /** The client has another port from here on; what still comes to the old one is lost. */
  async rebind(): Promise<void> {
    const far = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    far.bind(0, '127.0.0.1');
    await once(far, 'listening');
    far.on('message', (bytes) => {
      this.#pass(bytes, () => {
        const client = this.#client;
        if (client === undefined) return;
        this.down += 1;
        this.#near.send(bytes, client.port, client.address);
      });
    });
    this.#far?.close();
    this.#far = far;
  }

  /** Loses nothing from here on. */
  mend(): void {
    this.#harmless = true;
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#near.close();
    this.#far?.close();
  }

  #pass(bytes: Buffer, send: () => void): void {
    if (!this.#harmless && isMedia(bytes) && this.#random() < this.#settings.loss) {
      this.lost += 1;
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#isClosed) send();
    }, this.#settings.delay);
    this.#timers.add(timer);
  }
}
