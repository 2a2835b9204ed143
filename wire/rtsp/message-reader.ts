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

const nothing = Buffer.alloc(0);
const endOfHead = '\r\n\r\n';
const frameHead = 4;

/** Takes a connection's bytes apart: requests, responses and interleaved frames. Throws WireError once; then it is of no more use. */
export class RtspReader {
  readonly #limits: ReaderLimits;
  readonly #hearer: RtspHearer;
  /** A head that was read; its body follows. */
  #head: Head | undefined;
  /** What is not yet whole: the first `#used` bytes. Its memory is not used again, since frames are views of it. */
  #begun: Buffer = nothing;
  #used = 0;

  constructor(limits: ReaderLimits, hearer: RtspHearer) {
    this.#limits = limits;
    this.#hearer = hearer;
  }

  /** What is not whole waits for more. In however many pieces bytes come, each is copied but a few times. */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) at += this.#used === 0 ? this.#begin(bytes, at) : this.#goOn(bytes, at);
  }

  /** Takes what begins at `at`, or keeps what there is of it. Returns the bytes taken. */
  #begin(bytes: Buffer, at: number): number {
    const left = bytes.length - at;
    const first = bytes[at];
    if (this.#head !== undefined || first === dollar) {
      const wanted = this.#wanted(bytes, at, left);
      if (left < wanted) return this.#keep(bytes, at, left);
      this.#deliver(bytes, at, wanted);
      return wanted;
    }
    if (first === 0x0d || first === 0x0a) return 1; // RFC 2326 4: empty lines before a message
    const end = bytes.indexOf(endOfHead, at, 'latin1');
    this.#checkHead(end < 0 ? left : end - at);
    if (end < 0) return this.#keep(bytes, at, left);
    this.#takeHead(bytes.toString('utf8', at, end));
    return end - at + endOfHead.length;
  }

  /** Goes on with what was kept. Returns the bytes taken. */
  #goOn(bytes: Buffer, at: number): number {
    const before = this.#used;
    const left = bytes.length - at;
    if (this.#head === undefined && this.#begun[0] !== dollar) return this.#goOnWithHead(bytes, at, left);
    const taken = this.#keep(bytes, at, Math.min(left, this.#wanted(this.#begun, 0, before) - before));
    const wanted = this.#wanted(this.#begun, 0, this.#used);
    if (this.#used === wanted) this.#deliver(this.#forget(), 0, wanted);
    return taken;
  }

  #goOnWithHead(bytes: Buffer, at: number, left: number): number {
    const before = this.#used;
    // What lies behind the longest head is none of it.
    const longest = this.#limits.headBytes + endOfHead.length;
    const taken = this.#keep(bytes, at, Math.min(left, longest - before));
    const end = this.#begun.subarray(0, this.#used).indexOf(endOfHead, Math.max(0, before - 3), 'latin1');
    this.#checkHead(end < 0 ? this.#used : end);
    if (end < 0) return taken;
    this.#takeHead(this.#forget().toString('utf8', 0, end));
    return end + endOfHead.length - before;
  }

  /** How long the body or frame is that stands at `at`, as far as `known` bytes of it tell: more than them until it is whole. */
  #wanted(bytes: Buffer, at: number, known: number): number {
    if (this.#head !== undefined) return this.#head.length;
    return known < frameHead ? frameHead : frameHead + bytes.readUInt16BE(at + 2);
  }

  #keep(bytes: Buffer, at: number, length: number): number {
    const used = this.#used + length;
    if (used > this.#begun.length) {
      // Grows by doubling: what a stranger only promises to send costs nothing.
      const larger = Buffer.allocUnsafeSlow(Math.max(used, 2 * this.#begun.length));
      this.#begun.copy(larger, 0, 0, this.#used);
      this.#begun = larger;
    }
    bytes.copy(this.#begun, this.#used, at, at + length);
    this.#used = used;
    return length;
  }

  #forget(): Buffer {
    const begun = this.#begun;
    this.#begun = nothing;
    this.#used = 0;
    return begun;
  }

  #checkHead(length: number): void {
    if (length > this.#limits.headBytes) throw new WireError('too-large', 'rtsp', 'the headers are too long');
  }

  #takeHead(text: string): void {
    const head = readHead(text, this.#limits.bodyBytes);
    if (head.length === 0) this.#hear(head, nothing);
    else this.#head = head;
  }

  /** A body or a frame that is whole. */
  #deliver(bytes: Buffer, at: number, length: number): void {
    const head = this.#head;
    if (head === undefined) {
      this.#hearer.onFrame(bytes[at + 1] ?? 0, bytes.subarray(at + frameHead, at + length));
      return;
    }
    this.#head = undefined;
    this.#hear(head, Buffer.from(bytes.subarray(at, at + length)));
  }

  #hear({ first, headers }: Head, body: Buffer): void {
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
