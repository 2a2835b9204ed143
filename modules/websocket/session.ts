import type { Core } from '../../core/core.ts';
import { describeError, isError } from '../../core/errors.ts';
import type { CloseReason } from '../../core/lifecycle/close-reason.ts';
import { Snapshots } from '../../core/renditions/snapshots.ts';
import type { Session } from '../../core/sessions/session.ts';
import { cleanText } from '../../core/sessions/session-registry.ts';
import { parseStreamName } from '../../core/streams/stream-name.ts';
import { afterIn, type Cancel } from '../../core/time/clock.ts';
import { toMillis } from '../../core/time/micros.ts';
import { WireError } from '../../wire/errors.ts';
import type { ClientMessage, ConnectionRequest, StreamRequest } from '../../wire/wcs/client-message.ts';
import { findText } from '../../wire/wcs/json.ts';
import type { ServerMessage } from '../../wire/wcs/server-message.ts';
import { streamInfo } from '../../wire/wcs/words.ts';
import type { WritePacer } from './batches.ts';
import { type ClientMetrics, MetricSource } from './client-metrics.ts';
import type { WebSocketConfig } from './config.ts';
import { ClientDataReceived } from './contract.ts';
import { credentialsOf } from './credentials.ts';
import type { LiveStreams } from './live-streams.ts';
import { MediaLinks } from './media-links.ts';
import type { WebSocketCounters } from './metrics.ts';
import type { PeerSocket } from './peer-socket.ts';
import { PeerStream } from './peer-stream.ts';
import { type Participant, type Rooms, roomApplication } from './rooms.ts';
import { playStream, publishStream } from './stream-requests.ts';

export interface WcsSessionDependencies {
  readonly core: Core;
  readonly session: Session;
  readonly counters: WebSocketCounters;
  readonly pacer: WritePacer;
  readonly rooms: Rooms;
  readonly streams: LiveStreams;
  readonly metrics: ClientMetrics;
}

const mostSnapshots = 2;
const noTelephony = 'Telephony is not available on this server';

/** One client: connection → getUserData → streams, data, events, until its socket has gone. */
export class WcsSession {
  readonly token: string;
  readonly session: Session;
  readonly links: MediaLinks;
  readonly #request: ConnectionRequest;
  readonly #config: WebSocketConfig;
  readonly #dependencies: WcsSessionDependencies;
  readonly #core: Core;
  readonly #streams = new Map<string, PeerStream>();
  readonly #metricSources = new WeakMap<PeerStream, MetricSource>();
  readonly #participant: Participant;
  #socket: PeerSocket | undefined;
  #cancelKeeping: Cancel = () => undefined;
  #snapshots = 0;

  constructor(
    settings: { readonly token: string; readonly request: ConnectionRequest; readonly config: WebSocketConfig },
    dependencies: WcsSessionDependencies,
  ) {
    this.token = settings.token;
    this.#request = settings.request;
    this.#config = settings.config;
    this.#dependencies = dependencies;
    this.#core = dependencies.core;
    this.session = dependencies.session;
    this.links = new MediaLinks(
      { timeout: this.#config.mediaTimeout, maximum: this.#config.streamsPerSession + 2 },
      { clock: this.#core.clock },
    );
    this.#participant = {
      login: findText(settings.request.custom ?? {}, 'login', 200) ?? '',
      scope: this.session.scope,
      tell: (event) => this.send(['OnDataEvent', { operationId: '', payload: event }]),
    };
    // The oldest cleanup runs last: streams say why they end before the socket goes.
    this.session.scope.defer((reason) => this.#leave(reason));
  }

  /** Whether it outlives its socket at the moment. */
  get isKept(): boolean {
    return this.#socket === undefined && !this.session.scope.closed;
  }

  send(...messages: readonly ServerMessage[]): void {
    this.#socket?.send(...messages);
  }

  /** The client is there: for the first time, or back. */
  attach(socket: PeerSocket, version: string): void {
    this.#cancelKeeping();
    const before = this.#socket;
    this.#socket = socket;
    if (before !== undefined) void before.scope.close({ code: 'replaced' });
    socket.handleBy((message) => this.#take(message));
    socket.scope.defer((reason) => this.#detach(socket, reason));
    const description = this.#dependencies.metrics.describe();
    // The client takes the whole object for its own settings.
    const told = {
      ...this.#request.echo,
      authToken: this.token,
      sessionId: this.session.id,
      ...(description === undefined ? {} : { webRTCMetricsServerDescription: description }),
    };
    this.send(['getUserData', told], ['getVersion', version]);
    if (this.#request.sipLogin !== undefined) this.send(['fail', { apiMethod: 'connection', info: noTelephony }]);
    for (const stream of this.#streams.values()) stream.tellStatus();
  }

  inspect(): Record<string, unknown> {
    return {
      appKey: this.#request.appKey,
      connected: this.#socket !== undefined,
      mediaSockets: this.links.sockets,
      streams: [...this.#streams.values()].map(({ type, name, status, request }) => ({
        type,
        name: cleanText(name),
        status,
        provider: cleanText(request.mediaProvider),
      })),
    };
  }

  /** About once a second: what the server sends and gets of video, for the client to compare. */
  tellRates(rates: (stream: PeerStream) => number | undefined): void {
    for (const stream of this.#streams.values()) {
      const videoRate = rates(stream);
      if (videoRate === undefined) continue;
      const message = stream.type === 'play' ? 'outboundVideoRate' : 'inboundVideoRate';
      this.send([message, { mediaSessionId: stream.id, videoRate }]);
    }
  }

  #detach(socket: PeerSocket, reason: CloseReason): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    const lost = reason.code === 'peer-left' || reason.code === 'timeout';
    if (lost && this.#request.keepAlive && this.#config.keepAlive > 0) {
      this.#cancelKeeping = afterIn(this.session.scope, this.#core.clock, this.#config.keepAlive, () => {
        void this.session.scope.close(reason);
      });
    } else void this.session.scope.close(reason);
  }

  #leave(reason: CloseReason): void {
    this.links.close();
    const socket = this.#socket;
    this.#socket = undefined;
    void socket?.scope.close(reason);
  }

