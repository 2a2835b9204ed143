import { afterIn, type Clock } from '../../core/time/clock.ts';
import type { Micros } from '../../core/time/micros.ts';
import type { PeerSocket } from './peer-socket.ts';
import type { Playback } from './playback.ts';

/** A stream that plays over a socket of its own. */
export interface MediaLink {
  readonly playback: Playback;
  /** Its first socket is there. */
  onConnected(): void;
  /** No socket came in time, or none after one was lost. */
  onTimeout(wasConnected: boolean): void;
}

interface Waiting {
  readonly link: MediaLink;
  readonly order: number;
  wasConnected: boolean;
}

export interface MediaLinksSettings {
  /** How long a stream waits for its socket, and a socket for its stream. */
  readonly timeout: Micros;
  readonly maximum: number;
}

/**
 * Pairs the media sockets of one session with its streams. Nothing in `connectMediaTransport` names the stream, so the
 * order of the play requests decides; a socket may come first.
 */
export class MediaLinks {
  readonly #settings: MediaLinksSettings;
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  readonly #idle: PeerSocket[] = [];
  readonly #sockets = new Set<PeerSocket>();
  #order = 0;

  constructor(settings: MediaLinksSettings, dependencies: { clock: Clock }) {
    this.#settings = settings;
    this.#clock = dependencies.clock;
  }

  get sockets(): number {
    return this.#sockets.size;
  }

  /** False when the session has as many as it may. */
  addSocket(socket: PeerSocket): boolean {
    if (this.#sockets.size >= this.#settings.maximum) return false;
    this.#sockets.add(socket);
    socket.scope.defer(() => {
      this.#sockets.delete(socket);
      remove(this.#idle, socket);
    });
    this.#idle.push(socket);
    afterIn(socket.scope, this.#clock, this.#settings.timeout, () => {
      if (this.#idle.includes(socket)) void socket.scope.close({ code: 'idle', detail: 'no stream wanted it' });
    });
    this.#pair();
    return true;
  }

  /** Waits for a socket for the stream, now and whenever it loses one. */
  addLink(link: MediaLink): void {
    this.#order += 1;
    this.#wait({ link, order: this.#order, wasConnected: false });
  }

  /** Of a session that ends. */
  close(): void {
    for (const socket of [...this.#sockets]) void socket.scope.close({ code: 'done' });
  }

  #wait(waiting: Waiting): void {
    const { scope } = waiting.link.playback.subscription;
    if (scope.closed) return;
    this.#waiting.push(waiting);
    this.#waiting.sort((a, b) => a.order - b.order);
    scope.defer(() => void remove(this.#waiting, waiting));
    afterIn(scope, this.#clock, this.#settings.timeout, () => {
      if (!remove(this.#waiting, waiting)) return;
      waiting.link.onTimeout(waiting.wasConnected);
    });
    this.#pair();
  }

  #pair(): void {
    const [socket] = this.#idle;
    const [waiting] = this.#waiting;
    if (socket === undefined || waiting === undefined) return;
    this.#idle.shift();
    this.#waiting.shift();
    const { link } = waiting;
    // A socket is of no use to another stream: its player is gone with this one.
    const release = link.playback.subscription.scope.defer(() => void socket.scope.close({ code: 'done' }));
    socket.scope.defer(release);
    if (!waiting.wasConnected) link.onConnected();
    link.playback.connect(socket, () => this.#wait({ link, order: waiting.order, wasConnected: true }));
    this.#pair();
  }
}

function remove<T>(from: T[], item: T): boolean {
  const index = from.indexOf(item);
  if (index >= 0) from.splice(index, 1);
  return index >= 0;
}
