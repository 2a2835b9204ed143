import { SwitchyardError } from '../../core/errors.ts';

/** Where a client goes. */
export interface RtspUrl {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** What is asked for: without user and password. */
  readonly target: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** Throws `protocol-violation`. */
export function parseRtspUrl(text: string): RtspUrl {
  const url = findRtspUrl(text);
  if (url === undefined)
    throw new SwitchyardError('protocol-violation', { protocol: 'RTSP', what: 'a URL that is none' });
  return url;
}

/** Undefined for what is no URL of RTSP. */
export function findRtspUrl(text: string): RtspUrl | undefined {
  const match = /^(rtsps?):\/\/(?:([^/?#@\s]*)@)?(\[[0-9a-f:.]+\]|[^/?#:@\s]+)(?::(\d{1,5}))?([/?][^\s]*)?$/i.exec(
    text,
  );
  if (match === null || text.length > 2_048) return undefined;
  const [, scheme = '', login, host = '', portText, path = '/'] = match;
  const secure = scheme.toLowerCase() === 'rtsps';
  const port = portText === undefined ? (secure ? 322 : 554) : Number(portText);
  if (port < 1 || port > 65_535) return undefined;
  const colon = login?.indexOf(':') ?? -1;
  const user = login === undefined ? undefined : decode(colon < 0 ? login : login.slice(0, colon));
  const password = login === undefined || colon < 0 ? undefined : decode(login.slice(colon + 1));
  return {
    secure,
    host: host.replace(/^\[|\]$/g, ''),
    port,
    target: `${scheme.toLowerCase()}://${host}${portText === undefined ? '' : `:${port}`}${path}`,
    user,
    password,
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // passwords with a plain percent sign are known
  }
}
