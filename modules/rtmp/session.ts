import type { Core } from '../../core/core.ts';
import { describeError } from '../../core/errors.ts';
import type { Session } from '../../core/sessions/session.ts';
import type { Micros } from '../../core/time/micros.ts';
import { type AmfValue, findAmfNumber, findAmfString } from '../../wire/amf/value.ts';
import { WireError } from '../../wire/errors.ts';
import { splitAggregate } from '../../wire/rtmp/aggregate.ts';
import { type Command, readCommand } from '../../wire/rtmp/command-messages.ts';
import { setPeerBandwidth, windowAckSize } from '../../wire/rtmp/control-messages.ts';
import { messageType, type RtmpMessage } from '../../wire/rtmp/message.ts';
import { type Capabilities, ownCapabilities, playerWishes, readCapabilities } from './capabilities.ts';
import type { RtmpConfig } from './config.ts';
import type { ConnectionOwner, RtmpConnection } from './connection.ts';
import type { RtmpCounters } from './metrics.ts';
import { NetStream, type StreamRequest } from './net-stream.ts';
import { errorMessage, noticeMessage, resultMessage, type Status, statusInfo, statusMessage } from './replies.ts';
import { type ConnectFacts, readConnect, readLatency, readStreamRequest } from './request.ts';
import type { WritePacer } from './write-pacer.ts';

export interface RtmpSessionDependencies {
  readonly core: Core;
  readonly connection: RtmpConnection;
  readonly counters: RtmpCounters;
  readonly pacer: WritePacer;
}

/** RTMP 1.0 5.4.4: how often we want to hear from a peer that we send to. */
const ourWindow = 2_500_000;
/** What Flash Media Server says; some clients look for it. */
const serverVersion = { fmsVer: 'FMS/3,5,7,7009', capabilities: 31, mode: 1 } as const;

/** Bytes that may come behind `connect` before it is answered, and what a message costs beside its payload. */
const mostHeld = 64 * 1_024;
const messageCost = 200;

/** What `connect` has settled. */
interface Connected extends ConnectFacts {
  readonly session: Session;
  readonly capabilities: Capabilities;
  readonly amf3: boolean;
}

/**
 * One peer of the server: handshake → connect → createStream → publish or play → deleteStream. Commands are answered in the
 * order of their coming, but for publish and play, which wait for policies and streams.
 */
export class RtmpSession implements ConnectionOwner {
  readonly connection: RtmpConnection;
  readonly #config: RtmpConfig;
  readonly #core: Core;
  readonly #counters: RtmpCounters;
  readonly #pacer: WritePacer;
  readonly #streams = new Map<number, NetStream>();
  readonly #openedAt: Micros;
  #connected: Connected | undefined;
  #connecting = false;
  /** What a hasty client sent behind its `connect`, while the policies think. */
  #held: RtmpMessage[] = [];
  #heldBytes = 0;

  constructor(config: RtmpConfig, dependencies: RtmpSessionDependencies) {
    this.#config = config;
    this.#core = dependencies.core;
    this.connection = dependencies.connection;
    this.#counters = dependencies.counters;
    this.#pacer = dependencies.pacer;
    this.#openedAt = dependencies.core.clock.now();
  }

  onReady(): void {
    // Nothing to say: the client speaks first. RTMP 1.0 7.2.1.1.
  }

