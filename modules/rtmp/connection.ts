import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { CloseReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { hangUp } from '../../core/net/hang-up.ts';
import type { Log } from '../../core/observe/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { Micros } from '../../core/time/micros.ts';
import { WireError } from '../../wire/errors.ts';
import { ChunkReader, type ChunkReaderLimits } from '../../wire/rtmp/chunk-reader.ts';
import { chunkMessage } from '../../wire/rtmp/chunk-writer.ts';
import {
  acknowledgement,
  pingRequest,
  pingResponse,
  readControl,
  setChunkSize,
} from '../../wire/rtmp/control-messages.ts';
import { initialChunkSize, messageType, type OutgoingMessage, type RtmpMessage } from '../../wire/rtmp/message.ts';
import { checkFirstByte, type Handshake } from './handshake.ts';
import { outgoingChunkSize } from './message-form.ts';
import type { RtmpCounters } from './metrics.ts';
import type { ReadPacer } from './read-pacer.ts';

export interface ConnectionSettings {
  /** A peer that has been silent for half of it is pinged; after all of it, cut. */
  readonly idle: Micros;
  readonly reading: Partial<ChunkReaderLimits>;
}

export interface ConnectionDependencies {
  readonly socket: Socket;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: RtmpCounters;
  readonly handshake: Handshake;
  /** Paces the reads of a peer that publishes. */
  readonly readPacer?: ReadPacer;
}

/** What a connection tells its owner. */
export interface ConnectionOwner {
  /** The handshake is over. */
  onReady(): void;
  /** Every message but those of the chunk layer and of flow control. May throw WireError. */
  onMessage(message: RtmpMessage): void;
}

/** RTMP 1.0 5.4.4; what we assume before the peer tells its window. */
const usualWindow = 2_500_000;
const smallestWindow = 16_384;
/** Ping requests answered a second; more are a flood and only counted. */
const mostPongs = 10;

/**
 * One RTMP connection, of either side: handshake, chunks, acknowledgements, pings. Its scope is its life: when that
 * ends, what was written is still sent, then the socket is closed.
 */
export class RtmpConnection {
  readonly scope: Scope;
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #counters: RtmpCounters;
  readonly #idle: Micros;
  readonly #reader: ChunkReader;
  readonly #onMessage = (message: RtmpMessage): void => this.#take(message);
  #handshake: Handshake | undefined;
  #owner: ConnectionOwner | undefined;
  #chunkSize = initialChunkSize;
  #window = usualWindow;
  #acknowledged = 0;
  #lastReceived: Micros;
  #pinged = false;
  #pongs = 0;
  readonly #readPacer: ReadPacer | undefined;
  #publishes = false;
  bytesIn = 0;
  bytesOut = 0;

  constructor(settings: ConnectionSettings, dependencies: ConnectionDependencies) {
    const { socket, scope, clock } = dependencies;
    this.scope = scope;
    this.#socket = socket;
    this.#clock = clock;
    this.#log = dependencies.log;
    this.#counters = dependencies.counters;
    this.#idle = settings.idle;
    this.#handshake = dependencies.handshake;
    this.#readPacer = dependencies.readPacer;
    this.#reader = new ChunkReader(settings.reading);
    this.#lastReceived = clock.now();
    this.remoteAddress = socket.remoteAddress ?? 'unknown';
    scope.defer((reason) => this.#hangUp(reason));
  }

  /** Begins to read. */
  start(owner: ConnectionOwner): void {
    this.#owner = owner;
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    this.#socket.on('error', (error) => void this.scope.close({ code: 'peer-left', detail: error.message }));
    this.#socket.on('close', () => void this.scope.close({ code: 'peer-left' }));
    this.#socket.on('end', () => void this.scope.close({ code: 'peer-left' }));
  }

  get ready(): boolean {
    return this.#handshake === undefined;
  }

  /** Bytes that the system has not yet taken. */
  get backlog(): number {
    return this.#socket.writableLength;
  }

  /** Memory held by unfinished messages of the peer. */
  get partialBytes(): number {
    return this.#reader.partialBytes;
  }

  /** What the peer may send from here on: it publishes. */
  allow(limits: Partial<ChunkReaderLimits>): void {
    this.#publishes = true;
    this.#reader.allow(limits);
  }

  /** Sends bytes as they are: the handshake's. */
  sendRaw(bytes: Buffer): void {
    if (this.#socket.writable) this.#write(bytes);
  }

  /** Sends messages in one write. */
  send(...messages: readonly OutgoingMessage[]): void {
    if (!this.#socket.writable || this.scope.closed) return;
    this.#write(this.#join(messages));
  }

  /** As `send`, for a farewell while the scope closes. */
  sendLast(...messages: readonly OutgoingMessage[]): void {
    if (this.#socket.writable) this.#write(this.#join(messages));
  }

  /**
   * Writes whole messages made at our chunk size, header and payload together. False when the system could not take
   * them all: then nothing more should be written before `written` has been called and `backlog` is 0.
   */
  writeMedia(bytes: Buffer, written: () => void): boolean {
    if (!this.#socket.writable) return false;
    this.bytesOut += bytes.length;
    this.#counters.bytesOut += bytes.length;
    this.#counters.mediaWrites += 1;
    this.#socket.write(bytes, written);
    return this.#socket.writableLength === 0;
  }

  /** From here on we send in large chunks. RTMP 1.0 5.4.1. */
  enlargeChunks(): void {
    this.send(setChunkSize(outgoingChunkSize));
    this.#chunkSize = outgoingChunkSize;
  }

  /** Called about once a second: pings a silent peer, and cuts one that stays silent. */
  checkLiveness(now: Micros): void {
    this.#pongs = 0;
    const silent = now - this.#lastReceived;
    if (silent >= this.#idle) {
      void this.scope.close({ code: 'timeout', detail: 'the peer was silent' });
    } else if (silent >= this.#idle / 2 && !this.#pinged && this.ready) {
      this.#pinged = true;
      this.send(pingRequest(Math.floor(now / 1_000)));
    }
  }

  #join(messages: readonly OutgoingMessage[]): Buffer {
    const bytes = messages.map((message) => chunkMessage(message, this.#chunkSize));
    // Some small messages, one write.
    return bytes.length === 1 && bytes[0] !== undefined ? bytes[0] : Buffer.concat(bytes);
  }

  #write(bytes: Buffer): void {
    this.bytesOut += bytes.length;
    this.#counters.bytesOut += bytes.length;
    this.#socket.write(bytes);
  }

  #receive(bytes: Buffer): void {
    if (this.scope.closed) return;
    this.bytesIn += bytes.length;
    this.#counters.bytesIn += bytes.length;
    this.#lastReceived = this.#clock.now();
    this.#pinged = false;
    try {
      const chunks = this.#handshake === undefined ? bytes : this.#shakeHands(this.#handshake, bytes);
      if (chunks === undefined || chunks.length === 0) return;
      this.#reader.push(chunks, this.#onMessage);
      this.#acknowledge();
      if (this.#publishes) this.#readPacer?.rest(this.#socket);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The bytes behind the handshake, once it is over. */
  #shakeHands(handshake: Handshake, bytes: Buffer): Buffer | undefined {
    if (this.bytesIn === bytes.length) checkFirstByte(bytes);
    const step = handshake.push(bytes);
    if (step.send !== undefined) this.sendRaw(step.send);
    if (step.rest === undefined) return undefined;
    this.#handshake = undefined;
    this.#owner?.onReady();
    return step.rest;
  }

  #take(message: RtmpMessage): void {
    if (this.scope.closed) return;
    this.#counters.messagesIn += 1;
    if (message.type > messageType.setPeerBandwidth) {
      this.#owner?.onMessage(message);
      return;
    }
    const control = readControl(message);
    if (control === undefined) return;
    switch (control.kind) {
      case 'window-ack-size':
        // 0 says: never. A tiny one would be an answer to every read.
        this.#window = control.bytes === 0 ? Infinity : Math.max(smallestWindow, control.bytes);
        break;
      case 'ping-request':
        this.#pongs += 1;
        if (this.#pongs <= mostPongs) this.send(pingResponse(control.timestamp));
        break;
      default:
      // Acknowledgements, buffer lengths and what Flash adds need no answer: the socket tells how much the peer takes.
    }
  }

  /** RTMP 1.0 5.4.3 */
  #acknowledge(): void {
    const received = this.#reader.bytesReceived;
    if (received - this.#acknowledged < this.#window) return;
    this.#acknowledged = received;
    this.send(acknowledgement(received));
  }

  #fail(error: unknown): void {
    if (error instanceof WireError) {
      if (!this.ready) this.#counters.handshakeFailures += 1;
      this.#counters.countProtocolError(error);
      void this.scope.close({ code: 'protocol-violation', detail: error.message, error });
      return;
    }
    this.#log.error('An RTMP session failed.', { remoteAddress: this.remoteAddress, error });
    void this.scope.close({ code: 'failed', error });
  }

  /** Lets what was written go out, for a while. */
  #hangUp(reason: CloseReason): void {
    if (reason.code === 'protocol-violation' || reason.code === 'timeout') this.#socket.destroy();
    else hangUp(this.#socket, this.#clock);
  }
}

/** The default of what a stranger may send before a publish is admitted: commands only. */
export const strangerLimits: Partial<ChunkReaderLimits> = {
  messageBytes: 128 * 1_024,
  partialBytes: 256 * 1_024,
};
