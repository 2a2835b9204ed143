import { randomBytes } from 'node:crypto';
import type { Core } from '../../core/core.ts';
import { describeError } from '../../core/errors.ts';
import type { CloseReason } from '../../core/lifecycle/close-reason.ts';
import { plainAddress } from '../../core/sessions/session-registry.ts';
import { afterIn } from '../../core/time/clock.ts';
import type { ClientMessage, ConnectionRequest } from '../../wire/wcs/client-message.ts';
import { streamInfo } from '../../wire/wcs/words.ts';
import type { WritePacer } from './batches.ts';
import type { ClientMetrics } from './client-metrics.ts';
import type { WebSocketConfig } from './config.ts';
import { credentialsOf } from './credentials.ts';
import type { LiveStreams } from './live-streams.ts';
import type { WebSocketCounters } from './metrics.ts';
import type { PeerSocket } from './peer-socket.ts';
import type { PeerStream } from './peer-stream.ts';
import type { Rooms } from './rooms.ts';
import { WcsSession } from './session.ts';

export interface PeersDependencies {
  readonly core: Core;
  readonly counters: WebSocketCounters;
  readonly pacer: WritePacer;
  readonly rooms: Rooms;
  readonly streams: LiveStreams;
  readonly metrics: ClientMetrics;
}

/** What `getVersion` says; clients only show it. */
const version = 'Switchyard';
const sessionMissing = 'Session does not exist';
const tooMany = 'There are too many sessions';

/** New sockets → sessions and their media, by the first message and its token. */
export class Peers {
  readonly #config: WebSocketConfig;
  readonly #dependencies: PeersDependencies;
  readonly #core: Core;
  readonly #sessions = new Map<string, WcsSession>();
  readonly #perAddress = new Map<string, number>();
  readonly #sockets = new Set<PeerSocket>();

  constructor(config: WebSocketConfig, dependencies: PeersDependencies) {
    this.#config = config;
    this.#dependencies = dependencies;
    this.#core = dependencies.core;
  }

  get sessions(): Iterable<WcsSession> {
    return this.#sessions.values();
  }

  find(sessionId: string): WcsSession | undefined {
    for (const session of this.#sessions.values()) if (session.session.id === sessionId) return session;
    return undefined;
  }

  /** A socket that has said nothing yet: it may only connect, as a client or as the media transport of one. */
  accept(socket: PeerSocket): void {
    this.#sockets.add(socket);
    socket.scope.defer(() => {
      this.#sockets.delete(socket);
    });
    const cancel = afterIn(socket.scope, this.#core.clock, this.#config.limits.handshake, () => {
      void socket.scope.close({ code: 'timeout', detail: 'the peer did not connect' });
    });
    socket.handleBy((message) => {
      if (message.message !== 'connection' && message.message !== 'connectMediaTransport') {
        answerStranger(socket, message);
        return;
      }
      cancel();
      socket.handleBy((early) => answerStranger(socket, early));
      if (message.message === 'connection') void this.#connect(socket, message.connection);
      else this.#connectMedia(socket, message.authToken);
    });
  }

  /** Ends everything. */
  dismiss(reason: CloseReason): void {
    for (const session of [...this.#sessions.values()]) void session.session.scope.close(reason);
    for (const socket of [...this.#sockets]) void socket.scope.close(reason);
  }

  tellRates(rates: (stream: PeerStream) => number | undefined): void {
    for (const session of this.#sessions.values()) session.tellRates(rates);
  }

  async #connect(socket: PeerSocket, request: ConnectionRequest): Promise<void> {
    const kept = request.authToken === undefined ? undefined : this.#sessions.get(request.authToken);
    if (kept !== undefined) {
      kept.attach(socket, version);
      return;
    }
    const address = plainAddress(socket.remoteAddress);
    if (!this.#hasRoomFor(address)) return refuse(socket, tooMany);
    const session = this.#open(socket, request, address);
    try {
      const credentials = credentialsOf(request.authToken, request.custom);
      await this.#core.access.admit({ action: 'connect', session: session.session, credentials });
    } catch (error) {
      await session.session.scope.close({ code: 'refused', error });
      refuse(socket, describeError(error));
      return;
    }
    if (socket.scope.closed) await session.session.scope.close({ code: 'peer-left' });
    else session.attach(socket, version);
  }

  #open(socket: PeerSocket, request: ConnectionRequest, address: string): WcsSession {
    const { counters, pacer, rooms, streams, metrics } = this.#dependencies;
    // 256 bits: whoever has it is the client.
    const token = randomBytes(32).toString('base64url');
    const opened = this.#core.sessions.open({
      protocol: 'websocket',
      remoteAddress: socket.remoteAddress,
      agent: request.agent,
      parent: this.#core.scope,
      inspect: () => session.inspect(),
    });
    const session: WcsSession = new WcsSession(
      { token, request, config: this.#config },
      { core: this.#core, session: opened, counters, pacer, rooms, streams, metrics },
    );
    this.#sessions.set(token, session);
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    counters.sessions += 1;
    counters.sessionsOpen += 1;
    opened.scope.defer(() => {
      this.#sessions.delete(token);
      counters.sessionsOpen -= 1;
      const left = (this.#perAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#perAddress.set(address, left);
      else this.#perAddress.delete(address);
    });
    return session;
  }

  /** Sessions that are kept without a socket count as well. */
  #hasRoomFor(address: string): boolean {
    const { sessions, perAddress } = this.#config.limits;
    return this.#sessions.size < sessions && (this.#perAddress.get(address) ?? 0) < perAddress;
  }

  #connectMedia(socket: PeerSocket, token: string): void {
    const session = this.#sessions.get(token);
    if (session === undefined) return refuse(socket, sessionMissing);
    if (!session.links.addSocket(socket)) return refuse(socket, tooMany);
    const { counters } = this.#dependencies;
    counters.mediaSockets += 1;
    socket.scope.defer(() => {
      counters.mediaSockets -= 1;
    });
  }
}

function answerStranger(socket: PeerSocket, message: ClientMessage): void {
  if (message.message === 'ping') socket.send(['pong', null]);
  else if (message.message !== 'pong') {
    socket.send(['fail', { apiMethod: message.message, info: streamInfo.sessionNotReady }]);
  }
}

function refuse(socket: PeerSocket, info: string): void {
  socket.send(['fail', { apiMethod: 'connection', info }]);
  void socket.scope.close({ code: 'refused', detail: info });
}
