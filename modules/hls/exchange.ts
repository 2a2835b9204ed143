import { Buffer } from 'node:buffer';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { type Range, readRange } from './range.ts';

/** Counts over all exchanges. */
export interface ExchangeCounters {
  bytesOut: number;
  readonly requests: Record<RequestKind, number>;
  /** Answers by class: 2xx to 5xx. */
  readonly answers: Record<number, number>;
  /** Answers that were cut because nobody read them. */
  cut: number;
}

export type RequestKind = 'multivariant' | 'media' | 'segment' | 'part' | 'init' | 'other';

export function newCounters(): ExchangeCounters {
  return {
    bytesOut: 0,
    requests: { multivariant: 0, media: 0, segment: 0, part: 0, init: 0, other: 0 },
    answers: { 2: 0, 3: 0, 4: 0, 5: 0 },
    cut: 0,
  };
}

const cors = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'content-length, content-range, etag, retry-after',
};

/** One request and its answer, of HTTP/1.1 or HTTP/2. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly secure: boolean;
  readonly #counters: ExchangeCounters;
  kind: RequestKind = 'other';
  /** Goes with a playlist to a viewer who showed no mark. */
  cookie: string | undefined;
  /** Set when the answer was handed over; µs of the clock. */
  answeredAt: number | undefined;
  readonly #now: () => number;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    details: { secure: boolean; counters: ExchangeCounters; now: () => number },
  ) {
    this.request = request;
    this.response = response;
    this.secure = details.secure;
    this.#counters = details.counters;
    this.#now = details.now;
  }

  get address(): string {
    return this.request.socket.remoteAddress ?? '';
  }

  get answered(): boolean {
    return this.answeredAt !== undefined || this.response.destroyed;
  }

  /** Headers that end the connection with this answer; HTTP/2 has none. */
  get closing(): OutgoingHttpHeaders {
    return this.request.httpVersionMajor === 1 ? { connection: 'close' } : {};
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** A playlist of all viewers, or of one: compressed where that is understood. */
  sendPlaylist(text: { body: Buffer; gzipped: Buffer; etag: string }, cacheControl: string): void {
    const common = {
      ...cors,
      'cache-control': cacheControl,
      etag: text.etag,
      vary: 'accept-encoding',
      ...(this.cookie === undefined ? {} : { 'set-cookie': this.cookie }),
    };
    if (this.#isUnchanged(text.etag)) {
      this.#send(304, common, undefined);
      return;
    }
    const zip = acceptsGzip(this.header('accept-encoding'));
    const headers = { ...common, 'content-type': 'application/vnd.apple.mpegurl' };
    if (zip) this.#send(200, { ...headers, 'content-encoding': 'gzip' }, text.gzipped);
    else this.#send(200, headers, text.body);
  }

  /** A file that never changes, whole or the one range that was asked for (RFC 9110 14.2). */
  sendFile(body: Buffer, contentType: string, etag: string): void {
    const common = {
      ...cors,
      'cache-control': 'public, max-age=3600, immutable',
      etag,
      'accept-ranges': 'bytes',
    };
    if (this.#isUnchanged(etag)) {
      this.#send(304, common, undefined);
      return;
    }
    const range = this.#range(body.length, etag);
    if (range === 'unsatisfiable') {
      this.#send(416, { ...common, 'content-range': `bytes */${body.length}` }, undefined);
    } else if (range === undefined) {
      this.#send(200, { ...common, 'content-type': contentType }, body);
    } else {
      const { first, last } = range;
      const headers = {
        ...common,
        'content-type': contentType,
        'content-range': `bytes ${first}-${last}/${body.length}`,
      };
      this.#send(206, headers, body.subarray(first, last + 1));
    }
  }

  /** A refusal, in a sentence. */
  sendFault(status: number, sentence: string, headers: OutgoingHttpHeaders = {}): void {
    const plain = { ...cors, 'cache-control': 'no-store', 'content-type': 'text/plain; charset=utf-8' };
    this.#send(status, { ...plain, ...headers }, Buffer.from(`${sentence}\n`));
  }

  /** RFC 9110 9.3.7, and what browsers ask before a request with a header of their own. */
  sendOptions(): void {
    const headers = {
      ...cors,
      allow: 'GET, HEAD, OPTIONS',
      'access-control-allow-methods': 'GET, HEAD, OPTIONS',
      'access-control-allow-headers': 'authorization, range, if-none-match, content-type',
      'access-control-max-age': '86400',
    };
    this.#send(204, headers, undefined);
  }

  #send(status: number, headers: OutgoingHttpHeaders, body: Buffer | undefined): void {
    if (this.answered) return;
    this.answeredAt = this.#now();
    const level = Math.floor(status / 100);
    this.#counters.requests[this.kind] += 1;
    this.#counters.answers[level] = (this.#counters.answers[level] ?? 0) + 1;
    // RFC 9110 8.6: not with 204; 304 would tell the length of what is not sent.
    if (status !== 204 && status !== 304) headers['content-length'] = body?.length ?? 0;
    this.response.writeHead(status, headers);
    if (body === undefined || this.request.method === 'HEAD') {
      this.response.end();
      return;
    }
    this.#counters.bytesOut += body.length;
    this.response.end(body);
  }

  /** RFC 9110 13.1.2: weak comparison. */
  #isUnchanged(etag: string): boolean {
    const told = this.header('if-none-match');
    if (told === undefined) return false;
    const opaque = etag.replace(/^W\//, '');
    return told === '*' || told.split(',', 64).some((one) => one.trim().replace(/^W\//, '') === opaque);
  }

  #range(length: number, etag: string): Range | 'unsatisfiable' | undefined {
    const told = this.header('range');
    if (told === undefined || this.request.method !== 'GET') return undefined;
    const onlyIf = this.header('if-range');
    // RFC 9110 13.1.5: for another version, the whole.
    return onlyIf !== undefined && onlyIf !== etag ? undefined : readRange(told, length);
  }
}

/** RFC 9110 12.5.3, as far as browsers and players use it. */
function acceptsGzip(header: string | undefined): boolean {
  return header !== undefined && /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|\s|$))/i.test(header.slice(0, 256));
}
