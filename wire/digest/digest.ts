import { Buffer } from 'node:buffer';
import { createHash, timingSafeEqual } from 'node:crypto';

export type DigestAlgorithm = 'MD5' | 'SHA-256';

/** What an Authorization or WWW-Authenticate header says, RFC 7235 2.1: parameter names in small letters. */
export interface AuthHeader {
  readonly scheme: 'basic' | 'digest';
  /** Of Basic: the token. */
  readonly token: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const longest = 4_096;
const parameter = /([\w-]{1,40})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))/g;

/** Undefined for schemes that we don't speak. */
export function readAuthHeader(value: string): AuthHeader | undefined {
  const match = /^\s*(basic|digest)\s+(.*)$/is.exec(value.slice(0, longest));
  if (match === null) return undefined;
  const scheme = match[1]?.toLowerCase() === 'basic' ? 'basic' : 'digest';
  const rest = match[2] ?? '';
  const parameters = new Map<string, string>();
  for (const [, name = '', quoted, plain] of rest.matchAll(parameter)) {
    const key = name.toLowerCase();
    // The first counts: a second could only confuse those who look at another one.
    if (!parameters.has(key))
      parameters.set(key, quoted === undefined ? (plain ?? '') : quoted.replace(/\\(.)/g, '$1'));
  }
  return { scheme, token: scheme === 'basic' ? (rest.split(/[\s,]/)[0] ?? '') : '', parameters };
}

/** Every challenge of a header that may hold several. */
export function readChallenges(value: string): readonly AuthHeader[] {
  return value
    .slice(0, longest)
    .split(/,\s*(?=(?:basic|digest)\s)/i)
    .map(readAuthHeader)
    .filter((header) => header !== undefined);
}

export interface DigestFacts {
  readonly algorithm: DigestAlgorithm;
  readonly user: string;
  readonly realm: string;
  readonly password: string;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  /** RFC 7616 3.4: with `qop=auth`. */
  readonly counted?: { readonly count: string; readonly clientNonce: string };
}

/** The `response` of RFC 2069 and RFC 7616 3.4.1, in hexadecimal. */
export function digestResponse(facts: DigestFacts): string {
  const hash = (text: string): string =>
    createHash(facts.algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex');
  const secret = hash(`${facts.user}:${facts.realm}:${facts.password}`);
  const request = hash(`${facts.method}:${facts.uri}`);
  const { counted } = facts;
  if (counted === undefined) return hash(`${secret}:${facts.nonce}:${request}`);
  return hash(`${secret}:${facts.nonce}:${counted.count}:${counted.clientNonce}:auth:${request}`);
}

/** In a time that tells nothing of where they differ. */
export function sameDigest(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a.toLowerCase()), Buffer.from(b.toLowerCase())];
  return left.length === right.length && timingSafeEqual(left, right);
}
