import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Core } from '../../core/core.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { listenOn } from '../../core/modules/listen.ts';
import { Occupancy } from '../../core/net/occupancy.ts';
import { every } from '../../core/time/clock.ts';
import { millis, seconds, toMillis } from '../../core/time/micros.ts';
import { Certificates } from '../../core/tls/certificates.ts';
import type { HlsConfig } from './config.ts';
import { Exchange, type ExchangeCounters } from './exchange.ts';
import { OldConnections } from './old-connections.ts';

export interface ListenerDependencies {
  readonly core: Core;
  readonly scope: Scope;
  readonly counters: ExchangeCounters;
  readonly answer: (exchange: Exchange) => void;
}

const headerBytes = 8_192;
const headersOnce = 64;

/** The two ports: HTTP/1.1, and HTTP/2 with HTTP/1.1 over TLS. Bounds connections, slow requests and slow readers. */
export class Listener {
  readonly #config: HlsConfig;
  readonly #dependencies: ListenerDependencies;
  readonly #occupancy: Occupancy;
  readonly #exchanges = new Set<Exchange>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #old: OldConnections;
  #plain: Server | undefined;
  #secure: Http2SecureServer | undefined;
  refusedConnections = 0;
  plainPort = 0;
  securePort = 0;

  constructor(config: HlsConfig, dependencies: ListenerDependencies) {
    this.#config = config;
    this.#occupancy = new Occupancy(config.connections);
    this.#dependencies = dependencies;
    const { clock } = dependencies.core;
    this.#old = new OldConnections(
      { handshake: config.limits.handshake, keepAlive: config.connections.keepAlive },
      { clock },
    );
  }

  /** Throws `port-unavailable`. */
  async start(): Promise<void> {
    const { core, scope } = this.#dependencies;
    const { listen, secure, tls } = this.#config;
    scope.defer(() => this.#cut());
    if (listen.enabled) {
      this.#plain = this.#createPlain();
      this.plainPort = await listenOn(this.#plain, { module: 'hls', ...listen }, (error) => this.#failed(error));
    }
    const certificates = core.services.find(Certificates);
    if (secure.enabled && certificates?.offers(tls) === true) {
      this.#secure = this.#createSecure();
      await certificates.serve(tls, this.#secure, scope);
      const place = { module: 'hls', key: 'hls.secure.port', ...secure };
      this.securePort = await listenOn(this.#secure, place, (error) => this.#failed(error));
    }
    every(scope, core.clock, seconds(1), () => this.#cutSlow());
  }

  /** Accepts nobody new; answers what is being asked; cuts the rest when `deadline` is over. */
  async stop(deadline: AbortSignal): Promise<void> {
    const closed = [this.#plain, this.#secure].flatMap((server) =>
      server === undefined ? [] : [new Promise<void>((resolve) => server.close(() => resolve()))],
    );
    const { core, scope } = this.#dependencies;
    // Players keep connections open: each is closed once its request is answered.
    const closeIdle = (): void => {
      this.#plain?.closeIdleConnections();
      this.#old.cut(true);
    };
    closeIdle();
    const cancel = every(scope, core.clock, millis(100), closeIdle);
    for (const session of this.#sessions) session.close();
    deadline.addEventListener('abort', () => this.#cut(), { once: true });
    if (deadline.aborted) this.#cut();
    await Promise.all(closed);
    cancel();
  }

  #createPlain(): Server {
    const { limits, connections } = this.#config;
    const server = createServer({
      maxHeaderSize: headerBytes,
      headersTimeout: toMillis(limits.handshake),
      requestTimeout: toMillis(limits.handshake) * 2,
      keepAliveTimeout: toMillis(connections.keepAlive),
      connectionsCheckingInterval: 1_000,
      noDelay: true,
    });
    server.maxHeadersCount = headersOnce;
    server.on('connection', (socket: Socket) => this.#accept(socket));
    server.on('request', (request, response) => this.#take(request, response, false));
    return server;
  }

  #createSecure(): Http2SecureServer {
    const { limits } = this.#config;
    const server = createSecureServer({
      allowHTTP1: true,
      handshakeTimeout: toMillis(limits.handshake),
      maxHeaderSize: headerBytes,
      maxHeaderListPairs: headersOnce,
      // CVE-2023-44487 and its kin: streams opened and reset, settings and bad frames in floods.
      maxSessionInvalidFrames: 100,
      maxSessionRejectedStreams: 100,
      maxSettings: 16,
      maxOutstandingPings: 4,
      maxSessionMemory: 4,
      streamResetBurst: 200,
      streamResetRate: 50,
      unknownProtocolTimeout: toMillis(limits.handshake),
      settings: { maxConcurrentStreams: 100, maxHeaderListSize: headerBytes * 2, enablePush: false },
    } as Parameters<typeof createSecureServer>[0]);
    server.on('connection', (socket: Socket) => this.#accept(socket));
    server.on('secureConnection', (socket: TLSSocket) => {
      if (socket.alpnProtocol !== 'h2') this.#old.add(socket);
    });
    server.on('session', (session) => this.#acceptSession(session));
    server.on('request', (request, response) => {
      // The compatible half of node:http2 and node:http itself: what an Exchange uses is the same in both.
      this.#take(request as unknown as IncomingMessage, response as unknown as ServerResponse, true);
    });
    return server;
  }

  /** Connections that are open, on both ports. */
  get connections(): number {
    return this.#occupancy.count;
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    if (this.#occupancy.findLimit(address) !== undefined) {
      this.refusedConnections += 1;
      socket.destroy();
      return;
    }
    socket.on('close', this.#occupancy.enter(address));
  }

  #acceptSession(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.on('close', () => this.#sessions.delete(session));
    // A peer that breaks the protocol ends its own session alone.
    session.on('error', () => session.destroy());
    session.setTimeout(toMillis(this.#config.connections.keepAlive), () => session.close());
  }

  #take(request: IncomingMessage, response: ServerResponse, secure: boolean): void {
    const { counters, core, answer } = this.#dependencies;
    const exchange = new Exchange(request, response, { secure, counters, now: () => core.clock.now() });
    const isOld = secure && request.httpVersionMajor === 1;
    const socket = request.socket;
    if (isOld) this.#old.asked(socket);
    this.#exchanges.add(exchange);
    response.on('close', () => {
      this.#exchanges.delete(exchange);
      if (isOld) this.#old.answered(socket);
    });
    // The peer may go at any time: 'close' follows and says the same.
    response.on('error', () => undefined);
    answer(exchange);
  }

  /** An answer that nobody takes holds memory and a connection. */
  #cutSlow(): void {
    this.#old.cut();
    const latest = this.#dependencies.core.clock.now() - this.#config.connections.response;
    for (const exchange of this.#exchanges) {
      if (exchange.answeredAt === undefined || exchange.answeredAt > latest) continue;
      this.#exchanges.delete(exchange);
      this.#dependencies.counters.cut += 1;
      exchange.request.socket.destroy();
    }
  }

  #cut(): void {
    this.#old.cut(true);
    this.#plain?.closeAllConnections();
    this.#plain?.close();
    for (const session of this.#sessions) session.destroy();
    for (const exchange of this.#exchanges) exchange.request.socket.destroy();
    this.#secure?.close();
  }

  #failed(error: unknown): void {
    this.#dependencies.core.observe.log.warn('A connection could not be accepted.', { error });
  }
}
