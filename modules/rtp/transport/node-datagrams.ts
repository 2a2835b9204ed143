import { Buffer } from 'node:buffer';
import type { Socket } from 'node:dgram';
import { bind } from '../bind.ts';
import type { DatagramDriver, DatagramHearing, DatagramSocket } from './engines.ts';

/**
 * Bytes that the system holds for a socket. All peers share it, and datagrams to an address that does not answer ARP are held
 * against it for seconds (up to 212 kB a neighbour): with a small buffer one dead peer would stop all others.
 */
const receiveBuffer = 8 << 20;
const sendBuffer = 4 << 20;
/** What may wait in this process when the system takes no more; then datagrams are dropped, as a router would. */
const mostWaiting = 4 << 20;

/** UDP through `node:dgram`. */
export const nodeDatagrams: DatagramDriver = {
  name: 'node:dgram',
  async bind(address, port, hear, onError) {
    const socket = await bind({ address, port, receiveBuffer, sendBuffer, ipv6Only: true });
    return new NodeDatagramSocket(socket, hear, onError);
  },
};

/**
 * libuv tries each send at once and copies nothing: when the system has taken the datagram, `send` has returned behind it and the
 * memory is free. Only when the system's buffer is full does libuv keep references, in a queue whose length it tells. Hence: the
 * queue is empty behind a round of sends, or the round's memory must be left to it.
 */
class NodeDatagramSocket implements DatagramSocket {
  readonly port: number;
  readonly #socket: Socket;
  #closed = false;
  /** Whether something waited when this round of `queue` began: then each datagram is copied, so that no memory is held. */
  #waiting = false;
  #inRound = false;

  constructor(socket: Socket, hear: DatagramHearing, onError: () => void) {
    this.#socket = socket;
    this.port = socket.address().port;
    socket.on('message', hear);
    // A peer's closed port or a lost route comes back as an error of the socket; what was lost is lost.
    socket.on('error', onError);
  }

  send(bytes: Buffer, port: number, address: string): void {
    if (!this.#closed && this.#socket.getSendQueueSize() < mostWaiting) this.#socket.send(bytes, port, address);
  }

  queue(memory: Buffer, start: number, length: number, port: number, address: string): boolean {
    if (this.#closed) return false;
    if (!this.#inRound) {
      this.#inRound = true;
      this.#waiting = this.#socket.getSendQueueCount() > 0;
    }
    const bytes = memory.subarray(start, start + length);
    if (!this.#waiting) {
      this.#socket.send(bytes, port, address);
      return true;
    }
    if (this.#socket.getSendQueueSize() >= mostWaiting) return false;
    this.#socket.send(Buffer.from(bytes), port, address);
    return true;
  }

  flush(): boolean {
    if (!this.#inRound || this.#closed) return true;
    this.#inRound = false;
    return this.#waiting || this.#socket.getSendQueueCount() === 0;
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    return new Promise((resolve) => {
      this.#socket.close(() => resolve());
    });
  }
}
