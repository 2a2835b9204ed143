import { Buffer } from 'node:buffer';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { AdminCredential } from '../../core/access/admin-credential.ts';
import { FailureLimit } from '../../core/access/failure-limit.ts';
import type { Secret } from '../../core/config/schema.ts';
import type { Clock } from '../../core/time/clock.ts';
import { seconds } from '../../core/time/micros.ts';
import { HttpError } from './errors.ts';
import { hostOf, isLoopback, isUnforgeableHost } from './origin.ts';

export interface AdministrationSettings {
  readonly local: boolean;
  readonly token?: Secret;
}

/** What of a request decides. */
export interface Applicant {
  readonly headers: IncomingHttpHeaders;
  readonly address: string;
}

const challenge = { 'www-authenticate': 'Basic realm="Switchyard", charset="UTF-8"' };
/** Who came through a proxy is not on this host, whatever the connection says. */
const proxyHeaders = ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via'];

/** Lets administrators in: from this host, with the administrator's password, or with the configured bearer token. */
export class Administration {
  readonly #settings: AdministrationSettings;
  readonly #administrator: AdminCredential | undefined;
  readonly #tokenFailures: FailureLimit;
  refused = 0;

  constructor(
    settings: AdministrationSettings,
    dependencies: { administrator?: AdminCredential | undefined; clock: Clock },
  ) {
    this.#settings = settings;
    this.#administrator = dependencies.administrator;
    this.#tokenFailures = new FailureLimit({ failures: 20, window: seconds(60), addresses: 10_000 }, dependencies);
  }

  /** Throws HttpError 401, or 429 when the address has failed too often. */
  async admit(applicant: Applicant): Promise<void> {
    const { authorization } = applicant.headers;
    try {
      if (authorization !== undefined) await this.#check(authorization, applicant.address);
      else if (!this.#isLocal(applicant)) throw new HttpError(401, 'The administrator has to log in here.', challenge);
    } catch (error) {
      this.refused += 1;
      throw error;
    }
  }

  #isLocal({ headers, address }: Applicant): boolean {
    if (!this.#settings.local || !isLoopback(address)) return false;
    // A browser on this host may have been led here by a foreign site whose name points at 127.0.0.1.
    return isUnforgeableHost(hostOf(headers)) && proxyHeaders.every((name) => headers[name] === undefined);
  }

  async #check(authorization: string, address: string): Promise<void> {
    const [, scheme = '', value = ''] = /^(Basic|Bearer) +([\w.~+/=-]{1,2048})$/i.exec(authorization) ?? [];
    if (scheme.toLowerCase() === 'basic') return this.#checkPassword(value, address);
    if (scheme.toLowerCase() === 'bearer') return this.#checkToken(value, address);
    throw new HttpError(401, 'Only Basic and Bearer are understood here.', challenge);
  }

  async #checkPassword(encoded: string, address: string): Promise<void> {
    // RFC 7617 2
    const text = Buffer.from(encoded, 'base64').toString();
    const colon = text.indexOf(':');
    const verdict = await this.#administrator?.verify(
      text.slice(0, Math.max(0, colon)),
      text.slice(colon + 1),
      address,
    );
    if (verdict?.accepted === true) return;
    if (verdict?.retryAfter !== undefined) throw tooMany(verdict.retryAfter);
    throw new HttpError(401, 'Name or password are wrong.', challenge);
  }

  #checkToken(token: string, address: string): void {
    const wait = this.#tokenFailures.waitFor(address);
    if (wait > 0) throw tooMany(wait);
    const expected = this.#settings.token?.reveal();
    if (expected !== undefined && expected !== '' && timingSafeEqual(digest(token), digest(expected))) return;
    this.#tokenFailures.noteFailure(address);
    throw new HttpError(401, 'The token is wrong.', challenge);
  }
}

function tooMany(wait: number): HttpError {
  return new HttpError(429, `Too many failed attempts: try again in ${wait} s.`, { 'retry-after': String(wait) });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
