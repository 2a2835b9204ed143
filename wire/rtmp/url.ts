import { WireError } from '../errors.ts';

/** Longest URL or name that is read, characters. */
export const longestUrl = 4096;
const mostParameters = 64;
const defaultPorts = { rtmp: 1935, rtmps: 443 } as const;

export type RtmpScheme = 'rtmp' | 'rtmps';

/** `rtmp(s)://host[:port]/app[/instance]/name[?query]` */
export type RtmpUrl = {
  readonly scheme: RtmpScheme;
  /** A name or address; IPv6 without its brackets. */
  readonly host: string;
  readonly port: number;
  /** The application, with its instance when there is one: `live`, `live/room1`. */
  readonly app: string;
  /** The stream's name, '' when the URL stops at the application. It may have slashes. */
  readonly name: string;
  /** What stood behind `?`, undecoded, '' when nothing did. */
  readonly query: string;
};

/** Where a client of ours connects and what it asks for. Throws WireError('malformed' | 'too-large'). */
export function parseRtmpUrl(text: string): RtmpUrl {
  const { scheme, host, port, path, query } = parseAuthority(text);
  const segments = path.split('/').filter((segment) => segment !== '');
  if (segments.length === 0) throw malformed('a URL without application');
  const ofApp = segments.length > 2 ? 2 : 1; // app[/instance]; the rest is the name
  const app = segments.slice(0, ofApp).join('/');
  return { scheme, host, port, app, name: segments.slice(ofApp).join('/'), query };
}

/** The whole URL, its port only where it isn't the scheme's. */
export function formatRtmpUrl(url: RtmpUrl): string {
  const name = url.name === '' ? '' : `/${url.name}`;
  return `${formatTcUrl(url)}${name}${url.query === '' ? '' : `?${url.query}`}`;
}

/** What `connect` carries as `tcUrl`: the URL up to the application. */
export function formatTcUrl(url: Pick<RtmpUrl, 'scheme' | 'host' | 'port' | 'app'>): string {
  const host = url.host.includes(':') ? `[${url.host}]` : url.host;
  const port = url.port === defaultPorts[url.scheme] ? '' : `:${url.port}`;
  return `${url.scheme}://${host}${port}/${url.app}`;
}

/** What `publish` and `play` carry: the name with the query. */
export function formatStreamName(url: Pick<RtmpUrl, 'name' | 'query'>): string {
  return url.query === '' ? url.name : `${url.name}?${url.query}`;
}

/** What a peer asked for, from `connect` and from `publish` or `play`. */
export type StreamAddress = {
  /** From `tcUrl`, when there is one that can be read. */
  readonly host: string | undefined;
  readonly app: string;
  readonly name: string;
  /** Of all three queries; on the same key the name's wins, then the application's. Keys and values are decoded. */
  readonly parameters: ReadonlyMap<string, string>;
};

/**
 * Puts together what clients spread over three places: the query may be on `tcUrl`, on `app` or on the stream's name.
 * `tcUrl` may be missing or nonsense: then there is no host. The names are not judged further than their length and
 * control characters; what a stream may be called is the core's matter.
 * Throws WireError('malformed' | 'too-large').
 */
export function readStreamAddress(app: string, tcUrl: string | undefined, name: string): StreamAddress {
  const fromTcUrl = tcUrl === undefined ? undefined : findAuthority(tcUrl);
  const ofApp = splitQuery(app);
  const ofName = splitQuery(name);
  const parameters = new Map<string, string>();
  for (const query of [fromTcUrl?.query ?? '', ofApp.query, ofName.query]) addParameters(parameters, query);
  return { host: fromTcUrl?.host, app: trimSlashes(ofApp.path), name: ofName.path, parameters };
}

type Authority = {
  readonly scheme: RtmpScheme;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly query: string;
};

const urlPattern = /^(rtmps?):\/\/(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9._-]{1,253}))(?::(\d{1,5}))?(?:\/(.*))?$/is;

function parseAuthority(text: string): Authority {
  const { path: whole, query } = splitQuery(text);
  const match = urlPattern.exec(whole);
  if (match === null) throw malformed('no rtmp:// or rtmps:// URL');
  const [, written, address, hostName, portText, path = ''] = match;
  const scheme = written?.toLowerCase() === 'rtmps' ? 'rtmps' : 'rtmp';
  const port = portText === undefined ? defaultPorts[scheme] : Number(portText);
  if (port < 1 || port > 65535) throw malformed(`port ${port}`);
  return { scheme, host: address ?? hostName ?? '', port, path, query };
}

function findAuthority(text: string): Authority | undefined {
  try {
    return parseAuthority(text);
  } catch (error) {
    // A tcUrl only adds to what app and name say: players send empty ones, and other schemes through tunnels.
    if (error instanceof WireError && error.code === 'malformed') return undefined;
    throw error;
  }
}

function splitQuery(text: string): { readonly path: string; readonly query: string } {
  if (text.length > longestUrl) throw new WireError('too-large', 'rtmp', `a name of ${text.length} characters`);
  // eslint-disable-next-line no-control-regex -- that is what must not get through
  if (/[\u0000-\u001f\u007f]/.test(text)) throw malformed('a control character in a name');
  const at = text.indexOf('?');
  return at < 0 ? { path: text, query: '' } : { path: text.slice(0, at), query: text.slice(at + 1) };
}

function addParameters(into: Map<string, string>, query: string): void {
  if (query === '') return;
  for (const [key, value] of new URLSearchParams(query)) {
    into.set(key, value);
    if (into.size > mostParameters) throw new WireError('too-large', 'rtmp', `more than ${mostParameters} parameters`);
  }
}

function trimSlashes(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && text[from] === '/') from += 1;
  while (to > from && text[to - 1] === '/') to -= 1;
  return text.slice(from, to);
}

function malformed(what: string): WireError {
  return new WireError('malformed', 'rtmp', what);
}
