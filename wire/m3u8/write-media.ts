import { WireError } from '../errors.ts';
import { decimal, enumerated, integer, lineText, quoted, quotedUri, seconds, uriLine } from './attribute-text.ts';
import {
  type ByteRange,
  type InitSection,
  type MediaPlaylist,
  type MediaSegment,
  minimumVersion,
  type OpenSegment,
  type PartialSegment,
  type PlaylistHead,
  type PlaylistTail,
  type SegmentKey,
  type ServerControl,
} from './playlist.ts';

// A playlist is head + segments + open segment + tail. A finished segment's text never changes: render it once (with its
// parts while it is near the edge, without them later) and keep it; head, open segment and tail are rendered each time.
// All functions throw WireError on a value that has no text.

/** Six decimals were rounded away: what the text says must not fail by less. */
const ROUNDING = 1e-6;

/** Everything before the first segment. A delta update's head ends with EXT-X-SKIP. */
export function renderHead(head: PlaylistHead): string {
  const skipping = head.skippedSegments !== undefined && head.skippedSegments > 0;
  const version = Math.max(head.version, minimumVersion({ skip: skipping }));
  let text = `#EXTM3U\n#EXT-X-VERSION:${integer(version)}\n#EXT-X-TARGETDURATION:${integer(head.targetDuration)}\n`;
  if (head.independentSegments === true) text += '#EXT-X-INDEPENDENT-SEGMENTS\n';
  if (head.start !== undefined) {
    text += `#EXT-X-START:TIME-OFFSET=${decimal(head.start.offset)}${head.start.precise === true ? ',PRECISE=YES' : ''}\n`;
  }
  if (head.serverControl !== undefined) text += renderServerControl(head.serverControl, head);
  if (head.partTarget !== undefined) text += `#EXT-X-PART-INF:PART-TARGET=${seconds(head.partTarget)}\n`;
  text += `#EXT-X-MEDIA-SEQUENCE:${integer(head.mediaSequence)}\n`;
  if (head.discontinuitySequence > 0) {
    text += `#EXT-X-DISCONTINUITY-SEQUENCE:${integer(head.discontinuitySequence)}\n`;
  }
  if (head.playlistType !== undefined) text += `#EXT-X-PLAYLIST-TYPE:${head.playlistType}\n`;
  if (head.iFramesOnly === true) text += '#EXT-X-I-FRAMES-ONLY\n';
  if (skipping) text += `#EXT-X-SKIP:SKIPPED-SEGMENTS=${integer(head.skippedSegments)}\n`;
  return text;
}

/** RFC 8216bis 4.4.3.8, with its bounds. */
function renderServerControl(control: ServerControl, head: PlaylistHead): string {
  const attributes: string[] = [];
  if (control.canBlockReload === true) attributes.push('CAN-BLOCK-RELOAD=YES');
  if (control.canSkipUntil !== undefined) {
    atLeast('CAN-SKIP-UNTIL', control.canSkipUntil, 6 * head.targetDuration);
    attributes.push(`CAN-SKIP-UNTIL=${seconds(control.canSkipUntil)}`);
  }
  if (control.holdBack !== undefined) {
    atLeast('HOLD-BACK', control.holdBack, 3 * head.targetDuration);
    attributes.push(`HOLD-BACK=${seconds(control.holdBack)}`);
  }
  if (control.partHoldBack !== undefined) {
    atLeast('PART-HOLD-BACK', control.partHoldBack, 2 * (head.partTarget ?? 0));
    attributes.push(`PART-HOLD-BACK=${seconds(control.partHoldBack)}`);
  }
  return attributes.length === 0 ? '' : `#EXT-X-SERVER-CONTROL:${attributes.join(',')}\n`;
}

function atLeast(name: string, value: number, least: number): void {
  if (value < least - ROUNDING) throw new WireError('malformed', 'm3u8', `${name} ${value} is below ${least}`);
}

/**
 * The lines of a finished segment. Leave its parts out once it ends more than three target durations before
 * the edge (RFC 8216bis 6.2.2).
 */
export function renderSegment(segment: MediaSegment, withParts: boolean): string {
  let text = renderTags(segment);
  if (withParts && segment.parts !== undefined) for (const part of segment.parts) text += renderPart(part);
  if (segment.gap === true) text += '#EXT-X-GAP\n';
  if (segment.byteRange !== undefined) text += `#EXT-X-BYTERANGE:${rangeText(segment.byteRange)}\n`;
  const title = segment.title === undefined ? '' : lineText(segment.title);
  return `${text}#EXTINF:${seconds(segment.duration)},${title}\n${uriLine(segment.uri)}\n`;
}

