import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { CloseReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { hangUp } from '../../core/net/hang-up.ts';
import type { Log } from '../../core/observe/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { Micros } from '../../core/time/micros.ts';
import { WireError } from '../../wire/errors.ts';
import type { RtspHearer } from '../../wire/rtsp/message.ts';
import { type ReaderLimits, RtspReader } from '../../wire/rtsp/message-reader.ts';
import type { InterleavedSink } from '../rtp/contract.ts';
import type { RtspCounters } from './metrics.ts';

export interface ConnectionDependencies {
  /** Where we write, and, unless it is tunnelled, read. */
  readonly socket: Socket;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: RtspCounters;
}

/**
 * One RTSP connection, of either side: messages and interleaved frames both ways. Its scope is its life: when that ends, what was
 * written is still sent, then the socket is closed.
 */
export class RtspConnection implements InterleavedSink {
  readonly scope: Scope;
  readonly remoteAddress: string;
  /** The address on which the peer reached us. */
  readonly localAddress: string;
  readonly secure: boolean;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #counters: RtspCounters;
  readonly #limits: ReaderLimits;
  #reader: RtspReader | undefined;
  #drainedAt: Micros;
  #writtenBefore = 0;
  /** When bytes last came. */
  lastReceived: Micros;
  bytesIn = 0;
  bytesOut = 0;

  constructor(limits: ReaderLimits, dependencies: ConnectionDependencies) {
    const { socket, scope, clock } = dependencies;
    this.scope = scope;
    this.#socket = socket;
    this.#clock = clock;
    this.#log = dependencies.log;
    this.#counters = dependencies.counters;
    this.#limits = limits;
    this.lastReceived = clock.now();
    this.#drainedAt = clock.now();
    this.remoteAddress = plainAddress(socket.remoteAddress ?? 'unknown');
    this.localAddress = plainAddress(socket.localAddress ?? '127.0.0.1');
    this.secure = 'encrypted' in socket;
    scope.defer((reason) => this.#hangUp(reason));
  }

  /** Begins to read what the socket gives. `reads` is false where the bytes come another way. */
  start(hearer: RtspHearer, reads = true): void {
    this.#reader = new RtspReader(this.#limits, hearer);
    const socket = this.#socket;
    socket.setNoDelay(true);
    if (reads) socket.on('data', (bytes: Buffer) => this.receive(bytes));
    socket.on('error', (error) => void this.scope.close({ code: 'peer-left', detail: error.message }));
    socket.on('close', () => void this.scope.close({ code: 'peer-left' }));
    socket.on('end', () => void this.scope.close({ code: 'peer-left' }));
    if (!reads) socket.resume();
  }

  /** Bytes of the peer, wherever they came from. */
  receive(bytes: Buffer): void {
    if (this.scope.closed) return;
    this.bytesIn += bytes.length;
    this.#counters.bytesIn += bytes.length;
    this.lastReceived = this.#clock.now();
    try {
      this.#reader?.push(bytes);
    } catch (error) {
      this.fail(error);
    }
  }

  get backlog(): number {
    return this.#socket.writableLength;
  }

  /** A message. */
  send(bytes: Buffer): void {
    if (!this.#socket.writable) return;
    this.#count(bytes);
    this.#socket.write(bytes);
  }

  write(bytes: Buffer, written: () => void): boolean {
    if (!this.#socket.writable) return false;
    this.#count(bytes);
    this.#socket.write(bytes, written);
    return this.#socket.writableLength === 0;
  }

  /** Cuts a peer that has taken nothing for `idle`. */
  checkProgress(now: Micros, idle: Micros): void {
    if (this.#socket.writableLength === 0 || this.#socket.bytesWritten !== this.#writtenBefore) {
      this.#drainedAt = now;
      this.#writtenBefore = this.#socket.bytesWritten;
    } else if (now - this.#drainedAt >= idle) {
      void this.scope.close({ code: 'timeout', detail: 'the peer takes nothing' });
    }
  }

  /** What was thrown while the peer's bytes were read ends this connection alone. */
  fail(error: unknown): void {
    if (error instanceof WireError) {
      this.#counters.countProtocolError(error);
      void this.scope.close({ code: 'protocol-violation', detail: error.message, error });
      return;
    }
    this.#log.error('An RTSP session failed.', { remoteAddress: this.remoteAddress, error });
    void this.scope.close({ code: 'failed', error });
  }

  #count(bytes: Buffer): void {
    this.bytesOut += bytes.length;
    this.#counters.bytesOut += bytes.length;
  }

  /** Lets what was written go out, for a while. */
  #hangUp(reason: CloseReason): void {
    if (reason.code === 'timeout') this.#socket.destroy();
    else hangUp(this.#socket, this.#clock);
  }
}

/** IPv4 as it stands in URLs, also where the socket takes both families. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
}
