import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import { FailureLimit } from '../../core/access/failure-limit.ts';
import type { Core } from '../../core/core.ts';
import { describeError, isError } from '../../core/errors.ts';
import type { CloseReason } from '../../core/lifecycle/close-reason.ts';
import { listenOn } from '../../core/modules/listen.ts';
import { ConnectedSockets } from '../../core/net/connected-sockets.ts';
import { every } from '../../core/time/clock.ts';
import { seconds, toMillis } from '../../core/time/micros.ts';
import { Certificates } from '../../core/tls/certificates.ts';
import type { RtpPlane } from '../rtp/contract.ts';
import type { RtspConfig } from './config.ts';
import { RtspConnection } from './connection.ts';
import type { RtspCounters } from './metrics.ts';
import { MulticastGroups } from './multicast.ts';
import { RtspSession } from './session.ts';
import { Tunnels } from './tunnels.ts';

export interface ListenerDependencies {
  readonly core: Core;
  readonly plane: RtpPlane;
  readonly counters: RtspCounters;
}

const livenessInterval = seconds(1);
const headBytes = 16 * 1_024;

/** Sockets → sessions, within the limits. */
export class RtspListener {
  readonly #config: RtspConfig;
  readonly #d: ListenerDependencies;
  readonly #sessions = new Set<RtspSession>();
  readonly #sockets: ConnectedSockets;
  readonly #servers: Server[] = [];
  readonly #failures: FailureLimit;
  readonly #tunnels: Tunnels;
  readonly #multicast: MulticastGroups;
  port = 0;
  securePort = 0;

  constructor(config: RtspConfig, dependencies: ListenerDependencies) {
    this.#config = config;
    this.#d = dependencies;
    const { sessions: total, perAddress } = config.limits;
    this.#sockets = new ConnectedSockets({ total, perAddress }, dependencies.counters);
    const { clock } = dependencies.core;
    this.#failures = new FailureLimit({ failures: 20, window: seconds(60), addresses: 10_000 }, { clock });
    this.#multicast = new MulticastGroups(config, dependencies);
    this.#tunnels = new Tunnels(
      { enabled: config.transports.tunnel, patience: config.limits.handshake },
      {
        core: dependencies.core,
        counters: dependencies.counters,
        begin: (socket, reads) => this.#begin(socket, reads),
      },
    );
  }

  /** Opens the ports. Throws `port-unavailable` and `certificate-unusable`. */
  async open(): Promise<void> {
    const { core } = this.#d;
    const { listen, secure, tls } = this.#config;
    core.scope.defer(() => this.#sockets.cut());
    every(core.scope, core.clock, livenessInterval, () => this.#checkLiveness());
    if (listen.enabled) this.port = await this.#openPlain();
    const certificates = core.services.find(Certificates);
    if (secure.enabled && certificates?.offers(tls) === true) {
      const server = this.#tlsServer();
      await certificates.serve(tls, server, core.scope);
      this.securePort = await this.#listen(server, secure.host, secure.port, 'rtsp.secure.port');
    }
  }

  /** Accepts nobody new, says goodbye, and waits until all are gone or the deadline has come. */
  async close(deadline: AbortSignal, reason: CloseReason = { code: 'shutdown' }): Promise<void> {
    for (const server of this.#servers) server.close();
    for (const session of [...this.#sessions]) void session.connection.scope.close(reason);
    await this.#sockets.close(deadline);
  }

  /** The port asked for; where this user may not open it, the other one. */
  async #openPlain(): Promise<number> {
    const { listen, fallbackPort } = this.#config;
    const accept = (socket: Socket): void => this.#accept(socket);
    try {
      return await this.#listen(createServer({ noDelay: true }, accept), listen.host, listen.port, 'rtsp.listen.port');
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
      const notPermitted = isError(error, 'port-unavailable') && (code === 'EACCES' || code === 'EPERM');
      if (!notPermitted || fallbackPort === 0) throw error;
      const server = createServer({ noDelay: true }, accept);
      const port = await this.#listen(server, listen.host, fallbackPort, 'rtsp.fallbackPort');
      this.#d.core.observe.log.warn(
        `RTSP is on port ${port}: this user may not open port ${listen.port}. The URLs are rtsp://HOST:${port}/NAME. Run as root or with CAP_NET_BIND_SERVICE for the usual port.`,
      );
      return port;
    }
  }

  #listen(server: Server, host: string, port: number, key: string): Promise<number> {
    const { scope, observe } = this.#d.core;
    this.#servers.push(server);
    scope.defer(() => void server.close());
    return listenOn(server, { module: 'rtsp', host, port, key }, (error) =>
      observe.log.warn('RTSP cannot accept a connection.', { why: describeError(error) }),
    );
  }

  #tlsServer(): TlsServer {
    const handshakeTimeout = toMillis(this.#config.limits.handshake);
    const server = createTlsServer({ handshakeTimeout }, (socket) => this.#accept(socket));
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  }

  #accept(socket: Socket): void {
    if (!this.#sockets.admit(socket)) {
      socket.end('RTSP/1.0 453 Not Enough Bandwidth\r\n\r\n');
      socket.destroySoon();
      return;
    }
    this.#d.counters.connections += 1;
    this.#tunnels.take(socket);
  }

  #begin(socket: Socket, reads: boolean): RtspConnection {
    const { core, plane, counters } = this.#d;
    const connection = new RtspConnection(
      { headBytes, bodyBytes: this.#config.bodyBytes },
      { socket, scope: core.scope.child('rtsp connection'), clock: core.clock, log: core.observe.log, counters },
    );
    const session = new RtspSession(this.#config, {
      ...{ core, plane, connection, counters, failures: this.#failures, multicast: this.#multicast },
    });
    this.#sessions.add(session);
    connection.scope.defer(() => {
      this.#sessions.delete(session);
    });
    connection.start(session, reads);
    return connection;
  }

  #checkLiveness(): void {
    const now = this.#d.core.clock.now();
    for (const session of this.#sessions) session.checkLiveness(now);
  }
}