/** The lines of the segment that is being made: its tags and the parts so far. */
export function renderOpenSegment(segment: OpenSegment): string {
  let text = renderTags(segment);
  if (segment.parts !== undefined) for (const part of segment.parts) text += renderPart(part);
  return text;
}

function renderTags(segment: OpenSegment): string {
  let text = segment.discontinuity === true ? '#EXT-X-DISCONTINUITY\n' : '';
  if (segment.key !== undefined) text += renderKey(segment.key);
  if (segment.map !== undefined) text += renderMap(segment.map);
  if (segment.programDateTime !== undefined) {
    text += `#EXT-X-PROGRAM-DATE-TIME:${renderDateTime(segment.programDateTime)}\n`;
  }
  if (segment.bitrate !== undefined) text += `#EXT-X-BITRATE:${integer(segment.bitrate)}\n`;
  return text;
}

/** EXT-X-MAP alone: put it before the first segment of a window whose own text, rendered long ago, has none. */
export function renderMap(map: InitSection): string {
  const range = map.byteRange === undefined ? '' : `,BYTERANGE="${rangeText(map.byteRange)}"`;
  return `#EXT-X-MAP:URI=${quotedUri(map.uri)}${range}\n`;
}

function renderKey(key: SegmentKey): string {
  let text = `#EXT-X-KEY:METHOD=${enumerated(key.method)}`;
  if (key.uri !== undefined) text += `,URI=${quotedUri(key.uri)}`;
  if (key.iv !== undefined) text += `,IV=${enumerated(key.iv)}`;
  if (key.keyFormat !== undefined) text += `,KEYFORMAT=${quoted(key.keyFormat)}`;
  if (key.keyFormatVersions !== undefined) text += `,KEYFORMATVERSIONS=${quoted(key.keyFormatVersions)}`;
  return `${text}\n`;
}

/** RFC 8216bis 4.4.4.6, in UTC. */
function renderDateTime(unixMicros: number): string {
  const date = new Date(Math.round(unixMicros / 1000));
  if (Number.isNaN(date.getTime())) throw new WireError('malformed', 'm3u8', `${unixMicros} is no time`);
  return date.toISOString();
}

/** One EXT-X-PART line. */
export function renderPart(part: PartialSegment): string {
  let text = `#EXT-X-PART:DURATION=${seconds(part.duration)},URI=${quotedUri(part.uri)}`;
  if (part.byteRange !== undefined) text += `,BYTERANGE="${rangeText(part.byteRange)}"`;
  if (part.independent === true) text += ',INDEPENDENT=YES';
  if (part.gap === true) text += ',GAP=YES';
  return `${text}\n`;
}

function rangeText(range: ByteRange): string {
  return range.start === undefined ? integer(range.length) : `${integer(range.length)}@${integer(range.start)}`;
}

/** Everything behind the segments. */
export function renderTail(tail: PlaylistTail): string {
  let text = '';
  for (const hint of tail.preloadHints) {
    text += `#EXT-X-PRELOAD-HINT:TYPE=${hint.type},URI=${quotedUri(hint.uri)}`;
    if (hint.byteRangeStart !== undefined) text += `,BYTERANGE-START=${integer(hint.byteRangeStart)}`;
    if (hint.byteRangeLength !== undefined) text += `,BYTERANGE-LENGTH=${integer(hint.byteRangeLength)}`;
    text += '\n';
  }
  for (const report of tail.renditionReports) {
    text += `#EXT-X-RENDITION-REPORT:URI=${quotedUri(report.uri)}`;
    if (report.lastMsn !== undefined) text += `,LAST-MSN=${integer(report.lastMsn)}`;
    if (report.lastPart !== undefined) text += `,LAST-PART=${integer(report.lastPart)}`;
    text += '\n';
  }
  return tail.endList ? `${text}#EXT-X-ENDLIST\n` : text;
}

/** A whole playlist, its version raised to what its segments use, its target duration checked against them. */
export function writeMediaPlaylist(playlist: MediaPlaylist): string {
  let text = '';
  const uses = { byteRange: false, map: playlist.open?.map !== undefined };
  for (const segment of playlist.segments) {
    // RFC 8216bis 4.4.3.1
    if (Math.round(segment.duration) > playlist.targetDuration) {
      throw new WireError('malformed', 'm3u8', `a segment of ${segment.duration} s passes the target duration`);
    }
    if (segment.byteRange !== undefined) uses.byteRange = true;
    if (segment.map !== undefined) uses.map = true;
    text += renderSegment(segment, true);
  }
  if (playlist.open !== undefined) text += renderOpenSegment(playlist.open);
  const version = Math.max(playlist.version, minimumVersion(uses));
  return renderHead({ ...playlist, version }) + text + renderTail(playlist);
}
