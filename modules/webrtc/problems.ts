import { STATUS_CODES } from 'node:http';
import { type ErrorCode, isError, SwitchyardError } from '../../core/errors.ts';
import { cleanText } from '../../core/sessions/session-registry.ts';
import { WireError } from '../../wire/errors.ts';

/** An answer other than success that a route gives on purpose. */
export class Problem extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'Problem';
    this.status = status;
    this.headers = headers;
  }
}

/** RFC 9725 4.2 and 4.4: 406 for media that cannot be taken, 422 for what is no use as an offer, 503 for what may pass. */
const statuses: Readonly<Partial<Record<ErrorCode, number>>> = {
  'stream-not-found': 404,
  'stream-ended': 404,
  'stream-name-taken': 409,
  'stream-name-invalid': 400,
  'codecs-do-not-match': 406,
  'access-refused': 403,
  'session-not-admitted': 403,
  'protocol-violation': 422,
  'source-failed': 502,
  'stream-has-no-media': 503,
  'timed-out': 504,
  'limit-reached': 503,
  'port-unavailable': 503,
  'budget-spent': 503,
  'transcoder-failed': 503,
  closed: 503,
};
/** Seconds after which another try may find room. */
const retryAfter = '5';

export function statusOf(error: unknown): number {
  if (error instanceof Problem) return error.status;
  // No SDP at all.
  if (isError(error, 'protocol-violation') && error.cause instanceof WireError) return 400;
  // RFC 9110 15.5.2: who may try again with credentials is told so.
  if (isError(error, 'access-refused') && error.detail.challenge === true) return 401;
  if (error instanceof SwitchyardError) return statuses[(error as SwitchyardError).code] ?? 500;
  // What the application around the routes refuses, and what fastify does.
  const { statusCode, status } = error as { readonly statusCode?: number; readonly status?: number };
  const told = statusCode ?? status ?? 500;
  return told >= 400 && told < 500 ? told : 500;
}

export function headersOf(error: unknown, hasShownToken: boolean): Readonly<Record<string, string>> {
  if (error instanceof Problem) return error.headers;
  const status = statusOf(error);
  if (status === 503) return { 'retry-after': retryAfter };
  // RFC 6750 3
  const why = hasShownToken ? ', error="invalid_token"' : '';
  return status === 401 ? { 'www-authenticate': `Bearer realm="switchyard"${why}` } : {};
}

/** RFC 9457. Of an unexpected error the peer learns nothing: the log tells. */
export function problemOf(error: unknown): Record<string, unknown> {
  const status = statusOf(error);
  const isTold = error instanceof Problem || error instanceof SwitchyardError || status < 500;
  const detail = isTold && error instanceof Error ? cleanText(error.message, 1_000) : 'Something failed.';
  const code = error instanceof SwitchyardError ? { code: (error as SwitchyardError).code } : {};
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, ...code };
}
