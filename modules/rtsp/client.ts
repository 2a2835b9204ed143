import type { Core } from '../../core/core.ts';
import { describeReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { afterIn, every } from '../../core/time/clock.ts';
import { type Micros, seconds } from '../../core/time/micros.ts';
import { type AuthHeader, digestResponse, readChallenges } from '../../wire/digest/digest.ts';
import {
  formatRequest,
  type HeaderFields,
  type RtspHearer,
  type RtspRequest,
  type RtspResponse,
} from '../../wire/rtsp/message.ts';
import type { RtspUrl } from './client-url.ts';
import type { RtspConnection } from './connection.ts';

export interface ClientSettings {
  readonly url: RtspUrl;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** How long the other server may take for an answer. */
  readonly timeout: Micros;
}

export interface ClientDependencies {
  readonly core: Core;
  readonly connection: RtspConnection;
  /** The connection's. */
  readonly scope: Scope;
}

interface Pending {
  readonly resolve: (response: RtspResponse) => void;
  readonly reject: (error: Error) => void;
}

const agent = 'Switchyard';
const usualTimeout = 60;

/** The other side's refusal. */
export class RtspRefusal extends Error {
  readonly status: number;

  constructor(method: string, { status, reason }: RtspResponse) {
    super(`the other server answered ${method} with ${status} ${reason.slice(0, 100)}`);
    this.name = 'RtspRefusal';
    this.status = status;
  }
}

/** The client side of a connection: asks, proves its password, keeps the session alive. */
export class RtspClient implements RtspHearer {
  readonly connection: RtspConnection;
  readonly url: RtspUrl;
  readonly #settings: ClientSettings;
  readonly #core: Core;
  readonly #scope: Scope;
  readonly #pending = new Map<number, Pending>();
  #sequence = 0;
  #session: string | undefined;
  #challenge: AuthHeader | undefined;
  /** Gets what is interleaved. */
  onFrame: (channel: number, bytes: Buffer) => void = () => undefined;

  constructor(settings: ClientSettings, dependencies: ClientDependencies) {
    this.#settings = settings;
    this.url = settings.url;
    this.connection = dependencies.connection;
    this.#core = dependencies.core;
    this.#scope = dependencies.scope;
    this.#scope.defer((reason) => this.#abandon(`the connection ended: ${describeReason(reason)}`));
    this.connection.start(this);
  }

  /** Resolves with a 200; rejects with the refusal, and when no answer comes in time. */
  async ask(method: string, url: string, fields: HeaderFields = {}, body?: string): Promise<RtspResponse> {
    let response = await this.#exchange(method, url, fields, body);
    if (response.status === 401 && this.#learn(response)) response = await this.#exchange(method, url, fields, body);
    if (response.status !== 200) throw new RtspRefusal(method, response);
    const session = response.headers.get('session');
    if (session !== undefined) this.#session ??= session.split(';')[0]?.trim();
    return response;
  }

  /** Says from time to time that we are still here. RFC 2326 12.37. */
  keepAlive(url: string, response: RtspResponse): void {
    const told = /timeout=(\d{1,5})/.exec(response.headers.get('session') ?? '')?.[1];
    const timeout = Math.max(5, told === undefined ? usualTimeout : Number(told));
    every(this.#scope, this.#core.clock, seconds(timeout / 2), () => {
      // Not every camera knows GET_PARAMETER; the answer is of no interest.
      this.ask('OPTIONS', url).catch(() => undefined);
    });
  }

  /** Our goodbye; the answer is not waited for. */
  leave(url: string): void {
    if (this.#session !== undefined) this.ask('TEARDOWN', url).catch(() => undefined);
  }

  onResponse(response: RtspResponse): void {
    const sequence = Number(response.headers.get('cseq'));
    const pending = this.#pending.get(sequence);
    this.#pending.delete(sequence);
    pending?.resolve(response);
  }

  onRequest(request: RtspRequest): void {
    // Servers ask OPTIONS or SET_PARAMETER as a sign of life; TEARDOWN and ANNOUNCE of RFC 2326 10 end or change what we have.
    const sequence = request.headers.get('cseq') ?? '0';
    const status =
      request.method === 'TEARDOWN' || /PARAMETER|OPTIONS/.test(request.method) ? '200 OK' : '501 Not Implemented';
    this.connection.send(Buffer.from(`RTSP/1.0 ${status}\r\nCSeq: ${sequence.replace(/\D/g, '')}\r\n\r\n`));
    if (request.method === 'TEARDOWN')
      void this.#scope.close({ code: 'peer-left', detail: 'the other server ended it' });
  }

  #exchange(method: string, url: string, fields: HeaderFields, body: string | undefined): Promise<RtspResponse> {
    this.#sequence += 1;
    const sequence = this.#sequence;
    return new Promise((resolve, reject) => {
      if (this.#scope.closed) {
        reject(new Error('the connection ended'));
        return;
      }
      const cancel = afterIn(this.#scope, this.#core.clock, this.#settings.timeout, () => {
        this.#pending.delete(sequence);
        reject(new Error(`no answer to ${method} came in time`));
      });
      const settle =
        <T>(tell: (value: T) => void) =>
        (value: T): void => {
          cancel();
          tell(value);
        };
      this.#pending.set(sequence, { resolve: settle(resolve), reject: settle(reject) });
      const own = {
        CSeq: String(sequence),
        'User-Agent': agent,
        Session: this.#session,
        Authorization: this.#authorize(method, url),
      };
      const bytes = body === undefined ? undefined : Buffer.from(body);
      this.connection.send(formatRequest({ method, url }, { ...own, ...fields }, bytes));
    });
  }

  /** Whether another try with an answer to the challenge makes sense. */
  #learn(response: RtspResponse): boolean {
    const { user } = this.#settings;
    const value = response.headers.get('www-authenticate');
    if (user === undefined || value === undefined) return false;
    const challenges = readChallenges(value);
    const usable = (header: AuthHeader): boolean =>
      /^(MD5|SHA-256)$/i.test(header.parameters.get('algorithm') ?? 'MD5') && header.parameters.has('nonce');
    const digest = challenges.find((header) => header.scheme === 'digest' && usable(header));
    const chosen = digest ?? challenges.find(({ scheme }) => scheme === 'basic');
    const before = this.#challenge;
    this.#challenge = chosen;
    if (chosen === undefined) return false;
    // The same question again: our answer was wrong.
    return before === undefined || before.parameters.get('nonce') !== chosen.parameters.get('nonce');
  }

  #authorize(method: string, uri: string): string | undefined {
    const challenge = this.#challenge;
    const { user = '', password = '' } = this.#settings;
    if (challenge === undefined) return undefined;
    if (challenge.scheme === 'basic') return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const realm = challenge.parameters.get('realm') ?? '';
    const nonce = challenge.parameters.get('nonce') ?? '';
    const named = challenge.parameters.get('algorithm');
    const algorithm = named?.toUpperCase() === 'SHA-256' ? 'SHA-256' : 'MD5';
    const counted = /\bauth\b/.test(challenge.parameters.get('qop') ?? '')
      ? {
          count: this.#sequence.toString(16).padStart(8, '0'),
          clientNonce: this.#sequence.toString(36).padStart(16, 'c'),
        }
      : undefined;
    const facts = { algorithm, user, realm, password, method, uri, nonce } as const;
    const response = digestResponse(counted === undefined ? facts : { ...facts, counted });
    const parts = [
      `username="${quoted(user)}"`,
      `realm="${quoted(realm)}"`,
      `nonce="${quoted(nonce)}"`,
      `uri="${uri}"`,
    ];
    parts.push(`response="${response}"`);
    const opaque = challenge.parameters.get('opaque');
    if (opaque !== undefined) parts.push(`opaque="${quoted(opaque)}"`);
    if (named !== undefined) parts.push(`algorithm=${algorithm}`);
    if (counted !== undefined) parts.push('qop=auth', `nc=${counted.count}`, `cnonce="${counted.clientNonce}"`);
    return `Digest ${parts.join(', ')}`;
  }

  /** Everybody who waits hears why. */
  #abandon(why: string): void {
    for (const { reject } of this.#pending.values()) reject(new Error(why));
    this.#pending.clear();
  }
}

function quoted(text: string): string {
  return text.replace(/(["\\])/g, '\\$1');
}
