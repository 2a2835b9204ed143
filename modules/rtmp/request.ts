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
  return { name: parseStreamName(keyOf(path)), credentials: credentialsOf(parameters) };
}

/** A URI is a name as it is; so is what tries to climb, for the grammar of names to refuse. */
function keyOf(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  if (path.includes('://') || parts.includes('..')) return path;
  return parts.at(-1) ?? '';
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
