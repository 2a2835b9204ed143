import { equal, ok, throws } from 'node:assert/strict';
import {
  type MediaPlaylist,
  type MediaSegment,
  minimumVersion,
  targetDurationOf,
} from '../../../../wire/m3u8/playlist.ts';
import {
  renderHead,
  renderMap,
  renderOpenSegment,
  renderPart,
  renderSegment,
  renderTail,
  writeMediaPlaylist,
} from '../../../../wire/m3u8/write-media.ts';
import { writeMultivariantPlaylist } from '../../../../wire/m3u8/write-multivariant.ts';

const segment: MediaSegment = {
  uri: 's1.m4s',
  duration: 2.000001,
  parts: [{ uri: 's1.0.m4s', duration: 0.5, independent: true }],
};
const playlist: MediaPlaylist = {
  version: 1,
  targetDuration: 2,
  mediaSequence: 0,
  discontinuitySequence: 0,
  segments: [segment],
  preloadHints: [],
  renditionReports: [],
  endList: false,
};

describe('m3u8 writer', () => {
  it('makes a playlist of pieces that can be kept', () => {
    const first: MediaSegment = { ...segment, map: { uri: 'init.mp4' } };
    const open = { parts: [{ uri: 's2.0.m4s', duration: 0.5 }] };
    const head = { ...playlist, version: minimumVersion({ map: true }) };
    const pieces =
      renderHead(head) +
      renderSegment(first, true) +
      renderSegment(segment, true) +
      renderOpenSegment(open) +
      renderTail(playlist);
    equal(pieces, writeMediaPlaylist({ ...playlist, segments: [first, segment], open }));
    const moved =
      renderHead(head) + renderMap({ uri: 'init.mp4' }) + renderSegment(segment, true) + renderTail(playlist);
    equal(moved, writeMediaPlaylist({ ...playlist, segments: [first] }));
  });

  it('leaves the parts of an old segment out', () => {
    equal(renderSegment(segment, false), '#EXTINF:2.000001,\ns1.m4s\n');
    equal(
      renderSegment(segment, true),
      '#EXT-X-PART:DURATION=0.5,URI="s1.0.m4s",INDEPENDENT=YES\n#EXTINF:2.000001,\ns1.m4s\n',
    );
  });

  it('puts the tags of a segment before its parts', () => {
    const text = renderSegment(
      {
        ...segment,
        discontinuity: true,
        map: { uri: 'i.mp4', byteRange: { length: 10, start: 0 } },
        programDateTime: 1_700_000_000_123_456,
        bitrate: 900,
        gap: true,
        byteRange: { length: 5 },
        title: 'x',
      },
      true,
    );
    equal(
      text,
      [
        '#EXT-X-DISCONTINUITY',
        '#EXT-X-MAP:URI="i.mp4",BYTERANGE="10@0"',
        '#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.123Z',
        '#EXT-X-BITRATE:900',
        '#EXT-X-PART:DURATION=0.5,URI="s1.0.m4s",INDEPENDENT=YES',
        '#EXT-X-GAP',
        '#EXT-X-BYTERANGE:5',
        '#EXTINF:2.000001,x',
        's1.m4s',
        '',
      ].join('\n'),
    );
  });

  it('chooses the version by what is used', () => {
    const versionOf = (text: string) => Number(/EXT-X-VERSION:(\d+)/.exec(text)?.[1]);
    const written = (change: Partial<MediaPlaylist>) => versionOf(writeMediaPlaylist({ ...playlist, ...change }));
    equal(written({}), 3);
    equal(written({ version: 7 }), 7);
    equal(written({ segments: [{ ...segment, byteRange: { length: 1, start: 2 } }] }), 4);
    equal(written({ segments: [{ ...segment, map: { uri: 'i' } }] }), 6);
    equal(written({ open: { map: { uri: 'i' } } }), 6);
    equal(written({ skippedSegments: 2 }), 9);
    const variants = [{ uri: 'v.m3u8', bandwidth: 1 }];
    equal(versionOf(writeMultivariantPlaylist({ version: 1, media: [], variants })), 1);
    const media = [{ type: 'AUDIO' as const, groupId: 'a', name: 'a' }];
    equal(versionOf(writeMultivariantPlaylist({ version: 1, media, variants })), 4);
  });

  it('rounds the target duration to the nearest second, and holds segments to it', () => {
    for (const [seconds, target] of [
      [0.2, 1],
      [2.4, 2],
      [2.499, 2],
      [2.5, 3],
      [6, 6],
    ] as const) {
      equal(targetDurationOf(seconds), target);
      ok(writeMediaPlaylist({ ...playlist, targetDuration: target, segments: [{ ...segment, duration: seconds }] }));
    }
    throws(() => writeMediaPlaylist({ ...playlist, segments: [{ ...segment, duration: 2.5 }] }), { name: 'WireError' });
  });

  it('holds server control to its bounds', () => {
    const partTarget = 0.2;
    ok(renderHead({ ...playlist, partTarget, serverControl: { canSkipUntil: 12, holdBack: 6, partHoldBack: 0.6 } }));
    for (const serverControl of [{ canSkipUntil: 11.9 }, { holdBack: 5 }, { partHoldBack: 0.39 }]) {
      throws(() => renderHead({ ...playlist, partTarget, serverControl }), { name: 'WireError' });
    }
  });

  it('lets no name write a line or an attribute', () => {
    const evil = ['a"b', 'a\nb', 'a\rb', 'a\u0000b', 'a\u0085b'];
    for (const text of evil) {
      const variant = { uri: 'v.m3u8', bandwidth: 1 };
      const rendition = { type: 'AUDIO' as const, groupId: 'a', name: text };
      throws(() => writeMultivariantPlaylist({ version: 1, media: [rendition], variants: [variant] }), {
        name: 'WireError',
      });
      throws(() => writeMultivariantPlaylist({ version: 1, media: [], variants: [{ ...variant, codecs: text }] }), {
        name: 'WireError',
      });
      throws(() => renderPart({ uri: text, duration: 1 }), { name: 'WireError' });
      throws(() => renderMap({ uri: text }), { name: 'WireError' });
      throws(() => renderTail({ ...playlist, preloadHints: [{ type: 'PART', uri: text }] }), { name: 'WireError' });
      throws(() => renderTail({ ...playlist, renditionReports: [{ uri: text }] }), { name: 'WireError' });
    }
    for (const uri of ['', '#EXT-X-ENDLIST', 'a\nb', 'a b']) {
      throws(() => renderSegment({ ...segment, uri }, false), { name: 'WireError' });
    }
    throws(() => renderSegment({ ...segment, title: 'a\nb' }, false), { name: 'WireError' });
    throws(() => renderSegment({ ...segment, key: { method: 'NONE,URI="x"' } }, false), { name: 'WireError' });
  });

  it('refuses numbers that have no text', () => {
    for (const duration of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      throws(() => renderSegment({ ...segment, duration }, false), { name: 'WireError' });
    }
    throws(() => renderHead({ ...playlist, mediaSequence: 1.5 }), { name: 'WireError' });
    throws(() => renderSegment({ ...segment, programDateTime: Number.NaN }, false), { name: 'WireError' });
  });

  it('writes a multivariant playlist with a group of sounds', () => {
    equal(
      writeMultivariantPlaylist({
        version: 6,
        independentSegments: true,
        media: [
          {
            type: 'AUDIO',
            groupId: 'aac',
            name: 'main',
            uri: 'a.m3u8',
            language: 'en',
            isDefault: true,
            channels: '2',
          },
        ],
        variants: [
          {
            uri: 'v.m3u8',
            bandwidth: 2_000_000,
            averageBandwidth: 1_500_000,
            codecs: 'avc1.64001f,mp4a.40.2',
            resolution: { width: 1280, height: 720 },
            frameRate: 30000 / 1001,
            audio: 'aac',
            closedCaptions: 'NONE',
          },
        ],
      }),
      [
        '#EXTM3U',
        '#EXT-X-VERSION:6',
        '#EXT-X-INDEPENDENT-SEGMENTS',
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="main",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a.m3u8"',
        '#EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=1500000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="aac",CLOSED-CAPTIONS=NONE',
        'v.m3u8',
        '',
      ].join('\n'),
    );
  });
});
