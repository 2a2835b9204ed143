import type { EventBus } from '../events/bus.ts';
import { SessionClosed, SessionOpened } from '../events/catalogue.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Clock } from '../time/clock.ts';
import type { Session } from './session.ts';

export interface SessionRequest {
  readonly protocol: string;
  readonly remoteAddress: string;
  readonly agent?: string;
  /** The module's scope: the session's own is a child of it. */
  readonly parent: Scope;
  readonly inspect?: () => Record<string, unknown>;
}

const longestAgent = 200;

/** Keeps a stranger's text from breaking lines or terminals. */
export function cleanText(text: string, longest = longestAgent): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  // eslint-disable-next-line no-control-regex
  return text.slice(0, longest).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?');
}

/** A socket for both families tells IPv4 peers as `::ffff:192.0.2.1` (RFC 4291 2.5.5.2); one peer has one address. */
export function plainAddress(address: string): string {
  return /^::ffff:\d{1,3}(\.\d{1,3}){3}$/i.test(address) ? address.slice(7) : address;
}

/** Every session of the server. */
export class SessionRegistry {
  readonly #sessions = new Map<string, Session>();
  readonly #clock: Clock;
  readonly #events: EventBus;
  #opened = 0;

  constructor(dependencies: { clock: Clock; events: EventBus }) {
    this.#clock = dependencies.clock;
    this.#events = dependencies.events;
  }

  /** Opens a session; closing its scope takes it off the list. */
  open(request: SessionRequest): Session {
    this.#opened += 1;
    const id = `${request.protocol}-${this.#opened.toString(36)}`;
    const session: Session = {
      id,
      protocol: request.protocol,
      remoteAddress: plainAddress(request.remoteAddress),
      agent: cleanText(request.agent ?? ''),
      scope: request.parent.child(id),
      startedAt: this.#clock.wallNow(),
      inspect: request.inspect ?? (() => ({})),
    };
    this.#sessions.set(id, session);
    session.scope.defer((reason) => {
      this.#sessions.delete(id);
      this.#events.emit(SessionClosed, { session, reason });
    });
    this.#events.emit(SessionOpened, { session });
    return session;
  }

  find(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  all(): Iterable<Session> {
    return this.#sessions.values();
  }

  /** Sessions opened since the start. */
  get opened(): number {
    return this.#opened;
  }

  /** How many are open, of one protocol or of all. */
  count(protocol?: string): number {
    if (protocol === undefined) return this.#sessions.size;
    let count = 0;
    for (const session of this.#sessions.values()) if (session.protocol === protocol) count += 1;
    return count;
  }
}
