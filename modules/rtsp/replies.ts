import { describeError, SwitchyardError } from '../../core/errors.ts';
import { WireError } from '../../wire/errors.ts';
import type { HeaderFields } from '../../wire/rtsp/message.ts';

/** An answer before it gets the headers that all have. */
export interface Reply {
  readonly status: number;
  readonly fields?: HeaderFields;
  readonly body?: Buffer;
  /** In place of the usual phrase. */
  readonly reason?: string;
}

export const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  406: 'Not Acceptable',
  415: 'Unsupported Media Type',
  451: 'Parameter Not Understood',
  453: 'Not Enough Bandwidth',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  457: 'Invalid Range',
  459: 'Aggregate Operation Not Allowed',
  461: 'Unsupported Transport',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'RTSP Version Not Supported',
};

export const publicMethods =
  'OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, PAUSE, RECORD, TEARDOWN, GET_PARAMETER, SET_PARAMETER';

/** A refusal that ends a request. */
export class Refusal extends Error {
  readonly reply: Reply;

  constructor(status: number, why?: string) {
    super(why ?? reasons[status] ?? 'refused');
    this.name = 'Refusal';
    this.reply = why === undefined ? { status } : { status, ...told(why) };
  }
}

/** What went wrong in RTSP's words; the sentence goes along as text. */
export function replyFor(error: unknown): Reply {
  if (error instanceof Refusal) return error.reply;
  const status = statusFor(error);
  // What failed inside is for the log.
  return status === 500 ? { status } : { status, ...told(describeError(error)) };
}

function told(sentence: string): Pick<Reply, 'fields' | 'body'> {
  return { fields: { 'Content-Type': 'text/plain; charset=utf-8' }, body: Buffer.from(`${sentence}\r\n`) };
}

function statusFor(error: unknown): number {
  if (error instanceof WireError) return error.code === 'unsupported' ? 415 : 400;
  if (!(error instanceof SwitchyardError)) return 500;
  switch (error.code) {
    case 'stream-not-found':
    case 'stream-ended':
      return 404;
    case 'stream-name-invalid':
    case 'protocol-violation':
      return 400;
    case 'stream-name-taken':
    case 'access-refused':
      return 403;
    case 'codecs-do-not-match':
      return 415;
    case 'limit-reached':
    case 'budget-spent':
      return 453;
    default:
      return 503;
  }
}
