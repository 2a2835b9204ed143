import type { Buffer } from 'node:buffer';
import { type ReaderLimits, RtspReader } from '../../../wire/rtsp/message-reader.ts';

export const rtspLimits: ReaderLimits = { headBytes: 4_096, bodyBytes: 4_096 };

/** What a reader hears of a stream of bytes that comes in these pieces, a line each. */
export function hearRtsp(pieces: readonly Buffer[], limits: ReaderLimits = rtspLimits): string[] {
  const found: string[] = [];
  const headersOf = (headers: ReadonlyMap<string, string>): string =>
    [...headers].map(([name, value]) => `${name}=${value} `).join('');
  const reader = new RtspReader(limits, {
    onRequest: ({ method, url, version, headers, body }) =>
      found.push(`${method} ${url} ${version} ${headersOf(headers)}body=${body.length}`),
    onResponse: ({ status, reason, version, headers, body }) =>
      found.push(`${status} ${reason} ${version} ${headersOf(headers)}body=${body.length}`),
    onFrame: (channel, bytes) => found.push(`$${channel} ${bytes.toString('hex')}`),
  });
  for (const piece of pieces) reader.push(piece);
  return found;
}
