import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import type { Credentials } from '../../../core/access/access-control.ts';
import type { Core } from '../../../core/core.ts';
import { describeError, isError } from '../../../core/errors.ts';
import type { CloseReason } from '../../../core/lifecycle/close-reason.ts';
import type { TrackWish } from '../../../core/streams/requests.ts';
import { parseStreamName } from '../../../core/streams/stream-name.ts';
import { WritePacer } from '../../../core/streams/write-pacer.ts';
import type { WebSocketConfig } from '../config.ts';
import { ViewCounters } from './metrics.ts';
import { type ViewPacer, ViewPlayback } from './playback.ts';
import { Batches, TransportStreams } from './transport-stream.ts';
import { ViewSocket } from './view-socket.ts';

const prefix = '/jsmpeg/';
const longestTarget = 4_096;

/** What a request target asks for. */
export interface ViewRequest {
  readonly name: string;
  readonly credentials: Credentials;
}

/** Whether a request target is meant for this view, rightly made or not. */
export function isViewTarget(target: string): boolean {
  return target.startsWith(prefix);
}

/** `/jsmpeg/<name>?…`: the stream, and what is shown for it. Undefined for anything else, and for what is no name. */
export function readViewRequest(target: string): ViewRequest | undefined {
  if (!target.startsWith(prefix) || target.length > longestTarget) return undefined;
  const mark = target.indexOf('?');
  const path = target.slice(prefix.length, mark < 0 ? undefined : mark);
  if (path.includes('/')) return undefined;
  try {
    const name = parseStreamName(decodeURIComponent(path));
    return { name, credentials: credentialsOf(new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1))) };
  } catch (error) {
    // decodeURIComponent throws URIError for what is no UTF-8.
    if (error instanceof URIError || isError(error, 'stream-name-invalid')) return undefined;
    throw error;
  }
}

/** MPEG-1 for players that decode in JavaScript: whole transport packets over a binary WebSocket. */
export class JsmpegView {
  readonly counters = new ViewCounters();
  readonly #config: WebSocketConfig;
  readonly #core: Core;
  readonly #pacer: ViewPacer;
  readonly #transports = new TransportStreams();
  readonly #sockets = new Set<ViewSocket>();

  constructor(config: WebSocketConfig, dependencies: { core: Core; busyness: () => number }) {
    this.#config = config;
    this.#core = dependencies.core;
    const { clock, scope } = this.#core;
    this.#pacer = new WritePacer<Batches>(
      { merge: config.merge, share: () => new Batches() },
      { clock, scope, busyness: dependencies.busyness },
    );
  }

  get isEnabled(): boolean {
    return this.#config.jsmpeg.enabled;
  }

  /** Plays to the socket until either ends. A refusal is told in the close frame. */
  async play(websocket: WebSocket, request: IncomingMessage, { name, credentials }: ViewRequest): Promise<void> {
    const { clock, scope: parent, sessions, streams } = this.#core;
    const session = sessions.open({
      protocol: 'jsmpeg',
      remoteAddress: request.socket.remoteAddress ?? 'unknown',
      agent: request.headers['user-agent'] ?? '',
      parent,
      inspect: () => ({ stream: name }),
    });
    const { ping, limits, messagesPerSecond, merge } = this.#config;
    const { scope } = session;
    const socket = new ViewSocket(
      { ping, idle: limits.idle, messagesPerSecond },
      { socket: websocket, scope, clock, counters: this.counters },
    );
    this.#sockets.add(socket);
    scope.defer(() => {
      this.#sockets.delete(socket);
    });
    try {
      const subscription = await streams.subscribe({ name, session, credentials, wishes: this.#wishes() });
      this.counters.add(subscription);
      subscription.scope.defer((reason) => void scope.close(reason));
      const playback = new ViewPlayback(subscription, { socket, transports: this.#transports });
      this.#pacer.join(subscription.stream, playback, merge, subscription.scope);
      playback.flush(new Batches());
    } catch (error) {
      if (scope.closed) return;
      this.counters.refused += 1;
      await scope.close({ code: 'refused', detail: describeError(error), error });
    }
  }

  /** Ends everything. */
  dismiss(reason: CloseReason): void {
    for (const socket of [...this.#sockets]) void socket.scope.close(reason);
  }

  #wishes(): readonly TrackWish[] {
    const { width, height, fps, bitrate } = this.#config.jsmpeg;
    const rate = bitrate === undefined ? {} : { bitrate: bitrate * 1_000 };
    const profile = { width, height, frameRate: fps, ...rate };
    return [
      { kind: 'video', accepts: [{ codec: 'mpeg1' }], profile, optional: true },
      // Players were only ever tried with two channels.
      { kind: 'audio', accepts: [{ codec: 'mp2', channels: 2 }], optional: true },
    ];
  }
}

function credentialsOf(query: URLSearchParams): Credentials {
  const token = query.get('token') ?? query.get('aclAuth');
  const [user, password] = [query.get('user'), query.get('password')];
  return {
    query,
    ...(token === null ? {} : { token }),
    ...(user === null ? {} : { user }),
    ...(password === null ? {} : { password }),
  };
}
