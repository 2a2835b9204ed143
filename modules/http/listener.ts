import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Listen } from '../../core/config/schema.ts';
import { describeError } from '../../core/errors.ts';
import { listenOn } from '../../core/modules/listen.ts';
import { Occupancy } from '../../core/net/occupancy.ts';
import type { Log } from '../../core/observe/log.ts';
import { toMillis } from '../../core/time/micros.ts';
import type { HttpConfig } from './config.ts';
import type { AnyRequest, AnyResponse } from './mounts.ts';

const faults: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
};

export type Answer = (request: AnyRequest, response: AnyResponse) => void;
export type TakeUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean;

export interface ListenerDependencies {
  readonly answer: Answer;
  readonly takeUpgrade: TakeUpgrade;
  readonly log: Log;
}

export interface ListenerPlace {
  readonly module: string;
  /** The configuration's key of the port. */
  readonly key: string;
  readonly listen: Listen;
}

/** Bytes; also what Node allows where it takes no setting. */
const largestHead = 16 << 10;
/** How often late heads and requests are looked for. */
const lookIntervalMs = 1_000;
/** RFC 9113: what one connection may have open at a time, and the memory it may take in MiB. */
const http2Bounds = { maxSessionMemory: 4, maxSessionInvalidFrames: 100, maxSessionRejectedStreams: 100 };
const http2Settings = { maxConcurrentStreams: 100, maxHeaderListSize: largestHead };

/** One port: its connections, bounded in number and patience. */
export class HttpListener {
  readonly server: Server | Http2SecureServer;
  readonly secure: boolean;
  readonly #limits: HttpConfig['limits'];
  readonly #dependencies: ListenerDependencies;
  readonly #sockets = new Set<Socket>();
  readonly #occupancy: Occupancy;
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Answers under way by peer: the sockets of requests are not those that were accepted when TLS lies between. */
  readonly #answering = new Map<string, number>();
  #stopping = false;
  /** Connections turned away since the start, because there were too many. */
  refused = 0;
  port: number | undefined;

  constructor(settings: { secure: boolean; limits: HttpConfig['limits'] }, dependencies: ListenerDependencies) {
    this.secure = settings.secure;
    this.#limits = settings.limits;
    const { connections: total, perAddress } = settings.limits;
    this.#occupancy = new Occupancy({ total, perAddress });
    this.#dependencies = dependencies;
    const answer: Answer = (request, response) => this.#answer(request, response);
    this.server = settings.secure ? this.#openSecure(answer) : this.#openPlain(answer);
    this.#watch(this.server);
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Throws `port-unavailable`. */
  async start(place: ListenerPlace): Promise<void> {
    const { host, port } = place.listen;
    this.port = await listenOn(this.server, { module: place.module, host, port, key: place.key }, (error) => {
      this.#dependencies.log.warn('A connection could not be accepted.', { error: describeError(error) });
    });
  }

  /** Accepts nobody new, lets answers end, and cuts what is left at the deadline. */
  stop(deadline: AbortSignal): Promise<void> {
    this.#stopping = true;
    if (!this.server.listening) return Promise.resolve();
    return new Promise((resolve) => {
      const cut = (): void => {
        for (const socket of this.#sockets) socket.destroy();
      };
      this.server.close(() => {
        deadline.removeEventListener('abort', cut);
        resolve();
      });
      for (const session of this.#sessions) session.close();
      this.#endIdle();
      if (deadline.aborted) cut();
      else deadline.addEventListener('abort', cut, { once: true });
    });
  }

  #openPlain(answer: Answer): Server {
    return createServer({ ...this.#patience(), noDelay: true }, answer);
  }

  #openSecure(answer: Answer): Http2SecureServer {
    const server = createSecureServer(
      {
        allowHTTP1: true,
        minVersion: 'TLSv1.2',
        handshakeTimeout: toMillis(this.#limits.headers),
        settings: http2Settings,
        ...http2Bounds,
      },
      answer,
    );
    // For those who speak HTTP/1.1 here; HTTP/2 looks after silent sessions below.
    Object.assign(server, this.#patience());
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.setTimeout(toMillis(this.#limits.keepAlive), () => session.close());
      session.on('close', () => this.#sessions.delete(session));
      if (this.#stopping) session.close();
    });
    return server;
  }

  #patience() {
    return {
      headersTimeout: toMillis(this.#limits.headers),
      requestTimeout: toMillis(this.#limits.request),
      keepAliveTimeout: toMillis(this.#limits.keepAlive),
      connectionsCheckingInterval: lookIntervalMs,
    };
  }

  #watch(server: Server | Http2SecureServer): void {
    server.on('connection', (socket: Socket) => this.#accept(socket));
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => this.#refuse(error, socket));
    server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
    server.on('sessionError', () => undefined);
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    if (this.#occupancy.findLimit(address) !== undefined) {
      this.refused += 1;
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    const leave = this.#occupancy.enter(address);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      leave();
    });
  }

  /** A peer's broken bytes, or its silence, end its connection alone. */
  #refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    const status = faults[error.code ?? ''] ?? '400 Bad Request';
    const response = (socket as { _httpMessage?: ServerResponse | null })._httpMessage;
    // In the midst of an answer another would be read as a part of it.
    if (!socket.writable || response?.headersSent === true) socket.destroy();
    else socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }

  #answer(request: AnyRequest, response: AnyResponse): void {
    if (this.#stopping && response instanceof ServerResponse) response.shouldKeepAlive = false;
    const peer = peerOf(request.socket);
    this.#answering.set(peer, (this.#answering.get(peer) ?? 0) + 1);
    response.on('close', () => {
      const left = (this.#answering.get(peer) ?? 1) - 1;
      if (left > 0) this.#answering.set(peer, left);
      else this.#answering.delete(peer);
      if (this.#stopping) this.#endIdle();
    });
    this.#dependencies.answer(request, response);
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const wanted = request.headers.upgrade?.toLowerCase();
    if (wanted === 'websocket') {
      if (this.#dependencies.takeUpgrade(request, socket, head)) {
        // It is busy until it closes, by the will of its new owner.
        const peer = peerOf(socket);
        this.#answering.set(peer, 1);
        socket.on('close', () => this.#answering.delete(peer));
        return;
      }
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    // RFC 9110 7.8: an offer such as h2c may be ignored. Clients that make it send requests without a body.
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.on('finish', () => socket.end());
    this.#answer(request, response);
  }

  /** Those who wait for no answer need not be waited for. */
  #endIdle(): void {
    for (const socket of this.#sockets) if (!this.#answering.has(peerOf(socket))) socket.destroySoon();
  }
}

function peerOf(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
