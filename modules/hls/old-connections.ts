import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/time/clock.ts';
import type { Micros } from '../../core/time/micros.ts';

interface Connection {
  /** Requests that are being answered. */
  active: number;
  since: Micros;
  patience: Micros;
}

/**
 * HTTP/1.1 connections of the HTTP/2 server, which node:http2 accepts but does not time: each has to ask within
 * `handshake`, and again within `keepAlive` after an answer, however slowly bytes trickle in between.
 */
export class OldConnections {
  readonly #settings: { readonly handshake: Micros; readonly keepAlive: Micros };
  readonly #clock: Clock;
  readonly #connections = new Map<Duplex, Connection>();

  constructor(settings: { readonly handshake: Micros; readonly keepAlive: Micros }, dependencies: { clock: Clock }) {
    this.#settings = settings;
    this.#clock = dependencies.clock;
  }

  add(socket: Duplex): void {
    this.#connections.set(socket, { active: 0, since: this.#clock.now(), patience: this.#settings.handshake });
    socket.on('close', () => this.#connections.delete(socket));
  }

  asked(socket: Duplex): void {
    const connection = this.#connections.get(socket);
    if (connection !== undefined) connection.active += 1;
  }

  answered(socket: Duplex): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    connection.active -= 1;
    connection.since = this.#clock.now();
    connection.patience = this.#settings.keepAlive;
  }

  /** Ends those that are late; with `all`, every one that has nothing to be answered. */
  cut(all = false): void {
    const now = this.#clock.now();
    for (const [socket, { active, since, patience }] of this.#connections) {
      if (active === 0 && (all || now - since > patience)) socket.destroy();
    }
  }
}
