import { once } from 'node:events';
import { WebSocket } from 'ws';

/** One message of WebDriver BiDi from the browser: an answer when it has an id, an event otherwise. */
interface BidiMessage {
  readonly id?: number | null;
  readonly result?: unknown;
  readonly error?: string;
  readonly message?: string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
}

interface Waiting {
  resolve(result: never): void;
  reject(error: Error): void;
}

/** A session of WebDriver BiDi (W3C), the protocol that drives stock Firefox. */
export class BidiSession {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(method: string, params: Record<string, unknown>) => void>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (bytes: Buffer) => this.#take(JSON.parse(bytes.toString()) as BidiMessage));
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the browser has gone'));
      this.#waiting.clear();
    });
  }

  /** Begins a session and asks for these events. */
  static async open(url: string, events: readonly string[]): Promise<BidiSession> {
    const socket = new WebSocket(`${url}/session`);
    await once(socket, 'open');
    const session = new BidiSession(socket);
    await session.call('session.new', { capabilities: {} });
    await session.call('session.subscribe', { events });
    return session;
  }

  /** Gives the result of a command; rejects with the browser's words. */
  call<T = unknown>(method: string, params: object = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#socket.readyState !== WebSocket.OPEN) {
        reject(new Error(`${method}: the browser has gone`));
        return;
      }
      this.#last += 1;
      this.#waiting.set(this.#last, { resolve, reject });
      this.#socket.send(JSON.stringify({ id: this.#last, method, params }));
    });
  }

  onEvent(listener: (method: string, params: Record<string, unknown>) => void): void {
    this.#listeners.add(listener);
  }

  close(): void {
    this.#socket.terminate();
  }

  #take({ id, result, error, message, method, params }: BidiMessage): void {
    if (id === undefined || id === null) {
      if (method !== undefined) for (const listener of this.#listeners) listener(method, params ?? {});
      return;
    }
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result as never);
    else waiting?.reject(new Error(`${error}: ${message}`));
  }
}
