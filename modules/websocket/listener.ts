import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Listen } from '../../core/config/schema.ts';
import type { Core } from '../../core/core.ts';
import { describeError } from '../../core/errors.ts';
import { listenOn } from '../../core/modules/listen.ts';
import { ConnectedSockets } from '../../core/net/connected-sockets.ts';
import { toMillis } from '../../core/time/micros.ts';
import { Certificates } from '../../core/tls/certificates.ts';
import type { WebSocketConfig } from './config.ts';
import { isViewTarget, type JsmpegView, readViewRequest } from './jsmpeg/view.ts';
import type { WebSocketCounters } from './metrics.ts';
import { PeerSocket } from './peer-socket.ts';

export interface ListenerDependencies {
  readonly core: Core;
  readonly counters: WebSocketCounters;
  readonly onSocket: (socket: PeerSocket) => void;
  readonly view: JsmpegView;
}

/** Pieces of one message, and how long (ms) a closed peer may take to close as well. */
const fragmentBounds = { maxFragments: 64, closeTimeout: 2_000 };
/** Heads of requests: bytes. */
const largestHead = 16 << 10;

/** Ports → WebSockets, within the limits. */
export class WebSocketListener {
  readonly #config: WebSocketConfig;
  readonly #core: Core;
  readonly #counters: WebSocketCounters;
  readonly #onSocket: (socket: PeerSocket) => void;
  readonly #view: JsmpegView;
  readonly #upgrades: WebSocketServer;
  readonly #servers: Server[] = [];
  readonly #sockets: ConnectedSockets;
  readonly ports: { plain?: number; secure?: number } = {};

  constructor(config: WebSocketConfig, dependencies: ListenerDependencies) {
    this.#config = config;
    const { sessions: total, perAddress } = config.limits;
    this.#sockets = new ConnectedSockets({ total, perAddress }, dependencies.counters);
    this.#core = dependencies.core;
    this.#counters = dependencies.counters;
    this.#onSocket = dependencies.onSocket;
    this.#view = dependencies.view;
    this.#upgrades = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // A compressed message of a few bytes may hold gigabytes.
      perMessageDeflate: false,
      maxPayload: config.message,
      autoPong: false,
      ...fragmentBounds,
    });
  }

  /** Opens the ports. Throws `port-unavailable`, `certificate-unusable`. */
  async open(): Promise<void> {
    const { listen, secure, tls } = this.#config;
    const { services, scope } = this.#core;
    scope.defer(() => this.#sockets.cut());
    if (listen.enabled) {
      this.ports.plain = await this.#listen(createServer(this.#patience(), refuseRequest), listen, 'listen');
    }
    const certificates = services.find(Certificates);
    if (secure.enabled && certificates?.offers(tls) === true) {
      const handshakeTimeout = toMillis(this.#config.limits.handshake);
      const server = createSecureServer(
        { ...this.#patience(), handshakeTimeout, minVersion: 'TLSv1.2' },
        refuseRequest,
      );
      server.on('tlsClientError', (_error, socket) => socket.destroy());
      await certificates.serve(tls, server, scope);
      this.ports.secure = await this.#listen(server, secure, 'secure');
    }
  }

  /** Accepts nobody new; waits until all are gone or the deadline has come. */
  async close(deadline: AbortSignal): Promise<void> {
    for (const server of this.#servers) server.close();
    await this.#sockets.close(deadline);
  }

  #patience() {
    const handshake = toMillis(this.#config.limits.handshake);
    return {
      noDelay: true,
      maxHeaderSize: largestHead,
      headersTimeout: handshake,
      requestTimeout: handshake,
      keepAliveTimeout: 1,
      connectionsCheckingInterval: 1_000,
    };
  }

  #listen(server: Server, place: Listen, key: 'listen' | 'secure'): Promise<number> {
    const { scope, observe } = this.#core;
    this.#servers.push(server);
    scope.defer(() => void server.close());
    server.on('connection', (socket: Socket) => this.#accept(socket));
    server.on('clientError', (_error, socket) => socket.destroy());
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
    const where = { module: 'websocket', host: place.host, port: place.port, key: `websocket.${key}.port` };
    return listenOn(server, where, (error) =>
      observe.log.warn('A WebSocket connection cannot be accepted.', { why: describeError(error) }),
    );
  }

  #accept(socket: Socket): void {
    if (!this.#sockets.admit(socket)) socket.destroy();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    if (!this.#isWelcome(request)) return this.#refuse(socket, '403 Forbidden');
    const target = request.url ?? '/';
    if (!isViewTarget(target)) {
      this.#upgrades.handleUpgrade(request, socket, head, (websocket) => this.#begin(websocket, request));
      return;
    }
    const view = this.#view.isEnabled ? readViewRequest(target) : undefined;
    if (view === undefined) return this.#refuse(socket, '404 Not Found');
    this.#upgrades.handleUpgrade(request, socket, head, (websocket) => {
      this.#counters.connections += 1;
      void this.#view.play(websocket, request, view);
    });
  }

  #refuse(socket: Duplex, status: string): void {
    this.#counters.connectionsRefused += 1;
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }

  /** Programs send no origin; pages cannot but send theirs. */
  #isWelcome({ headers }: IncomingMessage): boolean {
    const { origins } = this.#config;
    return headers.origin === undefined || origins.includes('*') || origins.includes(headers.origin);
  }

  #begin(websocket: WebSocket, request: IncomingMessage): void {
    const core = this.#core;
    const { ping, limits, messagesPerSecond } = this.#config;
    this.#counters.connections += 1;
    const socket = new PeerSocket(
      { ping, idle: limits.idle, messagesPerSecond },
      {
        socket: websocket,
        remoteAddress: request.socket.remoteAddress ?? 'unknown',
        scope: core.scope.child('websocket connection'),
        clock: core.clock,
        counters: this.#counters,
      },
    );
    this.#onSocket(socket);
  }
}

/** RFC 9110 15.5.22: this port speaks WebSocket alone. */
function refuseRequest(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain' });
  response.end('This port speaks WebSocket.\n');
}
