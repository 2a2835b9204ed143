import { Buffer } from 'node:buffer';
import type { WebSocket } from 'ws';
import type { CloseReason } from '../../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../../core/lifecycle/scope.ts';
import { type Clock, every } from '../../../core/time/clock.ts';
import type { Micros } from '../../../core/time/micros.ts';
import { MessageCredit } from '../message-credit.ts';
import type { ViewCounters } from './metrics.ts';

export interface ViewSocketSettings {
  readonly ping: Micros;
  /** How long a viewer may leave pings unanswered. */
  readonly idle: Micros;
  readonly messagesPerSecond: number;
}

export interface ViewSocketDependencies {
  readonly socket: WebSocket;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly counters: ViewCounters;
}

/** RFC 6455 7.4.1 */
const closeCodes = { normal: 1000, goingAway: 1001, policy: 1008, failed: 1011 } as const;
/** Bytes that a close frame has for its reason (RFC 6455 5.5). */
const longestReason = 123;
/** Bytes that wait for the viewer beyond which no more media is pulled. */
const fullFrom = 64 * 1_024;

/** The WebSocket of a viewer who only listens. What it says is ignored, and bounded; pings tell whether it is there. */
export class ViewSocket {
  readonly scope: Scope;
  readonly #socket: WebSocket;
  readonly #settings: ViewSocketSettings;
  readonly #clock: Clock;
  readonly #counters: ViewCounters;
  readonly #credit: MessageCredit;
  #heardAt: Micros;

  constructor(settings: ViewSocketSettings, dependencies: ViewSocketDependencies) {
    const { socket, scope, clock, counters } = dependencies;
    this.#settings = settings;
    this.#socket = socket;
    this.scope = scope;
    this.#clock = clock;
    this.#counters = counters;
    this.#credit = new MessageCredit(settings.messagesPerSecond, { clock });
    this.#heardAt = clock.now();
    scope.defer((reason) => this.#end(reason));
    socket.on('message', () => this.#hear());
    socket.on('pong', () => this.#hear());
    socket.on('ping', (payload) => {
      this.#hear();
      if (!this.isFull && !scope.closed) socket.pong(payload);
    });
    // What is wrong shows in the close that follows.
    socket.on('error', () => undefined);
    socket.on('close', () => void scope.close({ code: 'peer-left' }));
    every(scope, clock, settings.ping, () => this.#ping());
  }

  get isFull(): boolean {
    return this.#socket.bufferedAmount > fullFrom;
  }

  /** False when no more should follow before `onWritten`. The bytes are shared: nobody masks them. */
  send(bytes: Buffer, onWritten: () => void): boolean {
    if (this.scope.closed) return false;
    this.#counters.bytes += bytes.length;
    this.#socket.send(bytes, onWritten);
    return !this.isFull;
  }

  #hear(): void {
    this.#heardAt = this.#clock.now();
    if (!this.#credit.spend()) {
      void this.scope.close({ code: 'protocol-violation', detail: 'too many messages' });
    }
  }

  #ping(): void {
    if (this.#clock.now() - this.#heardAt > this.#settings.idle) {
      void this.scope.close({ code: 'timeout', detail: 'the peer said nothing' });
    } else if (!this.isFull) {
      this.#socket.ping();
    }
  }

  #end(reason: CloseReason): void {
    if (reason.code === 'peer-left' || reason.code === 'timeout') this.#socket.terminate();
    else this.#socket.close(codeOf(reason), fitting(reason.detail ?? reason.code));
  }
}

function codeOf({ code }: CloseReason): number {
  switch (code) {
    case 'refused':
    case 'terminated':
    case 'protocol-violation':
      return closeCodes.policy;
    case 'failed':
      return closeCodes.failed;
    case 'shutdown':
    case 'restart':
      return closeCodes.goingAway;
    default:
      return closeCodes.normal;
  }
}

/** The beginning of a text that fits into a close frame, cut between characters. */
function fitting(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= longestReason) return text;
  return bytes
    .subarray(0, longestReason)
    .toString()
    .replace(/\ufffd+$/, '');
}
