import { WireError } from '../errors.ts';

const BREAKS_QUOTES = /["\p{Cc}]/u;
const BREAKS_LINE = /\p{Cc}/u;
const BREAKS_URI = /[\p{Cc}\s]/u;
const ENUMERATED = /^[^"\s,\p{Cc}]+$/u;

function refuse(what: string): never {
  throw new WireError('malformed', 'm3u8', what);
}

/**
 * `"value"`. A quoted string has no escapes (RFC 8216bis 4.2), so a quote or a line break, which would let a stream's
 * name write tags of its own, is refused with WireError.
 */
export function quoted(value: string): string {
  if (BREAKS_QUOTES.test(value)) refuse('a quote or a control character in an attribute');
  return `"${value}"`;
}

/** The same for a URI, where space has no place either. */
export function quotedUri(uri: string): string {
  if (uri === '' || BREAKS_URI.test(uri)) refuse('an empty URI, or one with space or control characters');
  return quoted(uri);
}

/** A URI on a line of its own. */
export function uriLine(uri: string): string {
  if (uri === '' || uri.startsWith('#') || BREAKS_URI.test(uri)) refuse('a URI that is no line of its own');
  return uri;
}

/** Text at the end of a line, such as a title. */
export function lineText(text: string): string {
  if (BREAKS_LINE.test(text)) refuse('a control character in a line');
  return text;
}

/** An enumerated string or a hexadecimal sequence. */
export function enumerated(value: string): string {
  if (!ENUMERATED.test(value)) refuse(`${JSON.stringify(value)} is no enumerated string`);
  return value;
}

/** Whole and not negative. */
export function integer(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) refuse(`${value} is no decimal integer`);
  return String(value);
}

/** Seconds with six decimals at most. */
export function seconds(value: number): string {
  if (!(value >= 0 && value < 1e9)) refuse(`${value} is no duration`);
  return decimal(value);
}

/** Six decimals at most, without exponent. */
export function decimal(value: number): string {
  return String(Math.round(value * 1e6) / 1e6);
}
