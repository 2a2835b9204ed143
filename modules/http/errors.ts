import { STATUS_CODES } from 'node:http';
import { type ErrorCode, SwitchyardError } from '../../core/errors.ts';
import { cleanText } from '../../core/sessions/session-registry.ts';

/** How WCS tells what went wrong (reference d.1). */
export interface ErrorBody {
  /** Code of the catalogue, or what HTTP calls it. */
  readonly exception: string;
  readonly reason: string;
  readonly path: string;
  readonly error: string;
  readonly message: string;
  /** Unix time in ms. */
  readonly timestamp: number;
  readonly status: number;
}

/** An answer other than success that a route gives on purpose. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.headers = headers;
  }
}

const statuses: Partial<Record<ErrorCode, number>> = {
  'stream-not-found': 404,
  'stream-ended': 404,
  'stream-name-taken': 409,
  'stream-name-invalid': 400,
  'codecs-do-not-match': 409,
  'access-refused': 403,
  'session-not-admitted': 403,
  'source-failed': 502,
  'stream-has-no-media': 504,
  'timed-out': 504,
  'limit-reached': 503,
  'budget-spent': 503,
  'service-not-provided': 501,
};

interface FastifyFault {
  readonly statusCode?: number;
  readonly code?: string;
}

/** Status of an answer for anything that was thrown. */
export function statusOf(error: unknown): number {
  if (error instanceof HttpError) return error.status;
  if (error instanceof SwitchyardError) return statuses[(error as SwitchyardError).code] ?? 500;
  const { statusCode } = error as FastifyFault;
  return statusCode !== undefined && statusCode >= 400 && statusCode < 500 ? statusCode : 500;
}

/** What the peer is told. Of an unexpected error it learns nothing: the log tells. */
export function errorBody(error: unknown, request: { path: string; now: number }): ErrorBody {
  const status = statusOf(error);
  const told = error instanceof HttpError || error instanceof SwitchyardError || status < 500;
  const message =
    told && error instanceof Error ? cleanText(error.message, 1_000) : 'Something failed; the log tells what.';
  return {
    exception: exceptionOf(error, status),
    reason: message,
    path: cleanText(request.path, 1_000),
    error: STATUS_CODES[status] ?? 'Error',
    message,
    timestamp: Math.round(request.now),
    status,
  };
}

function exceptionOf(error: unknown, status: number): string {
  if (error instanceof SwitchyardError) return (error as SwitchyardError).code;
  const phrase = (STATUS_CODES[status] ?? 'error').toLowerCase().replaceAll(' ', '-');
  return status < 500 ? phrase : 'internal-server-error';
}
