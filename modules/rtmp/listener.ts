import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Core } from '../../core/core.ts';
import { describeError, SwitchyardError } from '../../core/errors.ts';
import type { CloseReason } from '../../core/lifecycle/close-reason.ts';
import { listenOn } from '../../core/modules/listen.ts';
import { ConnectedSockets } from '../../core/net/connected-sockets.ts';
import { every } from '../../core/time/clock.ts';
import { seconds } from '../../core/time/micros.ts';
import type { RtmpConfig } from './config.ts';
import { RtmpConnection, strangerLimits } from './connection.ts';
import { ServerHandshake } from './handshake.ts';
import type { RtmpCounters } from './metrics.ts';
import type { ReadPacer } from './read-pacer.ts';
import { RtmpSession } from './session.ts';
import type { WritePacer } from './write-pacer.ts';

export interface ListenerDependencies {
  readonly core: Core;
  readonly counters: RtmpCounters;
  readonly pacer: WritePacer;
  readonly readPacer: ReadPacer;
}

const livenessInterval = seconds(1);

/** Sockets → sessions, within the limits. */
export class RtmpListener {
  readonly #config: RtmpConfig;
  readonly #core: Core;
  readonly #counters: RtmpCounters;
  readonly #pacer: WritePacer;
  readonly #readPacer: ReadPacer;
  readonly #sessions = new Set<RtmpSession>();
  readonly #sockets: ConnectedSockets;
  readonly #servers: Server[] = [];
  #ports: { plain?: number; secure?: number } = {};

  constructor(config: RtmpConfig, dependencies: ListenerDependencies) {
    this.#config = config;
    const { sessions: total, perAddress } = config.limits;
    this.#sockets = new ConnectedSockets({ total, perAddress }, dependencies.counters);
    this.#core = dependencies.core;
    this.#counters = dependencies.counters;
    this.#pacer = dependencies.pacer;
    this.#readPacer = dependencies.readPacer;
  }

  /** The ports that were opened. */
  get ports(): { readonly plain?: number; readonly secure?: number } {
    return this.#ports;
  }

  /** Opens the ports. Throws `port-unavailable` and `config-unreadable`. */
  async open(): Promise<void> {
    const core = this.#core;
    const { listen, secure } = this.#config;
    core.scope.defer(() => this.#sockets.cut());
    every(core.scope, core.clock, livenessInterval, () => this.#checkLiveness());
    if (listen.enabled) {
      const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
      this.#ports = { ...this.#ports, plain: await this.#listen(server, listen, 'rtmp.listen.port') };
    }
    if (secure.certificate !== undefined && secure.key !== undefined) {
      const server = this.#tlsServer(secure.certificate, secure.key);
      this.#ports = { ...this.#ports, secure: await this.#listen(server, secure, 'rtmp.secure.port') };
    }
  }

  /** Accepts nobody new, says goodbye, and waits until all are gone or the deadline has come. */
  async close(deadline: AbortSignal, reason: CloseReason = { code: 'shutdown' }): Promise<void> {
    for (const server of this.#servers) server.close();
    for (const session of [...this.#sessions]) {
      session.dismiss();
      void session.connection.scope.close(reason);
    }
    await this.#sockets.close(deadline);
  }

  #listen(server: Server, place: { host: string; port: number }, key: string): Promise<number> {
    const { log } = this.#core.observe;
    this.#servers.push(server);
    this.#core.scope.defer(() => void server.close());
    return listenOn(server, { module: 'rtmp', host: place.host, port: place.port, key }, (error) =>
      log.warn('RTMP cannot accept a connection.', { why: describeError(error) }),
    );
  }

  #tlsServer(certificate: string, key: string): Server {
    const handshakeTimeout = this.#config.limits.handshake / 1_000;
    const server = createTlsServer({ cert: readPem(certificate), key: readPem(key), handshakeTimeout }, (socket) =>
      this.#accept(socket),
    );
    // Those whose TLS handshake is under way are nobody's sessions yet.
    server.maxConnections = this.#config.limits.sessions;
    server.on('tlsClientError', (_error, socket) => {
      this.#counters.handshakeFailures += 1;
      socket.destroy();
    });
    return server;
  }

  #accept(socket: Socket): void {
    if (!this.#sockets.admit(socket)) {
      // RTMP has no words before its handshake.
      socket.destroy();
      return;
    }
    this.#counters.connections += 1;
    this.#begin(socket);
  }

  #begin(socket: Socket): void {
    const core = this.#core;
    const counters = this.#counters;
    const connection = new RtmpConnection(
      { idle: this.#config.limits.idle, reading: strangerLimits },
      {
        socket,
        scope: core.scope.child('rtmp connection'),
        clock: core.clock,
        log: core.observe.log,
        counters,
        readPacer: this.#readPacer,
        handshake: new ServerHandshake(Math.floor(core.clock.now() / 1_000)),
      },
    );
    const session = new RtmpSession(this.#config, { core, connection, counters, pacer: this.#pacer });
    this.#sessions.add(session);
    connection.scope.defer(() => {
      this.#sessions.delete(session);
    });
    connection.start(session);
  }

  #checkLiveness(): void {
    const now = this.#core.clock.now();
    for (const session of this.#sessions) session.checkLiveness(now);
  }
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new SwitchyardError('config-unreadable', { file, why: describeError(error) }, { cause: error });
  }
}
