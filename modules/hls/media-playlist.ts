import { type Micros, toSeconds } from '../../core/time/micros.ts';
import { type PlaylistHead, type RenditionReport, targetDurationOf } from '../../wire/m3u8/playlist.ts';
import { renderHead, renderOpenSegment, renderSegment, renderTail } from '../../wire/m3u8/write-media.ts';
import type { SegmentFile, Window } from './window.ts';

export interface PlaylistFacts {
  readonly window: Window;
  /** Longest segment so far, and the configured length at least. */
  readonly longestSegment: Micros;
  /** Longest part so far; undefined where parts are not listed. */
  readonly partTarget: Micros | undefined;
  readonly holdBack: Micros;
  /** Name of the part to come. */
  readonly nextPart: string | undefined;
  readonly independent: boolean;
  readonly ended: boolean;
  readonly reports: readonly RenditionReport[];
}

/** Parts are listed for so many target durations (RFC 8216bis 4.4.4.9). */
const partsSpan = 3;
/** A delta update keeps so many target durations (RFC 8216bis 4.4.3.8). */
const skipSpan = 6;
/** Parts that players stay behind at least; three are advised (RFC 8216bis 4.4.3.8). */
const heldParts = 3;

/** The text of a media playlist; with `skip`, a delta update where there is something to skip. */
export function renderMediaPlaylist(facts: PlaylistFacts, skip: boolean): string {
  const { window, partTarget } = facts;
  const target = targetDurationOf(toSeconds(facts.longestSegment));
  const lowLatency = partTarget !== undefined && !facts.ended;
  const skipped = skip && lowLatency ? countSkipped(window, target) : 0;
  let text = renderHead({
    version: window.listed[0]?.map === undefined && window.open?.map === undefined ? 3 : 9,
    targetDuration: target,
    independentSegments: facts.independent,
    mediaSequence: window.listed[0]?.msn ?? window.edgeMsn,
    discontinuitySequence: window.discontinuitySequence,
    ...(lowLatency ? lowLatencyHead(facts, partTarget, target) : {}),
    ...(skipped > 0 ? { skippedSegments: skipped } : {}),
  });
  const partsFrom = lowLatency ? findPartsFrom(window, target) : Infinity;
  let map = undefined;
  for (let index = skipped; index < window.listed.length; index += 1) {
    const segment = window.listed[index] as SegmentFile;
    text += linesOf(segment, segment.msn >= partsFrom, segment.map !== map);
    map = segment.map;
  }
  const open = window.open;
  if (open !== undefined && lowLatency && open.parts.length > 0) text += openLines(open, open.map !== map);
  const hints = lowLatency && facts.nextPart !== undefined ? [{ type: 'PART', uri: facts.nextPart } as const] : [];
  return text + renderTail({ preloadHints: hints, renditionReports: facts.reports, endList: facts.ended });
}

function lowLatencyHead(facts: PlaylistFacts, part: Micros, target: number): Partial<PlaylistHead> {
  const partTarget = toSeconds(part);
  return {
    partTarget,
    serverControl: {
      canBlockReload: true,
      canSkipUntil: skipSpan * target,
      holdBack: 3 * target,
      partHoldBack: Math.max(toSeconds(facts.holdBack), heldParts * partTarget),
    },
  };
}

/** Segments that end before the skip boundary. */
function countSkipped(window: Window, target: number): number {
  let behind = toSeconds(window.open?.duration ?? (0 as Micros));
  for (let index = window.listed.length - 1; index >= 0; index -= 1) {
    if (behind > skipSpan * target) return index + 1;
    behind += toSeconds(window.listed[index]?.duration ?? (0 as Micros));
  }
  return 0;
}

/** The first segment whose parts are listed. */
function findPartsFrom(window: Window, target: number): number {
  let behind = toSeconds(window.open?.duration ?? (0 as Micros));
  for (let index = window.listed.length - 1; index >= 0; index -= 1) {
    const segment = window.listed[index];
    if (segment === undefined || behind > partsSpan * target) return (segment?.msn ?? -1) + 1;
    behind += toSeconds(segment.duration);
  }
  return window.listed[0]?.msn ?? 0;
}

function linesOf(segment: SegmentFile, withParts: boolean, withMap: boolean): string {
  const form = (withParts ? 1 : 0) + (withMap ? 2 : 0);
  if (segment.text?.form === form) return segment.text.lines;
  const lines = renderSegment(
    { ...tagsOf(segment, withMap), uri: segment.uri, duration: toSeconds(segment.duration), parts: partsOf(segment) },
    withParts,
  );
  segment.text = { form, lines };
  return lines;
}

function openLines(segment: SegmentFile, withMap: boolean): string {
  return renderOpenSegment({ ...tagsOf(segment, withMap), parts: partsOf(segment) });
}

function tagsOf(segment: SegmentFile, withMap: boolean) {
  return {
    discontinuity: segment.discontinuity,
    programDateTime: segment.wall,
    ...(withMap && segment.map !== undefined ? { map: { uri: segment.map.uri } } : {}),
  };
}

function partsOf(segment: SegmentFile) {
  return segment.parts.map((part) => ({
    uri: part.uri,
    duration: toSeconds(part.duration),
    independent: part.independent,
  }));
}
