import type { Credentials } from '../../core/access/access-control.ts';
import { parseStreamName } from '../../core/streams/stream-name.ts';
import { type Micros, millis } from '../../core/time/micros.ts';
import { readStreamAddress } from '../../wire/rtmp/url.ts';
import type { StreamRequest } from './net-stream.ts';

/** What `connect` said. */
export interface ConnectFacts {
  readonly app: string;
  readonly tcUrl: string | undefined;
}

/** The application and what the peer showed already in `connect`. Throws WireError. */
export function readConnect(facts: ConnectFacts): { app: string; credentials: Credentials } {
  const { app, parameters } = readStreamAddress(facts.app, facts.tcUrl, '');
  return { app, credentials: credentialsOf(parameters) };
}

/**
 * The stream that `publish` or `play` names. The key is the last part of what stands behind the application; what is
 * asked for in the query of name, app or tcUrl goes to the policies. Throws WireError and `stream-name-invalid`.
 */
export function readStreamRequest(facts: ConnectFacts, name: string): StreamRequest {
  const { name: path, parameters } = readStreamAddress(facts.app, facts.tcUrl, name);
  const key = path.includes('://')
    ? path
    : (path
        .split('/')
        .filter((part) => part !== '')
        .at(-1) ?? '');
  return { name: parseStreamName(key), credentials: credentialsOf(parameters) };
}

function credentialsOf(parameters: ReadonlyMap<string, string>): Credentials {
  const query = new URLSearchParams([...parameters]);
  const token = parameters.get('token');
  const user = parameters.get('user');
  const password = parameters.get('password') ?? parameters.get('pass');
  return {
    query,
    ...(token === undefined ? {} : { token }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
  };
}

/** For how long a player lets its media be held back: what `?latency=` asks for, `low` or milliseconds, within the limit. */
export function readLatency(query: URLSearchParams, limits: { merge: Micros; lowLatency: Micros }): Micros {
  const asked = query.get('latency');
  if (asked === null) return limits.merge;
  const wanted = asked === 'low' ? limits.lowLatency : /^\d{1,5}$/.test(asked) ? millis(Number(asked)) : limits.merge;
  return wanted < limits.merge ? wanted : limits.merge;
}
