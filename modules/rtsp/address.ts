import type { Credentials } from '../../core/access/access-control.ts';
import { parseStreamName } from '../../core/streams/stream-name.ts';
import { WireError } from '../../wire/errors.ts';

/** What a request URL names. */
export interface RtspAddress {
  /** Undefined for `*` and for a URL without a path. */
  readonly name: string | undefined;
  /** The medium that a control URL names: `…/trackID=1`. */
  readonly track: number | undefined;
  readonly query: URLSearchParams;
  /** The URL without track, query and user: what Content-Base and RTP-Info are made of. */
  readonly base: string;
  /** With its `?`; empty without a query. */
  readonly search: string;
}

const longestUrl = 4_096;
/** Clients put the control behind the query as well as before it. */
const trackMark = /\/trackID=(\d{1,3})(?=$|\?|&)/;

/**
 * Reads `rtsp://host[:port]/[app/]name[/trackID=n][?query]`. The name is the last part of the path; a path that holds a URI names
 * that. Throws WireError and `stream-name-invalid`.
 */
export function readAddress(url: string): RtspAddress {
  if (url.length > longestUrl) throw new WireError('too-large', 'rtsp', 'a URL of that length');
  const mark = trackMark.exec(url);
  const plain = mark === null ? url : url.replace(trackMark, '');
  const match = /^rtspu?s?:\/\/(?:[^/?#@]*@)?([^/?#]*)([^?#]*)(\?[^#]*)?/i.exec(plain);
  if (match === null) {
    if (url === '*') return { name: undefined, track: undefined, query: new URLSearchParams(), base: '*', search: '' };
    throw new WireError('malformed', 'rtsp', 'a URL that is none');
  }
  const [, authority = '', path = '', search = ''] = match;
  const decoded = decode(path);
  const inner = decoded.indexOf('://');
  const nested = inner < 0 ? undefined : decoded.slice(decoded.lastIndexOf('/', inner) + 1);
  const last = decoded
    .split('/')
    .filter((part) => part !== '')
    .at(-1);
  const name = nested ?? last;
  const scheme = /^rtsps:/i.test(url) ? 'rtsps' : 'rtsp';
  return {
    name: name === undefined ? undefined : parseStreamName(name),
    track: mark === null ? undefined : Number(mark[1]),
    query: new URLSearchParams(search),
    base: `${scheme}://${authority}${path.replace(/\/+$/, '')}`,
    search,
  };
}

/** What the peer showed in the URL's query; user and password of its headers come on top. */
export function credentialsOf(query: URLSearchParams): Credentials {
  const token = query.get('token');
  const user = query.get('user');
  const password = query.get('password') ?? query.get('pass');
  return {
    query,
    ...(token === null ? {} : { token }),
    ...(user === null ? {} : { user }),
    ...(password === null ? {} : { password }),
  };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new WireError('malformed', 'rtsp', 'a URL with broken escapes');
  }
}
