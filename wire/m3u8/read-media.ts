import { WireError } from '../errors.ts';
import { AttributeList, parseByteRange, parseDecimal, parseInteger, parseSigned } from './attribute-list.ts';
import type { MediaPlaylist, MediaSegment, PartialSegment, PreloadHint, RenditionReport } from './playlist.ts';
import { type PlaylistLine, playlistLines } from './playlist-lines.ts';
import { present } from './present.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Pending = Mutable<Omit<Partial<MediaSegment>, 'parts'>> & { parts?: PartialSegment[] };
type Head = Mutable<Omit<MediaPlaylist, 'segments' | 'open' | 'preloadHints' | 'renditionReports'>>;

/** What the lines so far said. Tags wait in `pending` until the URI that they belong to. */
interface Reading {
  readonly head: Head;
  readonly segments: MediaSegment[];
  readonly preloadHints: PreloadHint[];
  readonly renditionReports: RenditionReport[];
  pending: Pending;
  targetSeen: boolean;
}

type ReadTag = (reading: Reading, value: string) => void;

/** Tags that are not here are ignored, as RFC 8216bis 6.3.1 asks. */
const TAGS: ReadonlyMap<string, ReadTag> = new Map<string, ReadTag>([
  ['EXT-X-VERSION', (reading, value) => (reading.head.version = parseInteger(value))],
  [
    'EXT-X-TARGETDURATION',
    (reading, value) => {
      reading.head.targetDuration = parseInteger(value);
      reading.targetSeen = true;
    },
  ],
  ['EXT-X-MEDIA-SEQUENCE', (reading, value) => (reading.head.mediaSequence = parseInteger(value))],
  ['EXT-X-DISCONTINUITY-SEQUENCE', (reading, value) => (reading.head.discontinuitySequence = parseInteger(value))],
  ['EXT-X-INDEPENDENT-SEGMENTS', (reading) => (reading.head.independentSegments = true)],
  ['EXT-X-I-FRAMES-ONLY', (reading) => (reading.head.iFramesOnly = true)],
  ['EXT-X-ENDLIST', (reading) => (reading.head.endList = true)],
  ['EXT-X-PLAYLIST-TYPE', readPlaylistType],
  ['EXT-X-START', readStart],
  ['EXT-X-PART-INF', (reading, value) => (reading.head.partTarget = readPartTarget(value))],
  ['EXT-X-SERVER-CONTROL', readServerControl],
  ['EXT-X-SKIP', readSkip],
  ['EXTINF', readInf],
  ['EXT-X-BYTERANGE', (reading, value) => (reading.pending.byteRange = parseByteRange(value))],
  ['EXT-X-DISCONTINUITY', (reading) => (reading.pending.discontinuity = true)],
  ['EXT-X-GAP', (reading) => (reading.pending.gap = true)],
  ['EXT-X-BITRATE', (reading, value) => (reading.pending.bitrate = parseInteger(value))],
  ['EXT-X-PROGRAM-DATE-TIME', (reading, value) => (reading.pending.programDateTime = parseDateTime(value))],
  ['EXT-X-KEY', readKey],
  ['EXT-X-MAP', readMap],
  ['EXT-X-PART', readPart],
  ['EXT-X-PRELOAD-HINT', readPreloadHint],
  ['EXT-X-RENDITION-REPORT', readRenditionReport],
]);

/** Reads a media playlist. Bounded by `playlistLines`; throws WireError. */
export function readMediaPlaylist(text: string): MediaPlaylist {
  return mediaPlaylistOf(playlistLines(text));
}

/** The same, of lines that were split already. */
export function mediaPlaylistOf(lines: readonly PlaylistLine[]): MediaPlaylist {
  const reading: Reading = {
    head: { version: 1, targetDuration: 0, mediaSequence: 0, discontinuitySequence: 0, endList: false },
    segments: [],
    preloadHints: [],
    renditionReports: [],
    pending: {},
    targetSeen: false,
  };
  for (const line of lines) {
    if (line.tag === '') finishSegment(reading, line.value);
    else TAGS.get(line.tag)?.(reading, line.value);
  }
  // RFC 8216bis 4.4.3.1: required.
  if (!reading.targetSeen) throw new WireError('malformed', 'm3u8', 'EXT-X-TARGETDURATION is missing');
  const { head, segments, preloadHints, renditionReports, pending } = reading;
  const playlist = { ...head, segments, preloadHints, renditionReports };
  return Object.keys(pending).length === 0 ? playlist : { ...playlist, open: openSegment(pending) };
}

function finishSegment(reading: Reading, uri: string): void {
  const { duration } = reading.pending;
  if (duration === undefined) throw new WireError('malformed', 'm3u8', 'a segment has no EXTINF');
  reading.segments.push({ ...reading.pending, uri, duration });
  reading.pending = {};
}

