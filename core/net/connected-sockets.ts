import type { Socket } from 'node:net';
import { Occupancy, type OccupancyLimits } from './occupancy.ts';

/** The connections of a listener: let in while there is room, waited for when it closes, and cut. */
export class ConnectedSockets {
  readonly #sockets = new Set<Socket>();
  readonly #occupancy: Occupancy;
  #closing = false;
  #onEmpty: () => void = () => undefined;

  constructor(limits: OccupancyLimits) {
    this.#occupancy = new Occupancy(limits);
  }

  /** Takes the socket in until it is closed; then calls `onGone`. False where there is no place: turning it away is the caller's. */
  admit(socket: Socket, onGone: () => void): boolean {
    const address = socket.remoteAddress ?? 'unknown';
    if (this.#closing || this.#occupancy.findLimit(address) !== undefined) return false;
    const leave = this.#occupancy.enter(address);
    this.#sockets.add(socket);
    socket.once('close', () => {
      leave();
      this.#sockets.delete(socket);
      onGone();
      if (this.#sockets.size === 0) this.#onEmpty();
    });
    return true;
  }

  /** Lets nobody in any more. Resolves when all are gone; those who are still here at the deadline are cut. */
  async close(deadline: AbortSignal): Promise<void> {
    this.#closing = true;
    if (this.#sockets.size > 0 && !deadline.aborted) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.cut();
  }

  /** Ends every connection at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
