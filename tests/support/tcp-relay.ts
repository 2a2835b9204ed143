import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP relay to a server on loopback that can fall silent, and cut what goes through it. */
export class TcpRelay {
  readonly #server: Server;
  /** The client's ends, in the order of their coming. */
  readonly #near: Socket[] = [];
  #isMuted = false;

  private constructor(target: number) {
    this.#server = createServer((near) => {
      const far = connect(target, '127.0.0.1');
      this.#near.push(near);
      for (const socket of [near, far]) socket.on('error', () => undefined);
      near.on('close', () => far.destroy());
      far.on('close', () => near.destroy());
      near.on('data', (bytes) => far.write(bytes));
      far.on('data', (bytes) => {
        if (!this.#isMuted) near.write(bytes);
      });
    });
  }

  static async start(target: number): Promise<TcpRelay> {
    const relay = new TcpRelay(target);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on what the server says is lost, and nobody is told. */
  mute(): void {
    this.#isMuted = true;
  }

  /** Cuts the newest connection. */
  cutNewest(): void {
    this.#near.at(-1)?.destroy();
  }

  async stop(): Promise<void> {
    for (const socket of this.#near) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