/** Tags behind the last URI are those of the segment being made; an EXTINF without its URI is cut off. */
function openSegment(pending: Pending): Pending {
  if (pending.duration !== undefined) throw new WireError('truncated', 'm3u8', 'the last segment has no URI');
  return pending;
}

function readPlaylistType(reading: Reading, value: string): void {
  if (value !== 'EVENT' && value !== 'VOD') throw new WireError('malformed', 'm3u8', 'a playlist of an unknown type');
  reading.head.playlistType = value;
}

function readStart(reading: Reading, value: string): void {
  const attributes = new AttributeList('EXT-X-START', value);
  const offset = parseSigned(attributes.require('TIME-OFFSET'));
  reading.head.start = attributes.says('PRECISE') ? { offset, precise: true } : { offset };
}

function readPartTarget(value: string): number {
  return parseDecimal(new AttributeList('EXT-X-PART-INF', value).require('PART-TARGET'));
}

function readServerControl(reading: Reading, value: string): void {
  const attributes = new AttributeList('EXT-X-SERVER-CONTROL', value);
  reading.head.serverControl = present({
    canBlockReload: attributes.says('CAN-BLOCK-RELOAD') || undefined,
    canSkipUntil: attributes.findDecimal('CAN-SKIP-UNTIL'),
    holdBack: attributes.findDecimal('HOLD-BACK'),
    partHoldBack: attributes.findDecimal('PART-HOLD-BACK'),
  });
}

function readSkip(reading: Reading, value: string): void {
  reading.head.skippedSegments = parseInteger(new AttributeList('EXT-X-SKIP', value).require('SKIPPED-SEGMENTS'));
}

/** `duration,[title]`; some writers leave the comma out. */
function readInf(reading: Reading, value: string): void {
  const comma = value.indexOf(',');
  reading.pending.duration = parseDecimal((comma < 0 ? value : value.slice(0, comma)).trim());
  if (comma >= 0 && comma + 1 < value.length) reading.pending.title = value.slice(comma + 1);
}

const DATE_TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?$/;

/** RFC 8216bis 4.4.4.6: ISO 8601; UTC when it names no zone. */
function parseDateTime(value: string): number {
  const match = DATE_TIME.exec(value);
  const zone = (match?.[3] ?? 'Z').replace(/^([+-]\d\d)(\d\d)$/, '$1:$2');
  const millis = match === null ? Number.NaN : Date.parse(`${match[1]}${zone}`);
  if (Number.isNaN(millis)) throw new WireError('malformed', 'm3u8', 'EXT-X-PROGRAM-DATE-TIME is no date');
  return millis * 1000 + Math.round(Number(match?.[2] ?? 0) * 1e6);
}

function readKey(reading: Reading, value: string): void {
  const attributes = new AttributeList('EXT-X-KEY', value);
  reading.pending.key = present({
    method: attributes.require('METHOD'),
    uri: attributes.find('URI'),
    iv: attributes.find('IV'),
    keyFormat: attributes.find('KEYFORMAT'),
    keyFormatVersions: attributes.find('KEYFORMATVERSIONS'),
  });
}

function readMap(reading: Reading, value: string): void {
  const attributes = new AttributeList('EXT-X-MAP', value);
  reading.pending.map = present({ uri: attributes.require('URI'), byteRange: attributes.findByteRange('BYTERANGE') });
}

function readPart(reading: Reading, value: string): void {
  const attributes = new AttributeList('EXT-X-PART', value);
  reading.pending.parts ??= [];
  reading.pending.parts.push(
    present({
      uri: attributes.require('URI'),
      duration: parseDecimal(attributes.require('DURATION')),
      independent: attributes.says('INDEPENDENT') || undefined,
      gap: attributes.says('GAP') || undefined,
      byteRange: attributes.findByteRange('BYTERANGE'),
    }),
  );
}

/** Hints of a type that is not known are ignored (RFC 8216bis 4.4.5.3). */
function readPreloadHint(reading: Reading, value: string): void {
  const attributes = new AttributeList('EXT-X-PRELOAD-HINT', value);
  const type = attributes.require('TYPE');
  if (type !== 'PART' && type !== 'MAP') return;
  reading.preloadHints.push(
    present({
      type,
      uri: attributes.require('URI'),
      byteRangeStart: attributes.findInteger('BYTERANGE-START'),
      byteRangeLength: attributes.findInteger('BYTERANGE-LENGTH'),
    }),
  );
}

function readRenditionReport(reading: Reading, value: string): void {
  const attributes = new AttributeList('EXT-X-RENDITION-REPORT', value);
  reading.renditionReports.push(
    present({
      uri: attributes.require('URI'),
      lastMsn: attributes.findInteger('LAST-MSN'),
      lastPart: attributes.findInteger('LAST-PART'),
    }),
  );
}
