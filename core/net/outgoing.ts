import type { Socket } from 'node:net';
import type { OutgoingConfig } from '../config/fragments.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { Attempts } from '../time/attempts.ts';
import { Backoff } from '../time/backoff.ts';
import type { Clock } from '../time/clock.ts';
import { dial } from './dial.ts';
import { type Lookup, resolveTrusted, TargetGuard } from './target-guard.ts';

export interface OutgoingDependencies {
  readonly clock: Clock;
  readonly lookup: Lookup;
  /** Numbers from 0 to below 1. */
  readonly random: () => number;
}

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Over TLS. */
  readonly secure: boolean;
  /** Of our own configuration: it may lead anywhere. */
  readonly trusted: boolean;
}

/** Connections to other servers, as the `client` section of a module bounds them. */
export class Outgoing {
  /** Where strangers' URLs may lead. */
  readonly guard: TargetGuard;
  readonly #config: OutgoingConfig;
  readonly #d: OutgoingDependencies;

  /** `section`: where the configuration stands, for the sentences of refusals. Throws `config-invalid`. */
  constructor(settings: OutgoingConfig & { readonly section: string }, dependencies: OutgoingDependencies) {
    this.#config = settings;
    this.#d = dependencies;
    this.guard = new TargetGuard(settings, { lookup: dependencies.lookup });
  }

  /** Attempts of one stream, with pauses as configured. */
  newAttempts(): Attempts {
    const { retryFirst, retryLongest } = this.#config;
    const { clock, random } = this.#d;
    return new Attempts({ clock, backoff: new Backoff({ first: retryFirst, longest: retryLongest }, { random }) });
  }

  /** Connects; the socket ends with `scope`. Throws `access-refused`, and what the system says. */
  async connect({ host, port, secure, trusted }: Target, scope: Scope): Promise<Socket> {
    const { rejectUnauthorized, ports: localPorts, timeout } = this.#config;
    const address = trusted ? await resolveTrusted(host, this.#d.lookup) : await this.guard.resolve(host);
    const tls = secure ? { tlsName: host } : {};
    return dial({ address, port, ...tls, rejectUnauthorized, localPorts, timeout }, { scope, clock: this.#d.clock });
  }
}
