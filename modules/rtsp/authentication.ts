import { randomBytes } from 'node:crypto';
import type { Credentials } from '../../core/access/access-control.ts';
import { type DigestAlgorithm, digestResponse, readAuthHeader, sameDigest } from '../../wire/digest/digest.ts';
import type { RtspRequest } from '../../wire/rtsp/message.ts';

export interface AuthenticationSettings {
  readonly algorithms: readonly DigestAlgorithm[];
  readonly basic: boolean;
  readonly realm: string;
}

/** What came with a request, beside its URL. */
export type Shown =
  | { readonly kind: 'nothing' }
  /** A header that proves nothing: another challenge is the answer. */
  | { readonly kind: 'useless' }
  | { readonly kind: 'credentials'; readonly credentials: Partial<Credentials> };

const nothing: Shown = { kind: 'nothing' };
const useless: Shown = { kind: 'useless' };

/**
 * Challenges of one connection, and what answers prove. Nonces are of the connection, so that what is heard elsewhere proves
 * nothing here; only what was offered is taken, so that nobody is talked down to a weaker algorithm.
 */
export class Authentication {
  readonly #settings: AuthenticationSettings;
  readonly #nonce = randomBytes(16).toString('hex');
  #lastCount = 0;
  /** What was found of the last request: its count may rise but once, however often it is asked for. */
  #found: { readonly request: RtspRequest; readonly shown: Shown } | undefined;

  constructor(settings: AuthenticationSettings) {
    this.#settings = settings;
  }

  /** Values of WWW-Authenticate, one header each. */
  challenges(): readonly string[] {
    const { algorithms, basic, realm } = this.#settings;
    const told = realm.replace(/["\\]/g, '');
    return [
      ...(basic ? [`Basic realm="${told}"`] : []),
      ...algorithms.map((algorithm) => {
        // Old clients take a quoted or an unknown algorithm for one that they don't have.
        const named = algorithm === 'MD5' ? '' : `, algorithm=${algorithm}`;
        return `Digest realm="${told}", nonce="${this.#nonce}"${named}`;
      }),
    ];
  }

  read(request: RtspRequest): Shown {
    if (this.#found?.request !== request) this.#found = { request, shown: this.#find(request) };
    return this.#found.shown;
  }

  #find(request: RtspRequest): Shown {
    const value = request.headers.get('authorization');
    if (value === undefined) return nothing;
    const header = readAuthHeader(value);
    if (header === undefined) return useless;
    return header.scheme === 'basic' ? this.#readBasic(header.token) : this.#readDigest(header.parameters, request);
  }

  #readBasic(token: string): Shown {
    if (!this.#settings.basic) return useless;
    const text = Buffer.from(token, 'base64').toString();
    const colon = text.indexOf(':');
    if (colon < 0) return useless;
    return { kind: 'credentials', credentials: { user: text.slice(0, colon), password: text.slice(colon + 1) } };
  }

  #readDigest(parameters: ReadonlyMap<string, string>, request: RtspRequest): Shown {
    const { algorithms, realm } = this.#settings;
    const named = (parameters.get('algorithm') ?? 'MD5').toUpperCase();
    const algorithm = algorithms.find((offered) => offered === named);
    const user = parameters.get('username');
    const response = parameters.get('response');
    const uri = parameters.get('uri');
    if (algorithm === undefined || user === undefined || response === undefined || uri === undefined) return useless;
    if (parameters.get('nonce') !== this.#nonce || parameters.get('realm') !== realm.replace(/["\\]/g, ''))
      return useless;
    if (!sameResource(uri, request.url)) return useless;
    const qop = parameters.get('qop');
    const counted = qop === undefined ? undefined : this.#readCount(parameters);
    if (qop !== undefined && counted === undefined) return useless;
    const { method } = request;
    const facts = { algorithm, user, realm: realm.replace(/["\\]/g, ''), method, uri, nonce: this.#nonce };
    const proves = (password: string): boolean =>
      // An empty password is what half-made users have: nobody proves it.
      password !== '' &&
      sameDigest(digestResponse({ ...facts, password, ...(counted === undefined ? {} : { counted }) }), response);
    return { kind: 'credentials', credentials: { user, proves } };
  }

  /** RFC 7616 3.4: the count rises, so that what was sent once proves nothing a second time. */
  #readCount(parameters: ReadonlyMap<string, string>): { count: string; clientNonce: string } | undefined {
    const count = parameters.get('nc') ?? '';
    const clientNonce = parameters.get('cnonce');
    if (!/^[0-9a-f]{8}$/i.test(count) || clientNonce === undefined) return undefined;
    const number = Number.parseInt(count, 16);
    if (number <= this.#lastCount) return undefined;
    this.#lastCount = number;
    return { count, clientNonce };
  }
}

/** Clients sign the URL with or without track, slash or authority; what is signed must name what is asked. */
function sameResource(signed: string, asked: string): boolean {
  const path = (url: string): string =>
    url
      .replace(/^rtspu?s?:\/\/[^/]*/i, '')
      .replace(/\/trackID=\d+/, '')
      .replace(/\/+(?=$|\?)/, '');
  return path(signed) === path(asked);
}
