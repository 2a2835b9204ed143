import { isError } from '../../core/errors.ts';
import { parseStreamName } from '../../core/streams/stream-name.ts';
import type { BlockingPoint } from './muxer.ts';

/** What a path names. */
export interface Resource {
  readonly name: string;
  readonly file: string;
}

export type PathFault = 400 | 404;

const longestPath = 4_096;
const longestQuery = 4_096;
const wholeNumber = /^\d{1,15}$/;

/**
 * The stream and file that a request target names: `/<name>/<file>`, each percent-decoded once. The name is cut out
 * before it is decoded, and then has to be a stream's name: nothing in it can climb. Files are looked up in maps.
 */
export function readPath(path: string): Resource | PathFault {
  if (path.length > longestPath || !path.startsWith('/')) return 400;
  const pieces = path.split('/', 4);
  const [, rawName, rawFile] = pieces;
  if (pieces.length !== 3 || rawName === undefined || rawFile === undefined) return 404;
  try {
    return { name: parseStreamName(decodeURIComponent(rawName)), file: decodeURIComponent(rawFile) };
  } catch (error) {
    // decodeURIComponent throws URIError for what is no UTF-8.
    return isError(error, 'stream-name-invalid') ? 404 : 400;
  }
}

/** Path and query of a request target; undefined for a query beyond bounds. */
export function splitTarget(target: string): { path: string; query: URLSearchParams } | undefined {
  const mark = target.indexOf('?');
  if (mark < 0) return { path: target, query: new URLSearchParams() };
  if (target.length - mark > longestQuery) return undefined;
  return { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}

/** The delivery directives of RFC 8216bis 6.2.5; 400 for what is none. */
export interface Directives {
  readonly point: BlockingPoint | undefined;
  readonly skip: boolean;
}

export function readDirectives(query: URLSearchParams): Directives | 400 {
  const msn = query.get('_HLS_msn');
  const part = query.get('_HLS_part');
  const skip = query.get('_HLS_skip');
  if (msn !== null && !wholeNumber.test(msn)) return 400;
  // RFC 8216bis 6.2.5.2: a part says nothing without its segment.
  if (part !== null && (msn === null || !wholeNumber.test(part))) return 400;
  if (skip !== null && skip !== 'YES' && skip !== 'v2') return 400;
  const point = msn === null ? undefined : { msn: Number(msn), part: part === null ? undefined : Number(part) };
  return { point, skip: skip !== null };
}

/** What child URIs carry on: everything but our own directives and the viewer's mark. */
export function passedOn(query: URLSearchParams): URLSearchParams {
  const kept = new URLSearchParams(query);
  for (const key of [...kept.keys()]) if (key.startsWith('_HLS_') || key === viewerKey) kept.delete(key);
  return kept;
}

/** The query key and the cookie that tell viewers apart. */
export const viewerKey = '_sid';
export const viewerCookie = 'hls_sid';
const viewerId = /^[A-Za-z0-9_-]{16,32}$/;

/** The mark that a viewer shows: in the query, else in the cookie. */
export function findViewerId(query: URLSearchParams, cookies: string | undefined): string | undefined {
  const told = query.get(viewerKey) ?? findCookie(cookies, viewerCookie);
  return told !== undefined && viewerId.test(told) ? told : undefined;
}

/** One cookie of a Cookie header (RFC 6265 4.2.1). */
export function findCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined || header.length > 4_096) return undefined;
  for (const pair of header.split(';')) {
    const mark = pair.indexOf('=');
    if (mark > 0 && pair.slice(0, mark).trim() === name) return pair.slice(mark + 1).trim();
  }
  return undefined;
}
