import type { Socket } from 'node:net';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { type Clock, every } from '../../core/time/clock.ts';
import { type Micros, seconds } from '../../core/time/micros.ts';

export interface ReadPacerSettings {
  /** The longest time for which a publisher's bytes may wait in the system to be read at once; 0 never waits. */
  readonly gather: Micros;
}

export interface ReadPacerDependencies {
  readonly clock: Clock;
  readonly scope: Scope;
  /** Messages received since the start. */
  readonly messages: () => number;
}

/** What the system's side of a socket can do; Node has no name of its own for "read no more for now" that acts at once. */
interface ReadHandle {
  readStop?(): number;
  readStart?(): number;
}

const measureEvery = seconds(1);
/** Messages a second from which on reading them one by one is what the process mostly does; below the other, no more. */
const manyFrom = 4_000;
const fewBelow = 2_000;

/**
 * A read costs some microseconds whatever it brings, and publishers send a message every ten or twenty milliseconds.
 * While many publish, each is read only every so often, for several messages at a time.
 */
export class ReadPacer {
  readonly #settings: ReadPacerSettings;
  readonly #clock: Clock;
  readonly #messages: () => number;
  #gathering = false;
  #armed = false;
  #counted = 0;
  #resting: Socket[] = [];

  constructor(settings: ReadPacerSettings, dependencies: ReadPacerDependencies) {
    this.#settings = settings;
    this.#clock = dependencies.clock;
    this.#messages = dependencies.messages;
    if (settings.gather > 0) every(dependencies.scope, dependencies.clock, measureEvery, () => this.#measure());
  }

  /** For how long reads wait now. */
  get interval(): Micros {
    return (this.#gathering ? this.#settings.gather : 0) as Micros;
  }

  /** Called after a read: the next one of this socket waits for the pulse, if there is one. */
  rest(socket: Socket): void {
    if (!this.#gathering) return;
    const handle = handleOf(socket);
    if (handle?.readStop === undefined || handle.readStart === undefined) return;
    handle.readStop();
    this.#resting.push(socket);
    if (this.#armed) return;
    this.#armed = true;
    // Of the server's life, not of a scope's: those who rest must be woken even while the module drains.
    this.#clock.after(this.#settings.gather, () => this.#wake());
  }

  #wake(): void {
    this.#armed = false;
    const resting = this.#resting;
    this.#resting = [];
    for (const socket of resting) handleOf(socket)?.readStart?.();
  }

  #measure(): void {
    const messages = this.#messages();
    const rate = (messages - this.#counted) / (measureEvery / 1e6);
    this.#counted = messages;
    this.#gathering = rate > (this.#gathering ? fewBelow : manyFrom);
  }
}

function handleOf(socket: Socket): ReadHandle | undefined {
  return (socket as unknown as { _handle?: ReadHandle | null })._handle ?? undefined;
}