  #take(message: ClientMessage): void {
    switch (message.message) {
      case 'ping':
        return this.send(['pong', null]);
      case 'publishStream':
      case 'playStream':
      case 'unreadableStream':
        return this.#takeRequest(message);
      case 'unPublishStream':
      case 'stopStream':
        return this.#stop(message);
      case 'availableStream':
        return void this.#tellAvailability(message.mediaSessionId, message.name);
      case 'snapshot':
        return void this.#takeSnapshot(message.mediaSessionId, message.name);
      case 'sendStreamEvent':
        return this.#relay(message);
      case 'sendData':
        return this.#takeData(message.operationId, message.payload);
      case 'webRTCMetricsClientDescription':
      case 'webRTCMetricsBatch':
        return this.#takeMetrics(message);
      case 'pushLogs':
        return this.#core.observe.log.debug('A client logs.', {
          session: this.session.id,
          text: cleanText(message.logs, 1_000),
        });
      case 'pong':
        return;
      case 'unknown':
        return this.#decline(cleanText(message.name), 'There is no such method');
      case 'connection':
      case 'connectMediaTransport':
      case 'sessionDebug':
      case 'submitBugReport':
        return this.#decline(message.message, 'This is not possible here');
      default:
        this.#takeCall(message);
    }
  }

  #decline(apiMethod: string, info: string): void {
    this.send(['fail', { apiMethod, info }]);
  }

  #takeCall({ message, callId }: Extract<ClientMessage, { callId: string }>): void {
    // Clients know the end of a call by this alone.
    if (message === 'call') this.send(['finish', { callId, status: 'FAILED', info: noTelephony }]);
    else this.send(['fail', { apiMethod: message, id: callId, info: noTelephony }]);
  }

  #takeRequest(
    message: Extract<ClientMessage, { message: 'publishStream' | 'playStream' | 'unreadableStream' }>,
  ): void {
    if (message.message === 'unreadableStream') this.#refuse(message.mediaSessionId, streamInfo.error, message.why);
    else this.#begin(message.message === 'publishStream' ? 'publish' : 'play', message.stream);
  }

  #begin(type: 'publish' | 'play', request: StreamRequest): void {
    const apiMethod = type === 'publish' ? 'publishStream' : 'playStream';
    if (request.mediaSessionId === '') return this.send(['fail', { apiMethod, info: streamInfo.idIsNull }]);
    const { streams, counters, core, pacer } = this.#dependencies;
    const mayHaveMore = this.#streams.size < this.#config.streamsPerSession;
    const id = request.mediaSessionId;
    // Of this session or another: a second stream of one id could be taken for the first.
    if (!mayHaveMore || !streams.reserve(id, this.session.scope)) {
      return this.#refuse(id, mayHaveMore ? streamInfo.idInUse : streamInfo.error);
    }
    const scope = this.session.scope.child(`stream of ${this.session.id}`);
    scope.defer(() => {
      streams.release(id);
      this.#streams.delete(id);
    });
    const stream = new PeerStream(type, request, {
      owner: { id: this.session.id, appKey: this.#request.appKey, send: (...messages) => this.send(...messages) },
      scope,
      createdAt: toMillis(core.clock.wallNow()),
      findPublisher: (subscription) => streams.findPublisher(subscription),
      onFailure: (info) => counters.countFailure(info),
    });
    this.#streams.set(id, stream);
    const dependencies = {
      ...{ config: this.#config, core, counters, pacer, session: this.session, links: this.links },
      credentials: credentialsOf(this.#request.authToken, this.#request.custom, request.custom),
      send: (message: ServerMessage) => this.send(message),
    };
    const running = type === 'publish' ? publishStream(stream, dependencies) : playStream(stream, dependencies);
    void running.then(() => this.#noteRunning(stream));
  }

  /** A stream that is not begun ends in FAILED nevertheless: the client asks until it hears of an end. */
  #refuse(id: string, info: string, why = info): void {
    this.send(
      ['fail', { apiMethod: 'StreamStatusEvent', id, info: why }],
      ['notifyStreamStatusEvent', { mediaSessionId: id, status: 'FAILED', info }],
    );
  }

  #noteRunning(stream: PeerStream): void {
    if (stream.scope.closed) return;
    this.#dependencies.streams.note(stream);
    const room = findText(stream.request.custom ?? {}, 'name', 200);
    if (stream.type === 'publish' && room !== undefined && this.#request.appKey === roomApplication) {
      this.#dependencies.rooms.notePublished(this.#participant, room, stream.name, stream.scope);
    }
  }

  #stop({ message, mediaSessionId }: Extract<ClientMessage, { message: 'stopStream' | 'unPublishStream' }>): void {
    const stream = this.#streams.get(mediaSessionId);
    if (stream !== undefined) return void stream.scope.close({ code: 'done' });
    // A client that asks again has missed the answer, and waits for it.
    const status = message === 'stopStream' ? 'STOPPED' : 'UNPUBLISHED';
    this.send(['notifyStreamStatusEvent', { mediaSessionId, status, info: streamInfo.user }]);
  }

  async #tellAvailability(id: string, name: string): Promise<void> {
    try {
      const stream = parseStreamName(name);
      await this.#admitPlay(stream);
      const isThere = this.#core.streams.isWithinReach(stream);
      this.send(['availableStream', isThere ? { id, status: 'true' } : unavailable(id, streamInfo.notFound)]);
    } catch (error) {
      this.send(['availableStream', unavailable(id, refusalInfo(error))]);
    }
  }

  #admitPlay(stream: string): Promise<void> {
    const credentials = credentialsOf(this.#request.authToken, this.#request.custom);
    return this.#core.access.admit({ action: 'play', session: this.session, stream, credentials });
  }

  async #takeSnapshot(mediaSessionId: string, asked: string): Promise<void> {
    const own = this.#streams.get(mediaSessionId);
    const tell = (type: 'snapshotCompleted' | 'snapshotFailed', payload: unknown): void =>
      this.send(['notifyStreamEvent', { mediaSessionId, type, payload }]);
    if (this.#snapshots >= mostSnapshots) return tell('snapshotFailed', { info: 'Another snapshot is being taken' });
    this.#snapshots += 1;
    try {
      const name = parseStreamName(own?.name ?? asked);
      if (own?.status !== 'PUBLISHING' && own?.status !== 'PLAYING') await this.#admitPlay(name);
      const picture = await this.#core.services.get(Snapshots).take(name, { format: 'png' });
      tell('snapshotCompleted', { snapshot: picture.toString('base64') });
    } catch (error) {
      tell('snapshotFailed', { info: refusalInfo(error) });
    } finally {
      this.#snapshots -= 1;
    }
  }

  #relay({ mediaSessionId, type, payload }: Extract<ClientMessage, { message: 'sendStreamEvent' }>): void {
    const stream = this.#streams.get(mediaSessionId);
    const publication = stream?.publication;
    if (stream === undefined || publication === undefined || stream.status !== 'PUBLISHING') {
      return this.send(['fail', { apiMethod: 'sendStreamEvent', id: mediaSessionId, info: streamInfo.notReady }]);
    }
    stream.noteEvent(type);
    const told = type === 'data' ? payload : { streamName: stream.name };
    for (const viewer of this.#dependencies.streams.viewersOf(publication.stream)) viewer.tellEvent(type, told);
  }

  #takeData(operationId: string, payload: unknown): void {
    const refusal = this.#refuseData(operationId, payload);
    const outcome =
      refusal === undefined ? ({ status: 'ACCEPTED' } as const) : ({ status: 'FAILED', info: refusal } as const);
    this.send(['DataStatusEvent', { operationId, ...outcome }]);
  }

  #refuseData(operationId: string, payload: unknown): string | undefined {
    const { appKey } = this.#request;
    if (appKey !== roomApplication) {
      this.#core.events.emit(ClientDataReceived, { session: this.session, appKey, operationId, payload });
      return undefined;
    }
    try {
      return this.#dependencies.rooms.obey(this.#participant, payload);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return error.message;
    }
  }

  #takeMetrics(
    message: Extract<ClientMessage, { message: 'webRTCMetricsClientDescription' | 'webRTCMetricsBatch' }>,
  ): void {
    const stream = this.#streams.get(message.mediaSessionId);
    if (stream === undefined) return;
    const source = this.#metricSources.get(stream) ?? new MetricSource();
    this.#metricSources.set(stream, source);
    const { metrics } = this.#dependencies;
    if (message.message === 'webRTCMetricsBatch') metrics.add(source, message.metrics);
    else metrics.begin(source, message.headers);
  }
}

function unavailable(id: string, info: string): { id: string; status: 'false'; info: string } {
  return { id, status: 'false', info };
}

function refusalInfo(error: unknown): string {
  if (isError(error, 'access-refused')) return streamInfo.restricted;
  if (isError(error, 'stream-not-found') || isError(error, 'stream-name-invalid')) return streamInfo.notFound;
  return describeError(error);
}
