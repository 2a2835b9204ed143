import type { Buffer } from 'node:buffer';
import type { RawData, WebSocket } from 'ws';
import type { CloseReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { type Clock, every } from '../../core/time/clock.ts';
import type { Micros } from '../../core/time/micros.ts';
import { WireError } from '../../wire/errors.ts';
import { type ClientMessage, readClientMessage } from '../../wire/wcs/client-message.ts';
import { type ServerMessage, writeServerMessage } from '../../wire/wcs/server-message.ts';
import { MessageCredit } from './message-credit.ts';
import type { WebSocketCounters } from './metrics.ts';

export interface PeerSocketSettings {
  readonly ping: Micros;
  /** How long a peer may say nothing. */
  readonly idle: Micros;
  readonly messagesPerSecond: number;
}

export interface PeerSocketDependencies {
  readonly socket: WebSocket;
  readonly remoteAddress: string;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly counters: WebSocketCounters;
}

export type MessageHandler = (message: ClientMessage) => void;

/** RFC 6455 7.4.1 */
const closeCodes = { normal: 1000, goingAway: 1001, policy: 1008 } as const;
/** Bytes that wait for the peer: beyond the first no media is pulled, beyond the second it is too slow for signalling. */
const fullFrom = 64 * 1_024;
const largestBacklog = 16 << 20;
/** Messages that cannot be read, before a peer is taken for no client at all. */
const mostFaults = 20;

/** One WebSocket with its patience and bounds: messages in, messages and media out. */
export class PeerSocket {
  readonly scope: Scope;
  readonly remoteAddress: string;
  readonly #socket: WebSocket;
  readonly #settings: PeerSocketSettings;
  readonly #clock: Clock;
  readonly #counters: WebSocketCounters;
  #handle: MessageHandler = () => undefined;
  #heardAt: Micros;
  readonly #credit: MessageCredit;
  #faults = 0;

  constructor(settings: PeerSocketSettings, dependencies: PeerSocketDependencies) {
    this.#settings = settings;
    this.#socket = dependencies.socket;
    this.scope = dependencies.scope;
    this.remoteAddress = dependencies.remoteAddress;
    this.#clock = dependencies.clock;
    this.#counters = dependencies.counters;
    this.#heardAt = this.#clock.now();
    this.#credit = new MessageCredit(settings.messagesPerSecond, { clock: this.#clock });
    this.scope.defer((reason) => this.#end(reason));
    this.#listen();
    every(this.scope, this.#clock, settings.ping, () => this.#ping());
  }

  /** Who gets the messages from now on. */
  handleBy(handle: MessageHandler): void {
    this.#handle = handle;
  }

  /** Bytes that the peer has not taken yet. */
  get backlog(): number {
    return this.#socket.bufferedAmount;
  }

  send(...messages: readonly ServerMessage[]): void {
    if (this.scope.closed) return;
    for (const message of messages) {
      this.#socket.send(writeServerMessage(message));
      this.#counters.messagesOut += 1;
    }
    if (this.backlog > largestBacklog) {
      void this.scope.close({ code: 'timeout', detail: 'the peer does not read' });
    }
  }

  /** Sends a binary message; false when no more should follow before `onWritten`. The bytes are shared: nobody masks them. */
  sendMedia(bytes: Buffer, onWritten: () => void): boolean {
    if (this.scope.closed) return false;
    this.#counters.mediaWrites += 1;
    this.#counters.mediaBytes += bytes.length;
    this.#socket.send(bytes, onWritten);
    return !this.isFull;
  }

  get isFull(): boolean {
    return this.backlog > fullFrom;
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('message', (payload, isBinary) => this.#hear(payload, isBinary));
    socket.on('ping', (payload) => {
      if (this.#spend() && !this.isFull) socket.pong(payload);
    });
    socket.on('pong', () => void this.#spend());
    // What is wrong shows in the close that follows.
    socket.on('error', (error) => this.#counters.countProtocolError(error));
    socket.on('close', () => void this.scope.close({ code: 'peer-left' }));
  }

  #hear(payload: RawData, isBinary: boolean): void {
    if (this.scope.closed || !this.#spend()) return;
    this.#heardAt = this.#clock.now();
    this.#counters.messagesIn += 1;
    try {
      // ws gives text as one Buffer unless told otherwise.
      if (isBinary) throw new WireError('unsupported', 'wcs', 'a binary message');
      this.#handle(readClientMessage((payload as Buffer).toString()));
    } catch (error) {
      this.#note(error);
    }
  }

  /** One message that cannot be read is answered; a peer that sends nothing else is cut. */
  #note(error: unknown): void {
    if (!(error instanceof WireError)) throw error;
    this.#counters.countProtocolError(error);
    this.#faults += 1;
    this.send(['fail', { apiMethod: 'unknown', info: error.message }]);
    if (this.#faults > mostFaults) {
      void this.scope.close({ code: 'protocol-violation', detail: error.message });
    }
  }

  /** Takes one message off the peer's credit. */
  #spend(): boolean {
    if (this.#credit.spend()) return true;
    this.#counters.floods += 1;
    void this.scope.close({ code: 'protocol-violation', detail: 'too many messages' });
    return false;
  }

  #ping(): void {
    if (this.#clock.now() - this.#heardAt > this.#settings.idle) {
      void this.scope.close({ code: 'timeout', detail: 'the peer said nothing' });
      return;
    }
    this.send(['ping', null]);
  }

  #end(reason: CloseReason): void {
    if (reason.code === 'peer-left' || reason.code === 'timeout') this.#socket.terminate();
    else if (reason.code === 'protocol-violation' || reason.code === 'refused') this.#socket.close(closeCodes.policy);
    else this.#socket.close(reason.code === 'done' ? closeCodes.normal : closeCodes.goingAway);
  }
}
