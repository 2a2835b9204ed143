import type { Socket } from 'node:net';
import type { Core } from '../../core/core.ts';
import { SwitchyardError } from '../../core/errors.ts';
import { describeReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { afterIn, every } from '../../core/time/clock.ts';
import { type Micros, seconds } from '../../core/time/micros.ts';
import { type AmfValue, amfObject, findAmfString } from '../../wire/amf/value.ts';
import { WireError } from '../../wire/errors.ts';
import { splitAggregate } from '../../wire/rtmp/aggregate.ts';
import { type Command, commandMessage, readCommand } from '../../wire/rtmp/command-messages.ts';
import { setBufferLength, windowAckSize } from '../../wire/rtmp/control-messages.ts';
import { messageType, type RtmpMessage } from '../../wire/rtmp/message.ts';
import { formatStreamName, formatTcUrl, type RtmpUrl } from '../../wire/rtmp/url.ts';
import { type Capabilities, ownCapabilities, readCapabilities } from './capabilities.ts';
import { type ConnectionOwner, RtmpConnection } from './connection.ts';
import { ClientHandshake } from './handshake.ts';
import { chunkStream } from './message-form.ts';
import type { RtmpCounters } from './metrics.ts';

export interface ClientSettings {
  readonly url: RtmpUrl;
  /** How long the other server may take for the whole way to media. */
  readonly timeout: Micros;
  readonly idle: Micros;
  readonly messageBytes: number;
  readonly partialBytes: number;
}

export interface ClientDependencies {
  readonly core: Core;
  readonly counters: RtmpCounters;
  readonly socket: Socket;
  /** The connection ends with it, and it with the connection. */
  readonly scope: Scope;
}

interface PendingCall {
  resolve(answer: Command): void;
  reject(error: unknown): void;
}

/** As OBS and ffmpeg call themselves: some servers look for the first word. */
const agent = 'FMLE/3.0 (compatible; Switchyard)';
const window = 2_500_000;
const bufferMillis = 300;
/** Bytes that may come between a play's answer and the moment when somebody takes them. */
const mostEarly = 16 * 1_024 * 1_024;
/** What a message costs beside its payload. */
const messageCost = 200;

/** The client side: handshake → connect → createStream → publish or play. */
export class RtmpClient implements ConnectionOwner {
  readonly connection: RtmpConnection;
  readonly #url: RtmpUrl;
  readonly #scope: Scope;
  readonly #calls = new Map<number, PendingCall>();
  #handshaken: () => void = () => undefined;
  #transactions = 0;
  #started: { accepts: string; resolve: () => void; reject: (error: unknown) => void } | undefined;
  #early: RtmpMessage[] = [];
  #earlyBytes = 0;
  #onMedia: ((message: RtmpMessage) => void) | undefined;
  /** What the other server takes beyond the classic codecs. */
  capabilities: Capabilities = { video: new Set(), audio: new Set() };
  streamId = 0;

  private constructor(connection: RtmpConnection, url: RtmpUrl, scope: Scope) {
    this.connection = connection;
    this.#url = url;
    this.#scope = scope;
  }

  /** Shakes hands and connects. Rejects with the other server's refusal, and on time-out. */
  static async open(settings: ClientSettings, dependencies: ClientDependencies): Promise<RtmpClient> {
    const { core, scope, socket, counters } = dependencies;
    const handshake = new ClientHandshake(Math.floor(core.clock.now() / 1_000));
    const connection = new RtmpConnection(
      { idle: settings.idle, reading: { messageBytes: settings.messageBytes, partialBytes: settings.partialBytes } },
      { socket, scope, clock: core.clock, log: core.observe.log, counters, handshake },
    );
    const client = new RtmpClient(connection, settings.url, scope);
    scope.defer((reason) => client.#abandon(`the connection ended: ${describeReason(reason)}`));
    const patience = scope.child('waiting for the other server');
    afterIn(patience, core.clock, settings.timeout, () => {
      void scope.close({ code: 'timeout', detail: 'the other server did not answer in time' });
    });
    every(scope, core.clock, seconds(1), () => connection.checkLiveness(core.clock.now()));
    const ready = client.#waitForHandshake();
    connection.start(client);
    connection.sendRaw(handshake.hello.bytes);
    await ready;
    await client.#connect();
    await patience.close({ code: 'done' });
    return client;
  }

  /** releaseStream, FCPublish, createStream, publish → NetStream.Publish.Start. */
  async publish(): Promise<void> {
    const name = formatStreamName(this.#url);
    this.#notify('releaseStream', [name]);
    this.#notify('FCPublish', [name]);
    await this.#createStream();
    const started = this.#waitForStart('NetStream.Publish.Start');
    this.#onStream('publish', [name, 'live']);
    await started;
  }

  /** createStream, play → NetStream.Play.Start. What comes then waits for `takeMedia`. */
  async play(): Promise<void> {
    await this.#createStream();
    const started = this.#waitForStart('NetStream.Play.Start');
    this.#onStream('play', [formatStreamName(this.#url), -2_000]);
    this.connection.send(setBufferLength(this.streamId, bufferMillis));
    await started;
  }

  /** Gets all media and metadata from now on, and what has come already. */
  takeMedia(onMedia: (message: RtmpMessage) => void): void {
    this.#onMedia = onMedia;
    const early = this.#early;
    this.#early = [];
    for (const message of early) onMedia(message);
  }

  /** Our goodbye as a publisher. */
  leave(): void {
    const name = formatStreamName(this.#url);
    this.connection.sendLast(
      this.#command({ name: 'FCUnpublish', transactionId: this.#nextTransaction(), object: null, args: [name] }),
      this.#command({
        name: 'deleteStream',
        transactionId: this.#nextTransaction(),
        object: null,
        args: [this.streamId],
      }),
    );
  }

  onReady(): void {
    this.#handshaken();
  }

  onMessage(message: RtmpMessage): void {
    switch (message.type) {
      case messageType.commandAmf0:
      case messageType.commandAmf3: {
        const command = readCommand(message);
        if (command !== undefined) this.#obey(command);
        break;
      }
      case messageType.aggregate:
        splitAggregate(message, (part) => this.#take(part));
        break;
      case messageType.audio:
      case messageType.video:
      case messageType.dataAmf0:
      case messageType.dataAmf3:
        this.#take(message);
        break;
      default:
      // Shared objects and unknown types mean nothing to us.
    }
  }

  #take(message: RtmpMessage): void {
    if (this.#onMedia !== undefined) {
      this.#onMedia(message);
      return;
    }
    this.#earlyBytes += message.payload.length + messageCost;
    if (this.#earlyBytes > mostEarly) throw new WireError('too-large', 'rtmp', 'media before anybody could take it');
    this.#early.push(message);
  }

  #obey(command: Command): void {
    switch (command.name) {
      case '_result':
      case '_error': {
        const call = this.#calls.get(command.transactionId);
        this.#calls.delete(command.transactionId);
        if (command.name === '_result') call?.resolve(command);
        else call?.reject(refusal(command.args[0]));
        break;
      }
      case 'onStatus':
        this.#onStatus(command.args[0]);
        break;
      case 'close':
        void this.#scope.close({ code: 'peer-left', detail: 'the other server closed the connection' });
        break;
      default:
      // onBWDone, onFCPublish and the like ask for nothing.
    }
  }

  #onStatus(info: AmfValue): void {
    const code = findAmfString(info, 'code') ?? '';
    const started = this.#started;
    if (started !== undefined && code === started.accepts) {
      this.#started = undefined;
      started.resolve();
    } else if (findAmfString(info, 'level') === 'error') {
      const error = refusal(info);
      started?.reject(error);
      void this.#scope.close({ code: 'refused', detail: error.message, error });
    } else if (code === 'NetStream.Play.UnpublishNotify' || code === 'NetStream.Play.Stop') {
      void this.#scope.close({ code: 'done', detail: 'the stream ended at the other server' });
    } else if (code === 'NetConnection.Connect.Closed') {
      void this.#scope.close({ code: 'peer-left', detail: 'the other server is going away' });
    }
  }

  async #connect(): Promise<void> {
    const { connection } = this;
    connection.enlargeChunks();
    connection.send(windowAckSize(window));
    const object = amfObject({
      app: this.#url.app,
      type: 'nonprivate',
      flashVer: agent,
      tcUrl: formatTcUrl(this.#url),
      fpad: false,
      capabilities: 15,
      audioCodecs: 4_071,
      videoCodecs: 252,
      videoFunction: 1,
      objectEncoding: 0,
      fourCcList: ['hvc1', 'av01', 'vp09', 'Opus', 'fLaC'],
      ...ownCapabilities(),
    });
    const answer = await this.#call('connect', object, []);
    this.capabilities = readCapabilities(answer.object);
  }

  async #createStream(): Promise<void> {
    const { args } = await this.#call('createStream', null, []);
    const [id] = args;
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 1 || id > 0xffff_ffff) {
      throw new SwitchyardError('protocol-violation', { protocol: 'RTMP', what: 'createStream gave no stream id' });
    }
    this.streamId = id;
  }

  #waitForHandshake(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#handshaken = resolve;
      this.#calls.set(0, { resolve: () => undefined, reject });
    });
  }

  #waitForStart(accepts: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#started = { accepts, resolve, reject };
    });
  }

  #call(name: string, object: AmfValue, args: readonly AmfValue[]): Promise<Command> {
    const transactionId = this.#nextTransaction();
    return new Promise((resolve, reject) => {
      if (this.#scope.closed) {
        reject(new Error('the connection ended'));
        return;
      }
      this.#calls.set(transactionId, { resolve, reject });
      this.connection.send(this.#command({ name, transactionId, object, args }));
    });
  }

  #notify(name: string, args: readonly AmfValue[]): void {
    this.connection.send(this.#command({ name, transactionId: this.#nextTransaction(), object: null, args }));
  }

  #onStream(name: string, args: readonly AmfValue[]): void {
    this.connection.send(
      commandMessage(
        { name, transactionId: this.#nextTransaction(), object: null, args },
        { streamId: this.streamId, csid: chunkStream.stream },
      ),
    );
  }

  #command(command: Command): ReturnType<typeof commandMessage> {
    return commandMessage(command, { streamId: 0, csid: chunkStream.connection });
  }

  #nextTransaction(): number {
    this.#transactions += 1;
    return this.#transactions;
  }

  /** Everybody who waits hears why. */
  #abandon(why: string): void {
    const error = new Error(why);
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
    this.#started?.reject(error);
    this.#started = undefined;
  }
}

function refusal(info: AmfValue): Error {
  const code = findAmfString(info, 'code') ?? 'no code';
  const description = findAmfString(info, 'description') ?? '';
  return new Error(`the other server refused: ${code.slice(0, 100)} ${description.slice(0, 300)}`.trim());
}
