import { enumerated, integer, quoted, quotedUri, uriLine } from './attribute-text.ts';
import type { MediaRendition, MultivariantPlaylist, Variant } from './playlist.ts';

/** The text of a multivariant playlist. Throws WireError on a value that has no text. */
export function writeMultivariantPlaylist(playlist: MultivariantPlaylist): string {
  // Rendition groups are of version 4 on (RFC 8216 7).
  const version = Math.max(playlist.version, playlist.media.length > 0 ? 4 : 1);
  let text = `#EXTM3U\n#EXT-X-VERSION:${integer(version)}\n`;
  if (playlist.independentSegments === true) text += '#EXT-X-INDEPENDENT-SEGMENTS\n';
  for (const rendition of playlist.media) text += renderRendition(rendition);
  for (const variant of playlist.variants) text += renderVariant(variant);
  return text;
}

function renderRendition(rendition: MediaRendition): string {
  let text = `#EXT-X-MEDIA:TYPE=${rendition.type},GROUP-ID=${quoted(rendition.groupId)},NAME=${quoted(rendition.name)}`;
  if (rendition.language !== undefined) text += `,LANGUAGE=${quoted(rendition.language)}`;
  if (rendition.isDefault === true) text += ',DEFAULT=YES';
  // A default rendition must be selectable (RFC 8216bis 4.4.6.1).
  if (rendition.autoselect === true || rendition.isDefault === true) text += ',AUTOSELECT=YES';
  if (rendition.forced === true) text += ',FORCED=YES';
  if (rendition.instreamId !== undefined) text += `,INSTREAM-ID=${quoted(rendition.instreamId)}`;
  if (rendition.characteristics !== undefined) text += `,CHARACTERISTICS=${quoted(rendition.characteristics)}`;
  if (rendition.channels !== undefined) text += `,CHANNELS=${quoted(rendition.channels)}`;
  if (rendition.uri !== undefined) text += `,URI=${quotedUri(rendition.uri)}`;
  return `${text}\n`;
}

function renderVariant(variant: Variant): string {
  let text = `#EXT-X-STREAM-INF:BANDWIDTH=${integer(variant.bandwidth)}`;
  if (variant.averageBandwidth !== undefined) text += `,AVERAGE-BANDWIDTH=${integer(variant.averageBandwidth)}`;
  if (variant.codecs !== undefined) text += `,CODECS=${quoted(variant.codecs)}`;
  if (variant.resolution !== undefined) {
    text += `,RESOLUTION=${integer(variant.resolution.width)}x${integer(variant.resolution.height)}`;
  }
  if (variant.frameRate !== undefined) text += `,FRAME-RATE=${enumerated(variant.frameRate.toFixed(3))}`;
  if (variant.audio !== undefined) text += `,AUDIO=${quoted(variant.audio)}`;
  if (variant.video !== undefined) text += `,VIDEO=${quoted(variant.video)}`;
  if (variant.subtitles !== undefined) text += `,SUBTITLES=${quoted(variant.subtitles)}`;
  if (variant.closedCaptions !== undefined) {
    text += `,CLOSED-CAPTIONS=${variant.closedCaptions === 'NONE' ? 'NONE' : quoted(variant.closedCaptions)}`;
  }
  return `${text}\n${uriLine(variant.uri)}\n`;
}
