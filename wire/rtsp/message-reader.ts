import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import type { RtspHearer } from './message.ts';

export interface ReaderLimits {
  readonly headBytes: number;
  readonly bodyBytes: number;
}

const dollar = 0x24;
const mostHeaders = 64;

interface Head {
  readonly first: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly length: number;
}

/** Takes a connection's bytes apart: requests, responses and interleaved frames. Throws WireError once; then it is of no more use. */
export class RtspReader {
  readonly #limits: ReaderLimits;
  readonly #hearer: RtspHearer;
  #rest: Buffer = Buffer.alloc(0);
  #head: Head | undefined;
  /** What has been searched for the end of a head already. */
  #searched = 0;

  constructor(limits: ReaderLimits, hearer: RtspHearer) {
    this.#limits = limits;
    this.#hearer = hearer;
  }

  push(bytes: Buffer): void {
    // At most one unfinished message or frame of 64 KiB is kept, so what is copied is bounded.
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (;;) {
      const taken = this.#take(all, at);
      if (taken === 0) break;
      at += taken;
      this.#searched = 0;
    }
    this.#rest = at === all.length ? Buffer.alloc(0) : all.subarray(at);
  }

  /** Bytes taken, 0 when something is not yet whole. */
  #take(all: Buffer, at: number): number {
    const left = all.length - at;
    if (left === 0) return 0;
    if (this.#head !== undefined) {
      if (left < this.#head.length) return 0;
      const head = this.#head;
      this.#head = undefined;
      this.#deliver(head, Buffer.from(all.subarray(at, at + head.length)));
      return head.length;
    }
    const first = all[at];
    if (first === dollar) {
      if (left < 4) return 0;
      const length = all.readUInt16BE(at + 2);
      if (left < 4 + length) return 0;
      this.#hearer.onFrame(all[at + 1] ?? 0, all.subarray(at + 4, at + 4 + length));
      return 4 + length;
    }
    if (first === 0x0d || first === 0x0a) return 1; // RFC 2326 4: empty lines before a message
    return this.#takeHead(all, at);
  }

  #takeHead(all: Buffer, at: number): number {
    const end = all.indexOf('\r\n\r\n', at + Math.max(0, this.#searched - 3), 'latin1');
    const length = end < 0 ? all.length - at : end - at;
    if (length > this.#limits.headBytes) throw new WireError('too-large', 'rtsp', 'the headers are too long');
    if (end < 0) {
      this.#searched = length;
      return 0;
    }
    const head = readHead(all.toString('utf8', at, end), this.#limits.bodyBytes);
    if (head.length === 0) this.#deliver(head, Buffer.alloc(0));
    else this.#head = head;
    return length + 4;
  }

  #deliver({ first, headers }: Head, body: Buffer): void {
    const response = /^RTSP\/(\d\.\d) (\d{3})(?: (.*))?$/.exec(first);
    if (response !== null) {
      const [, version = '1.0', status, reason = ''] = response;
      this.#hearer.onResponse({ status: Number(status), reason, version, headers, body });
      return;
    }
    const request = /^([A-Z_]{1,32}) (\S{1,4096}) RTSP\/(\d\.\d)$/.exec(first);
    if (request === null) throw new WireError('malformed', 'rtsp', 'a first line that is none');
    const [, method = '', url = '', version = '1.0'] = request;
    this.#hearer.onRequest({ method, url, version, headers, body });
  }
}

function readHead(text: string, bodyBytes: number): Head {
  const [first = '', ...lines] = text.split('\r\n');
  if (lines.length > mostHeaders) throw new WireError('too-large', 'rtsp', 'too many headers');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new WireError('malformed', 'rtsp', 'a header without a name');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const told = headers.get('content-length') ?? '0';
  if (!/^\d{1,9}$/.test(told)) throw new WireError('malformed', 'rtsp', 'a Content-Length that is none');
  const length = Number(told);
  if (length > bodyBytes) throw new WireError('too-large', 'rtsp', 'the body is too long');
  return { first, headers, length };
}
