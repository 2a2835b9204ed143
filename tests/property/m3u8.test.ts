import { deepEqual, ok } from 'node:assert/strict';
import fc from 'fast-check';
import type {
  MediaPlaylist,
  MediaRendition,
  MediaSegment,
  MultivariantPlaylist,
  OpenSegment,
} from '../../wire/m3u8/playlist.ts';
import { readPlaylist } from '../../wire/m3u8/read-playlist.ts';
import { writeMediaPlaylist } from '../../wire/m3u8/write-media.ts';
import { writeMultivariantPlaylist } from '../../wire/m3u8/write-multivariant.ts';

/** Members that are left out are left out, as the reader does; and records have our prototype. */
function record<T>(members: { [Key in keyof T]: fc.Arbitrary<T[Key]> }, required: (keyof T)[]): fc.Arbitrary<T> {
  return fc.record(members, { requiredKeys: required, noNullPrototype: true });
}

const uri = fc.webPath({ size: 'small' }).map((path) => `x${path}`);
const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .map((value) => value.replace(/["\p{Cc}]/gu, '_'));
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const duration = fc.nat({ max: 4_499_999 }).map((micros) => micros / 1e6);
const yes = fc.constant(true);
const byteRange = record({ length: count, start: count }, ['length']);
const map = record({ uri, byteRange }, ['uri']);
const key = record({ method: fc.constant('AES-128'), uri, iv: fc.constant('0x0123'), keyFormat: text }, ['method']);
const part = record({ uri, duration, independent: yes, gap: yes, byteRange }, ['uri', 'duration']);
const tags = {
  discontinuity: yes,
  programDateTime: fc.nat({ max: 4e12 }).map((millis) => millis * 1000),
  key,
  map,
  bitrate: count,
  parts: fc.array(part, { minLength: 1, maxLength: 3 }),
};
const open: fc.Arbitrary<OpenSegment> = record(tags, []).filter((segment) => Object.keys(segment).length > 0);
const segment: fc.Arbitrary<MediaSegment> = record(
  { ...tags, uri, duration, title: text.filter((title) => title === title.trim()), byteRange, gap: yes },
  ['uri', 'duration'],
);
const mediaPlaylist = record(
  {
    version: fc.integer({ min: 9, max: 13 }),
    targetDuration: fc.constant(4),
    independentSegments: yes,
    start: record({ offset: fc.integer({ min: -1e6, max: 1e6 }).map((millis) => millis / 1000), precise: yes }, [
      'offset',
    ]),
    serverControl: record(
      {
        canBlockReload: yes,
        canSkipUntil: fc.constantFrom(24, 30.5),
        holdBack: fc.constantFrom(12, 12.25),
        partHoldBack: fc.constantFrom(1, 1.5),
      },
      ['canBlockReload'],
    ),
    partTarget: fc.constantFrom(0.2, 0.333333),
    mediaSequence: count,
    discontinuitySequence: count,
    playlistType: fc.constantFrom('EVENT', 'VOD' as const),
    iFramesOnly: yes,
    skippedSegments: fc.integer({ min: 1, max: 1000 }),
    segments: fc.array(segment, { maxLength: 5 }),
    open,
    preloadHints: fc.array(
      record({ type: fc.constantFrom('PART', 'MAP' as const), uri, byteRangeStart: count, byteRangeLength: count }, [
        'type',
        'uri',
      ]),
      { maxLength: 2 },
    ),
    renditionReports: fc.array(record({ uri, lastMsn: count, lastPart: count }, ['uri']), { maxLength: 2 }),
    endList: fc.boolean(),
  },
  [
    'version',
    'targetDuration',
    'mediaSequence',
    'discontinuitySequence',
    'segments',
    'preloadHints',
    'renditionReports',
    'endList',
  ],
);

const rendition = record(
  {
    type: fc.constantFrom('AUDIO', 'VIDEO', 'SUBTITLES', 'CLOSED-CAPTIONS' as const),
    groupId: text,
    name: text,
    uri,
    language: text,
    isDefault: yes,
    autoselect: yes,
    forced: yes,
    channels: text,
    instreamId: text,
    characteristics: text,
  },
  ['type', 'groupId', 'name', 'autoselect'],
);
const variant = record(
  {
    uri,
    bandwidth: count,
    averageBandwidth: count,
    codecs: text,
    resolution: record({ width: count, height: count }, ['width', 'height']),
    frameRate: fc.nat({ max: 240_000 }).map((value) => value / 1000),
    audio: text,
    video: text,
    subtitles: text,
    closedCaptions: fc.oneof(text, fc.constant('NONE')),
  },
  ['uri', 'bandwidth'],
);

describe('property: m3u8', () => {
  it('a media playlist that was written reads as it was', () => {
    fc.assert(
      fc.property(mediaPlaylist as fc.Arbitrary<MediaPlaylist>, (playlist) => {
        deepEqual(readPlaylist(writeMediaPlaylist(playlist)), { kind: 'media', playlist });
      }),
    );
  });

  it('a multivariant playlist that was written reads as it was', () => {
    const media = fc.array(rendition, { maxLength: 3 });
    const variants = fc.array(variant, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(media, variants, fc.integer({ min: 4, max: 13 }), (media, variants, version) => {
        const playlist: MultivariantPlaylist = { version, independentSegments: true, media, variants };
        deepEqual(readPlaylist(writeMultivariantPlaylist(playlist)), { kind: 'multivariant', playlist });
      }),
    );
  });

  it('whatever a name holds, it is refused or stays in its place', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), (name) => {
        const media: MediaRendition[] = [{ type: 'AUDIO', groupId: 'a', name }];
        const playlist: MultivariantPlaylist = { version: 4, media, variants: [{ uri: 'v', bandwidth: 1 }] };
        let written: string | undefined;
        try {
          written = writeMultivariantPlaylist(playlist);
        } catch {
          ok(/["\p{Cc}]/u.test(name)); // refused, and rightly
        }
        if (written !== undefined) deepEqual(readPlaylist(written), { kind: 'multivariant', playlist });
      }),
    );
  });
});
