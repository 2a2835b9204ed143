import { createHash, timingSafeEqual } from 'node:crypto';
import { SwitchyardError } from '../errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Session } from '../sessions/session.ts';

/** What somebody wants to do. `query` is everything after `?` in the name or URL that they used. */
export interface AccessRequest {
  readonly action: 'connect' | 'publish' | 'play' | 'administer';
  readonly session: Session;
  /** Absent for `connect` and `administer`. */
  readonly stream?: string;
  readonly credentials: Credentials;
}

/** What the peer showed. Secrets: never logged. */
export interface Credentials {
  readonly query: URLSearchParams;
  readonly user?: string;
  readonly password?: string;
  /** A bearer token, or `token=` of the query. */
  readonly token?: string;
  /** Where the peer proved its password without showing it (digest): whether this one is it. */
  readonly proves?: (password: string) => boolean;
}

/** Whether the peer showed or proved `password`; for policies that know the user's. */
export function showsPassword(credentials: Credentials, password: string): boolean {
  if (credentials.proves !== undefined) return credentials.proves(password);
  if (credentials.password === undefined) return false;
  // Of equal length, so that the time tells nothing.
  const [shown, known] = [credentials.password, password].map((text) => createHash('sha256').update(text).digest());
  return shown !== undefined && known !== undefined && timingSafeEqual(shown, known);
}

export const noCredentials: Credentials = { query: new URLSearchParams() };

export type Decision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly why: string; readonly challenge?: boolean };

export const allow: Decision = { allowed: true };
export function refuse(why: string, challenge = false): Decision {
  return { allowed: false, why, challenge };
}

/** Is asked before anything is let in. Every policy must agree; with none, everything but `administer` is allowed. */
export interface AccessPolicy {
  readonly name: string;
  decide(request: AccessRequest): Decision | Promise<Decision>;
}

export class AccessControl {
  readonly #policies = new Set<AccessPolicy>();

  /** Adds a policy until the scope ends. */
  add(policy: AccessPolicy, scope: Scope): void {
    this.#policies.add(policy);
    scope.defer(() => {
      this.#policies.delete(policy);
    });
  }

  get policies(): readonly AccessPolicy[] {
    return [...this.#policies];
  }

  /** The first refusal, or leave. A policy that throws refuses. */
  async decide(request: AccessRequest): Promise<Decision> {
    if (request.action === 'administer' && this.#policies.size === 0)
      return refuse('no policy speaks for administration');
    for (const policy of this.#policies) {
      const decision = await this.#ask(policy, request);
      if (!decision.allowed) return decision;
    }
    return allow;
  }

  /** Throws `access-refused`. */
  async admit(request: AccessRequest): Promise<void> {
    const decision = await this.decide(request);
    if (decision.allowed) return;
    const what = request.stream === undefined ? request.action : `${request.action} "${request.stream}"`;
    const challenge = decision.challenge === true;
    throw new SwitchyardError('access-refused', { what, why: decision.why, ...(challenge ? { challenge } : {}) });
  }

  async #ask(policy: AccessPolicy, request: AccessRequest): Promise<Decision> {
    try {
      return await policy.decide(request);
    } catch {
      // Why it failed is the policy's own to log; towards the peer a broken policy must be a closed door.
      return refuse(`the policy "${policy.name}" could not decide`);
    }
  }
}
