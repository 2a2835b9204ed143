import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type AmfValue, amfObject, findAmfString } from '../../wire/amf/value.ts';
import { ChunkReader } from '../../wire/rtmp/chunk-reader.ts';
import { chunkMessage } from '../../wire/rtmp/chunk-writer.ts';
import {
  type Command,
  commandMessage,
  dataMessage,
  readCommand,
  readDataMessage,
} from '../../wire/rtmp/command-messages.ts';
import { type ControlMessage, readControl } from '../../wire/rtmp/control-messages.ts';
import { answerServerHello, clientHello, serverHelloLength } from '../../wire/rtmp/handshake.ts';
import { messageType, type OutgoingMessage, type RtmpMessage } from '../../wire/rtmp/message.ts';

export interface RtmpTestOptions {
  readonly port: number;
  readonly app?: string;
  /** `null`: the command object has none. */
  readonly tcUrl?: string | null;
  /** Further members of the command object of `connect`. */
  readonly object?: Readonly<Record<string, AmfValue>>;
  readonly digest?: boolean;
}

interface Waiter {
  matches(): boolean;
  resolve(): void;
  reject(error: Error): void;
}

/** How long a test waits for anything. */
const patience = 5_000;

/** An RTMP client for tests, on wire/ alone: it can do right, and wrong. */
export class RtmpTestClient {
  readonly socket: Socket;
  readonly messages: RtmpMessage[] = [];
  readonly commands: Command[] = [];
  readonly controls: ControlMessage[] = [];
  closed = false;
  bytesReceived = 0;
  readonly #reader = new ChunkReader({ messageBytes: 16_000_000, partialBytes: 64_000_000 });
  readonly #waiters = new Set<Waiter>();
  #transactions = 1;
  #handshake: Buffer | undefined = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#look();
    });
  }

  /** A TCP connection that has said nothing yet. */
  static async dial(port: number): Promise<RtmpTestClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new RtmpTestClient(socket);
  }

  /** Handshake and `connect`; throws when it is not answered with success. */
  static async connect(options: RtmpTestOptions): Promise<RtmpTestClient> {
    const client = await RtmpTestClient.dial(options.port);
    await client.shakeHands(options.digest);
    const answer = await client.connectCommand(options);
    if (answer.name !== '_result') throw new Error(`connect: ${findAmfString(answer.args[0], 'code') ?? answer.name}`);
    return client;
  }

  async shakeHands(digest = false): Promise<void> {
    const seed = { time: 0, random: randomBytes(1528) };
    const hello = clientHello(seed, digest ? 'digest-first' : undefined);
    this.socket.write(hello.bytes);
    await this.until(() => (this.#handshake?.length ?? 0) >= serverHelloLength, 'the handshake');
    const answer = this.#handshake ?? Buffer.alloc(0);
    this.#handshake = undefined;
    this.socket.write(answerServerHello(answer, hello, seed).bytes);
    if (answer.length > serverHelloLength) this.#read(answer.subarray(serverHelloLength));
  }

  connectCommand(options: Omit<RtmpTestOptions, 'port'> & { port?: number }): Promise<Command> {
    const app = options.app ?? 'live';
    const tcUrl = options.tcUrl === undefined ? `rtmp://127.0.0.1:${options.port ?? 1935}/${app}` : options.tcUrl;
    return this.call(
      'connect',
      amfObject({ app, flashVer: 'test', ...(tcUrl === null ? {} : { tcUrl }), ...options.object }),
    );
  }

  /** `_result` or `_error`. */
  async call(name: string, object: AmfValue, ...args: readonly AmfValue[]): Promise<Command> {
    const transactionId = this.#transactions;
    this.#transactions += 1;
    this.send(commandMessage({ name, transactionId, object, args }, { streamId: 0, csid: 3 }));
    const find = (): Command | undefined =>
      this.commands.find((command) => command.transactionId === transactionId && command.name.startsWith('_'));
    await this.until(() => find() !== undefined, `the answer to ${name}`);
    return find() as Command;
  }

  async createStream(): Promise<number> {
    const { args } = await this.call('createStream', null);
    return args[0] as number;
  }

  /** A command on a message stream, without waiting. */
  command(streamId: number, name: string, ...args: readonly AmfValue[]): void {
    this.send(commandMessage({ name, transactionId: 0, object: null, args }, { streamId, csid: 5 }));
  }

  /** createStream and publish; gives the message stream id once `NetStream.Publish.Start` came. Throws another status. */
  async publish(name: string): Promise<number> {
    const streamId = await this.createStream();
    this.command(streamId, 'publish', name, 'live');
    await this.#expect('NetStream.Publish.Start', 'NetStream.Publish.');
    return streamId;
  }

  /** createStream and play, as `publish`. */
  async play(name: string): Promise<number> {
    const streamId = await this.createStream();
    this.command(streamId, 'play', name);
    await this.#expect('NetStream.Play.Start', 'NetStream.Play.', 'NetStream.Play.Reset');
    return streamId;
  }

  /** Codes of all `onStatus` so far. */
  get statuses(): readonly string[] {
    return this.commands
      .filter(({ name }) => name === 'onStatus')
      .map(({ args }) => findAmfString(args[0], 'code') ?? '');
  }

  async status(code: string): Promise<void> {
    await this.until(() => this.statuses.includes(code), code);
  }

  /** Media received so far. */
  media(kind: 'video' | 'audio'): readonly RtmpMessage[] {
    return this.messages.filter(({ type }) => type === messageType[kind]);
  }

  send(...messages: readonly OutgoingMessage[]): void {
    for (const message of messages) this.socket.write(chunkMessage(message, 128));
  }

  sendMedia(kind: 'video' | 'audio', streamId: number, timestamp: number, payload: Buffer): void {
    this.send({ type: messageType[kind], streamId, timestamp, csid: kind === 'video' ? 6 : 4, payload: [payload] });
  }

  sendMetadata(streamId: number, metadata: AmfValue): void {
    this.send(dataMessage(['@setDataFrame', 'onMetaData', metadata], { streamId, csid: 5 }));
  }

  /** Values of the data messages received. */
  get facts(): readonly (readonly AmfValue[])[] {
    return this.messages.flatMap((message) => {
      const values = readDataMessage(message);
      return values === undefined ? [] : [values];
    });
  }

  /** Resolves as soon as `matches` holds; looked at after every read, and at the end. */
  until(matches: () => boolean, what: string): Promise<void> {
    if (matches()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new Error(`${what} did not come within ${patience} ms; statuses: ${this.statuses.join(', ')}`));
      }, patience);
      const waiter: Waiter = {
        matches,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      if (this.closed) this.#look(what);
    });
  }

  async ended(): Promise<void> {
    await this.until(() => this.closed, 'the end of the connection');
  }

  destroy(): void {
    this.socket.destroy();
  }

  async #expect(code: string, prefix: string, ...others: readonly string[]): Promise<void> {
    const before = this.statuses.length;
    const find = (): string | undefined =>
      this.statuses.slice(before).find((status) => status.startsWith(prefix) && !others.includes(status));
    await this.until(() => find() !== undefined, code);
    if (find() !== code) throw new Error(find());
  }

  #receive(bytes: Buffer): void {
    this.bytesReceived += bytes.length;
    if (this.#handshake !== undefined) this.#handshake = Buffer.concat([this.#handshake, bytes]);
    else this.#read(bytes);
    this.#look();
  }

  #read(bytes: Buffer): void {
    this.#reader.push(bytes, (message) => {
      const command = readCommand(message);
      const control = readControl(message);
      if (command !== undefined) this.commands.push(command);
      else if (control !== undefined) this.controls.push(control);
      else this.messages.push(message);
    });
  }

  #look(what = 'what was waited for'): void {
    for (const waiter of [...this.#waiters]) {
      if (waiter.matches()) {
        this.#waiters.delete(waiter);
        waiter.resolve();
      } else if (this.closed) {
        this.#waiters.delete(waiter);
        waiter.reject(new Error(`the connection ended before ${what}; statuses: ${this.statuses.join(', ')}`));
      }
    }
  }
}
