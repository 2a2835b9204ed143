import type { IncomingHttpHeaders } from 'node:http';
import type { Credentials } from '../../core/access/access-control.ts';

const longestQuery = 4_096;
const longestToken = 8_192;

/** What a request shows: a bearer token, HTTP Basic, and the query of its URL. */
export function credentialsOf(headers: IncomingHttpHeaders, url: string): Credentials {
  const mark = url.indexOf('?');
  const query = new URLSearchParams(mark < 0 || url.length - mark > longestQuery ? '' : url.slice(mark + 1));
  const token = tokenOf(headers, query);
  const basic = basicOf(headers.authorization);
  return { query, ...(token === undefined ? {} : { token }), ...basic };
}

/** RFC 6750 2.1, or `token=` of the query for clients that cannot set a header. */
function tokenOf({ authorization }: IncomingHttpHeaders, query: URLSearchParams): string | undefined {
  const shown = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1] ?? query.get('token') ?? undefined;
  return shown === undefined || shown.length > longestToken ? undefined : shown;
}

/** RFC 7617 2. */
function basicOf(authorization: string | undefined): Pick<Credentials, 'user' | 'password'> {
  const encoded = /^Basic +([\w+/=-]{1,2048})$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return {};
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? {} : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

export interface IceServer {
  readonly url: string;
  readonly username?: string;
  readonly credential?: string;
}

/** The Link header that tells clients of STUN and TURN servers (RFC 9725 4.6); undefined without any. */
export function linkHeader(servers: readonly IceServer[]): string | undefined {
  const links = servers.map(({ url, username, credential }) => {
    const user = username === undefined ? '' : `; username=${quoted(username)}`;
    const password = credential === undefined ? '' : `; credential=${quoted(credential)}; credential-type="password"`;
    return `<${url}>; rel="ice-server"${user}${password}`;
  });
  return links.length === 0 ? undefined : links.join(', ');
}

/** RFC 9110 5.6.4; header values have no line ends. */
function quoted(text: string): string {
  return `"${text.replace(/[\r\n\0]/g, '').replace(/["\\]/g, '\\$&')}"`;
}
