import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** Host and port that the peer wrote, when they are a plain name or address: `media.example:8081`, `[::1]:8081`. */
export function authorityOf(headers: IncomingHttpHeaders): string | undefined {
  const authority = headers[':authority'] ?? headers.host;
  const text = typeof authority === 'string' ? authority : undefined;
  return text !== undefined && /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:\d{1,5})?$/.test(text)
    ? text
    : undefined;
}

/** The host alone, with the brackets of an address of IPv6. */
export function hostOf(headers: IncomingHttpHeaders): string | undefined {
  return authorityOf(headers)?.replace(/:\d+$/, '');
}

/** A name that other sites cannot point at us (DNS rebinding): an address, or the loopback name. */
export function isUnforgeableHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  return host === 'localhost' || isIP(host.replace(/^\[|\]$/g, '')) !== 0;
}

export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

/**
 * Whether a page of another site sent this request (CSRF). Programs send neither header; browsers send at least one with
 * everything that can change something.
 */
export function isForeign(headers: IncomingHttpHeaders, allowed: readonly string[]): boolean {
  const { origin } = headers;
  if (origin !== undefined) {
    if (isNamed(origin, allowed)) return false;
    const authority = authorityOf(headers);
    return authority === undefined || (origin !== `http://${authority}` && origin !== `https://${authority}`);
  }
  const site = headers['sec-fetch-site'];
  return !allowed.includes('*') && site !== undefined && site !== 'same-origin' && site !== 'none';
}

/** Whether a list of origins names this one; `*` names all. */
export function isNamed(origin: string, origins: readonly string[]): boolean {
  return origins.includes('*') || origins.includes(origin);
}
