import type { Socket } from 'node:net';
import { Occupancy, type OccupancyLimits } from './occupancy.ts';

/** What is counted of a listener's connections. */
export interface ConnectionCounters {
  connectionsOpen: number;
  /** Turned away for a limit. */
  connectionsRefused: number;
}

/** The connections of a listener: let in while there is room, waited for when it closes, and cut. */
export class ConnectedSockets {
  readonly #sockets = new Set<Socket>();
  readonly #occupancy: Occupancy;
  readonly #counters: ConnectionCounters;
  #closing = false;
  #onEmpty: () => void = () => undefined;

  constructor(limits: OccupancyLimits, counters: ConnectionCounters) {
    this.#occupancy = new Occupancy(limits);
    this.#counters = counters;
  }

  /** Takes the socket in until it is closed. False where there is no place: the last words to it are the caller's. */
  admit(socket: Socket): boolean {
    const address = socket.remoteAddress ?? 'unknown';
    if (this.#closing || this.#occupancy.findLimit(address) !== undefined) {
      this.#counters.connectionsRefused += 1;
      // An error of the peer's end is no longer of interest.
      socket.on('error', () => undefined);
      return false;
    }
    const leave = this.#occupancy.enter(address);
    this.#counters.connectionsOpen += 1;
    this.#sockets.add(socket);
    socket.once('close', () => {
      leave();
      this.#sockets.delete(socket);
      this.#counters.connectionsOpen -= 1;
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
