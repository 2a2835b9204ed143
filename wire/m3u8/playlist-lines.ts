import { WireError } from '../errors.ts';

/** Twelve hours of one-second segments with their dates make 4 MB. */
const MAX_TEXT = 8 * 1024 * 1024;
const MAX_LINE = 16 * 1024;
const MAX_LINES = 200_000;

/** One line that says something. */
export interface PlaylistLine {
  /** The tag's name without '#', as in EXT-X-MAP; '' for a URI. */
  readonly tag: string;
  /** What stands behind the tag's colon, or the URI. */
  readonly value: string;
}

/**
 * The tags and URIs of a playlist; comments, unknown to all, are left out (RFC 8216bis 4.1). Throws WireError when it does not
 * start with #EXTM3U, or passes 8 Mi characters, 16 Ki a line or 200 000 lines.
 */
export function playlistLines(text: string): PlaylistLine[] {
  if (text.length > MAX_TEXT) throw new WireError('too-large', 'm3u8', `a playlist of ${text.length} characters`);
  const lines: PlaylistLine[] = [];
  let seen = 0;
  for (let at = 0; at < text.length; ) {
    const feed = text.indexOf('\n', at);
    const end = feed < 0 ? text.length : feed;
    if (end - at > MAX_LINE) throw new WireError('too-large', 'm3u8', `a line of ${end - at} characters`);
    if (++seen > MAX_LINES) throw new WireError('too-large', 'm3u8', `more than ${MAX_LINES} lines`);
    const line = text.slice(at, end).trim();
    at = end + 1;
    // RFC 8216bis 4.4.1.1; a byte order mark is not allowed (4.1), though trim() takes it off.
    if (seen === 1 && (line !== '#EXTM3U' || text.charCodeAt(0) === 0xfeff)) {
      throw new WireError('malformed', 'm3u8', 'the first line is not #EXTM3U');
    }
    if (line === '' || seen === 1) continue;
    if (!line.startsWith('#')) lines.push({ tag: '', value: line });
    else if (line.startsWith('#EXT')) lines.push(splitTag(line));
  }
  if (seen === 0) throw new WireError('malformed', 'm3u8', 'the playlist is empty');
  return lines;
}

function splitTag(line: string): PlaylistLine {
  const colon = line.indexOf(':');
  if (colon < 0) return { tag: line.slice(1), value: '' };
  return { tag: line.slice(1, colon), value: line.slice(colon + 1) };
}
