import { WireError } from '../errors.ts';
import { AttributeList, parseInteger } from './attribute-list.ts';
import type { MediaRendition, MultivariantPlaylist, Variant } from './playlist.ts';
import { type PlaylistLine, playlistLines } from './playlist-lines.ts';
import { present } from './present.ts';

/** Reads a multivariant playlist. Tags for trick play and session data are ignored. Bounded; throws WireError. */
export function readMultivariantPlaylist(text: string): MultivariantPlaylist {
  return multivariantPlaylistOf(playlistLines(text));
}

/** The same, of lines that were split already. */
export function multivariantPlaylistOf(lines: readonly PlaylistLine[]): MultivariantPlaylist {
  const media: MediaRendition[] = [];
  const variants: Variant[] = [];
  let version = 1;
  let independentSegments = false;
  let waiting: Omit<Variant, 'uri'> | undefined;
  for (const { tag, value } of lines) {
    // RFC 8216bis 4.4.6.2: the URI is the line behind the tag.
    if (waiting !== undefined && tag !== '') throw new WireError('malformed', 'm3u8', 'a variant has no URI');
    if (tag === '') {
      if (waiting === undefined) throw new WireError('malformed', 'm3u8', 'a URI without EXT-X-STREAM-INF');
      variants.push({ ...waiting, uri: value });
      waiting = undefined;
    } else if (tag === 'EXT-X-STREAM-INF') waiting = readVariant(value);
    else if (tag === 'EXT-X-MEDIA') media.push(readRendition(value));
    else if (tag === 'EXT-X-VERSION') version = parseInteger(value);
    else if (tag === 'EXT-X-INDEPENDENT-SEGMENTS') independentSegments = true;
  }
  if (waiting !== undefined) throw new WireError('truncated', 'm3u8', 'the last variant has no URI');
  return { version, ...(independentSegments ? { independentSegments } : {}), media, variants };
}

function readRendition(value: string): MediaRendition {
  const attributes = new AttributeList('EXT-X-MEDIA', value);
  const type = attributes.require('TYPE');
  if (type !== 'AUDIO' && type !== 'VIDEO' && type !== 'SUBTITLES' && type !== 'CLOSED-CAPTIONS') {
    throw new WireError('malformed', 'm3u8', 'EXT-X-MEDIA of an unknown type');
  }
  return present({
    type,
    groupId: attributes.require('GROUP-ID'),
    name: attributes.require('NAME'),
    uri: attributes.find('URI'),
    language: attributes.find('LANGUAGE'),
    isDefault: attributes.says('DEFAULT') || undefined,
    autoselect: attributes.says('AUTOSELECT') || undefined,
    forced: attributes.says('FORCED') || undefined,
    channels: attributes.find('CHANNELS'),
    instreamId: attributes.find('INSTREAM-ID'),
    characteristics: attributes.find('CHARACTERISTICS'),
  });
}

function readVariant(value: string): Omit<Variant, 'uri'> {
  const attributes = new AttributeList('EXT-X-STREAM-INF', value);
  return present({
    bandwidth: parseInteger(attributes.require('BANDWIDTH')),
    averageBandwidth: attributes.findInteger('AVERAGE-BANDWIDTH'),
    codecs: attributes.find('CODECS'),
    resolution: parseResolution(attributes.find('RESOLUTION')),
    frameRate: attributes.findDecimal('FRAME-RATE'),
    audio: attributes.find('AUDIO'),
    video: attributes.find('VIDEO'),
    subtitles: attributes.find('SUBTITLES'),
    closedCaptions: attributes.find('CLOSED-CAPTIONS'),
  });
}

/** RFC 8216bis 4.2: two integers with an x between. */
function parseResolution(text: string | undefined): Variant['resolution'] {
  if (text === undefined) return undefined;
  const cross = text.indexOf('x');
  if (cross < 0) throw new WireError('malformed', 'm3u8', 'RESOLUTION has no x');
  return { width: parseInteger(text.slice(0, cross)), height: parseInteger(text.slice(cross + 1)) };
}
