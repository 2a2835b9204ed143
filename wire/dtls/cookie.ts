import { Buffer } from 'node:buffer';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type ClientHello, numbers, vector } from './hello.ts';

/** What makes cookies that no state remembers (RFC 6347 4.2.1). */
export type CookieSettings = {
  /** At least 16 random bytes, the same for all peers, changed now and then. */
  readonly secret: Buffer;
  /** The peer's address and port: who can't receive there, can't use the cookie. */
  readonly peer: string;
};

const cookieLength = 20;

export function cookieOf({ secret, peer }: CookieSettings, hello: ClientHello): Buffer {
  return createHmac('sha256', secret)
    .update(vector(Buffer.from(peer, 'utf8'), 2))
    .update(numbers([hello.version]))
    .update(hello.random)
    .update(vector(hello.sessionId, 1))
    .update(vector(numbers(hello.cipherSuites), 2))
    .update(hello.compressions)
    .digest()
    .subarray(0, cookieLength);
}

export function hasCookie(settings: CookieSettings, hello: ClientHello): boolean {
  return hello.cookie.length === cookieLength && timingSafeEqual(hello.cookie, cookieOf(settings, hello));
}