  onMessage(message: RtmpMessage): void {
    if (this.#connecting && this.#connected === undefined) this.#hold(message);
    else this.#take(message);
  }

  #take(message: RtmpMessage): void {
    switch (message.type) {
      case messageType.audio:
      case messageType.video:
      case messageType.dataAmf0:
      case messageType.dataAmf3:
        this.#takeMedia(message);
        break;
      case messageType.aggregate:
        splitAggregate(message, (part) => this.#takeMedia(part));
        break;
      case messageType.commandAmf0:
      case messageType.commandAmf3: {
        const command = readCommand(message);
        if (command !== undefined) this.#obey(command, message.streamId);
        break;
      }
      default:
      // Shared objects and unknown types: not for a media server, and no harm.
    }
  }

  /** Called about once a second. */
  checkLiveness(now: Micros): void {
    if (this.#connected === undefined && now - this.#openedAt >= this.#config.limits.handshake) {
      if (!this.connection.ready) this.#counters.handshakeFailures += 1;
      void this.connection.scope.close({ code: 'timeout', detail: 'the peer did not connect in time' });
      return;
    }
    this.connection.checkLiveness(now);
    for (const stream of this.#streams.values()) stream.checkLiveness(now);
  }

  /** The server's goodbye. */
  dismiss(): void {
    if (this.#connected !== undefined) {
      this.connection.sendLast(
        statusMessage(0, { code: 'NetConnection.Connect.Closed', description: 'The server is going away.' }),
      );
    }
  }

  #hold(message: RtmpMessage): void {
    this.#heldBytes += message.payload.length + messageCost;
    if (this.#heldBytes > mostHeld) throw new WireError('too-large', 'rtmp', 'messages before connect is answered');
    this.#held.push(message);
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    for (const message of held) if (!this.connection.scope.closed) this.#take(message);
  }

  #takeMedia(message: RtmpMessage): void {
    const stream = this.#streams.get(message.streamId);
    if (stream !== undefined) {
      stream.takeMedia(message);
      return;
    }
    this.#counters.mediaRefused += 1;
    // Metadata on the connection itself is what some clients send; media before connect is what none does.
    if (this.#connected === undefined) throw new WireError('malformed', 'rtmp', 'media before connect');
  }

  #obey(command: Command, streamId: number): void {
    if (command.name === 'connect') {
      this.#connect(command).catch((error: unknown) => this.#fail(error));
      return;
    }
    if (this.#connected === undefined)
      throw new WireError('malformed', 'rtmp', `${command.name.slice(0, 40)} before connect`);
    const [first] = command.args;
    switch (command.name) {
      case 'createStream':
      case 'initStream':
        this.#createStream(command);
        break;
      case 'publish':
        this.#publish(command, streamId, this.#connected);
        break;
      case 'play':
      case 'play2':
        this.#play(command, streamId, this.#connected);
        break;
      case 'deleteStream':
        if (typeof first === 'number') this.#deleteStream(first);
        break;
      case 'closeStream':
        void this.#streams.get(streamId)?.close();
        break;
      case 'FCUnpublish':
        this.#unpublish(first);
        break;
      default:
        this.#oblige(command, streamId);
    }
  }

  /** What asks for nothing but a polite answer. */
  #oblige(command: Command, streamId: number): void {
    switch (command.name) {
      case 'FCSubscribe':
        this.#notice('onFCSubscribe', { code: 'NetStream.Play.Start', description: 'Subscribed.' });
        break;
      case 'pause':
      case 'pauseRaw':
        this.#status(streamId, {
          code: command.args[0] === false ? 'NetStream.Unpause.Notify' : 'NetStream.Pause.Notify',
          description: 'A live stream goes on.',
        });
        break;
      case 'seek':
        this.#status(streamId, {
          code: 'NetStream.Seek.Failed',
          level: 'error',
          description: 'A live stream has no past.',
        });
        break;
      case 'getStreamLength':
        this.#answer(command, 0);
        break;
      case 'releaseStream':
      case 'FCPublish':
      case 'FCUnsubscribe':
      case '_checkbw':
      case 'checkBandwidth':
      case 'setPeerInfo':
      case 'receiveAudio':
      case 'receiveVideo':
        this.#answer(command);
        break;
      default:
        this.#unknown(command);
    }
  }

  /** connect → window sizes, chunk size → _result NetConnection.Connect.Success. RTMP 1.0 7.2.1.1. */
  async #connect(command: Command): Promise<void> {
    if (this.#connecting) throw new WireError('malformed', 'rtmp', 'a second connect');
    this.#connecting = true;
    const { object, transactionId } = command;
    const facts: ConnectFacts = { app: findAmfString(object, 'app') ?? '', tcUrl: findAmfString(object, 'tcUrl') };
    const amf3 = findAmfNumber(object, 'objectEncoding') === 3;
    const refused = (description: string): void => {
      const status: Status = { code: 'NetConnection.Connect.Rejected', description };
      this.connection.send(errorMessage(transactionId, status, amf3));
      void this.connection.scope.close({ code: 'refused', detail: description });
    };
    let wanted: ReturnType<typeof readConnect>;
    try {
      wanted = readConnect(facts);
    } catch (error) {
      refused(describeError(error));
      return;
    }
    const session = this.#openSession(findAmfString(object, 'flashVer') ?? '');
    const decision = await this.#core.access.decide({ action: 'connect', session, credentials: wanted.credentials });
    if (this.connection.scope.closed) return;
    if (!decision.allowed) {
      refused(decision.why);
      return;
    }
    this.#connected = { ...facts, session, amf3, capabilities: readCapabilities(object) };
    this.connection.send(windowAckSize(ourWindow), setPeerBandwidth(ourWindow, 'dynamic'));
    this.connection.enlargeChunks();
    const info = statusInfo(
      { code: 'NetConnection.Connect.Success', description: 'Connection succeeded.' },
      { objectEncoding: amf3 ? 3 : 0 },
    );
    this.connection.send(resultMessage(transactionId, [info], amf3, { ...serverVersion, ...ownCapabilities() }));
    this.#release();
  }

  #openSession(agent: string): Session {
    const { connection } = this;
    const session = this.#core.sessions.open({
      protocol: 'rtmp',
      remoteAddress: connection.remoteAddress,
      agent,
      parent: connection.scope,
      inspect: () => this.inspect(),
    });
    // Whoever ends the session (a console, a policy) ends the connection.
    session.scope.defer((reason) => void connection.scope.close(reason));
    return session;
  }

  #createStream(command: Command): void {
    const connected = this.#connected;
    if (connected === undefined) return;
    if (this.#streams.size >= this.#config.streamsPerConnection) {
      const description = `A connection may have ${this.#config.streamsPerConnection} streams.`;
      this.connection.send(
        errorMessage(command.transactionId, { code: 'NetConnection.Call.Failed', description }, connected.amf3),
      );
      return;
    }
    let id = 1;
    while (this.#streams.has(id)) id += 1;
    this.#streams.set(id, this.#openStream(id, connected));
    this.#answer(command, id);
  }

  #openStream(id: number, { session, amf3 }: Connected): NetStream {
    const { onConflict, publishIdle, messageBytes, partialBytes } = this.#config;
    const { streams, clock } = this.#core;
    return new NetStream(
      id,
      { onConflict, publishIdle, reading: { messageBytes, partialBytes } },
      { session, connection: this.connection, streams, clock, counters: this.#counters, pacer: this.#pacer, amf3 },
    );
  }

  #deleteStream(id: number): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    void stream?.close();
  }

  #publish(command: Command, streamId: number, connected: Connected): void {
    const stream = this.#streams.get(streamId);
    const request = this.#readRequest(command, streamId, connected, 'NetStream.Publish.BadName');
    if (request === undefined) return;
    if (stream === undefined) this.#noStream(streamId);
    else stream.publish(request).catch((error: unknown) => this.#fail(error));
  }

  #play(command: Command, streamId: number, connected: Connected): void {
    const stream = this.#streams.get(streamId);
    const request = this.#readRequest(command, streamId, connected, 'NetStream.Play.StreamNotFound');
    if (request === undefined) return;
    const limit = readLatency(request.credentials.query, this.#config);
    if (stream === undefined) this.#noStream(streamId);
    else stream.play(request, playerWishes(connected.capabilities), limit).catch((error: unknown) => this.#fail(error));
  }

  #noStream(streamId: number): void {
    const description = `There is no message stream ${streamId}: createStream comes first.`;
    this.#status(streamId, { code: 'NetStream.Failed', level: 'error', description });
  }

  #readRequest(
    command: Command,
    streamId: number,
    facts: ConnectFacts,
    code: Status['code'],
  ): StreamRequest | undefined {
    try {
      return readStreamRequest(facts, streamNameOf(command));
    } catch (error) {
      this.#status(streamId, { code, level: 'error', description: describeError(error) });
      return undefined;
    }
  }

  #unpublish(name: AmfValue): void {
    this.#notice('onFCUnpublish', { code: 'NetStream.Unpublish.Success', description: 'Unpublished.' });
    const connected = this.#connected;
    if (typeof name !== 'string' || connected === undefined) return;
    for (const stream of this.#streams.values()) {
      if (stream.state === 'publishing' && name.split('?')[0]?.split('/').at(-1) === stream.name) void stream.close();
    }
  }

  #unknown(command: Command): void {
    if (command.transactionId === 0 || command.name.startsWith('_') || command.name.startsWith('on')) return;
    const description = 'There is no such method.';
    this.connection.send(
      errorMessage(command.transactionId, { code: 'NetConnection.Call.Failed', description }, this.#connected?.amf3),
    );
  }

  #answer(command: Command, value?: AmfValue): void {
    if (command.transactionId === 0) return;
    this.connection.send(resultMessage(command.transactionId, [value], this.#connected?.amf3));
  }

  #status(streamId: number, status: Status): void {
    this.connection.send(statusMessage(streamId, status, this.#connected?.amf3));
  }

  #notice(name: string, status: Status): void {
    this.connection.send(noticeMessage(name, status, this.#connected?.amf3));
  }

  #fail(error: unknown): void {
    if (error instanceof WireError) this.#counters.countProtocolError(error);
    else
      this.#core.observe.log.error('An RTMP session failed.', { remoteAddress: this.connection.remoteAddress, error });
    const code = error instanceof WireError ? 'protocol-violation' : 'failed';
    void this.connection.scope.close({ code, detail: describeError(error), error });
  }

  inspect(): Record<string, unknown> {
    return {
      app: this.#connected?.app.split('?')[0] ?? '',
      bytesIn: this.connection.bytesIn,
      bytesOut: this.connection.bytesOut,
      backlog: this.connection.backlog,
      streams: [...this.#streams.values()].map((stream) => stream.inspect()),
    };
  }
}

/** `play2` takes an object with the name in it. */
function streamNameOf(command: Command): string {
  const [first] = command.args;
  if (typeof first === 'string') return first;
  return findAmfString(first, 'streamName') ?? '';
}
