import { deepEqual, equal, throws } from 'node:assert/strict';
import { AttributeList } from '../../../../wire/m3u8/attribute-list.ts';
import { readMediaPlaylist } from '../../../../wire/m3u8/read-media.ts';
import { readMultivariantPlaylist } from '../../../../wire/m3u8/read-multivariant.ts';
import { readPlaylist } from '../../../../wire/m3u8/read-playlist.ts';

const code = (wanted: string) => ({ name: 'WireError', code: wanted });
const media = (...lines: string[]) => readMediaPlaylist(['#EXTM3U', '#EXT-X-TARGETDURATION:4', ...lines].join('\n'));

describe('m3u8 reader', () => {
  it('takes attribute lists with commas and equals signs in quotes', () => {
    const list = new AttributeList('T', 'CODECS="avc1.42c01e,mp4a.40.2",URI="a?b=c",BANDWIDTH=12, AUDIO=""');
    equal(list.find('CODECS'), 'avc1.42c01e,mp4a.40.2');
    equal(list.find('URI'), 'a?b=c');
    equal(list.findInteger('BANDWIDTH'), 12);
    equal(list.find('AUDIO'), '');
    equal(list.find('NOTHING'), undefined);
  });

  it('refuses attribute lists that are none', () => {
    for (const text of ['A', 'A=', 'A="x', 'A="x"y', 'a=1', '=1', 'A=1,A=2', 'A=1,,B=2', 'A=x"y"']) {
      throws(() => new AttributeList('T', text), code('malformed'), text);
    }
    const many = Array.from({ length: 65 }, (_, index) => `A${index}=1`).join(',');
    throws(() => new AttributeList('T', many), code('too-large'));
    throws(() => new AttributeList('T', 'A=1').require('B'), code('malformed'));
    throws(() => new AttributeList('T', 'A=9007199254740993').findInteger('A'), code('malformed'));
    throws(() => new AttributeList('T', 'A=-1').findDecimal('A'), code('malformed'));
    throws(() => new AttributeList('T', 'A=1e3').findDecimal('A'), code('malformed'));
    throws(() => new AttributeList('T', 'A=1@').findByteRange('A'), code('malformed'));
  });

  it('ignores comments and tags that it does not know', () => {
    const { segments } = media('# a comment', '#EXT-X-CUE-OUT:30', '#EXT-X-DATERANGE:broken', '#EXTINF:4,', 'a.ts');
    deepEqual(segments, [{ uri: 'a.ts', duration: 4 }]);
  });

  it('reads dates of every zone', () => {
    for (const [text, micros] of [
      ['2010-02-19T14:54:23.031+08:00', 1_266_562_463_031_000],
      ['2010-02-19T14:54:23.031+0800', 1_266_562_463_031_000],
      ['2010-02-19T06:54:23Z', 1_266_562_463_000_000],
      ['2010-02-19T06:54:23.000001', 1_266_562_463_000_001],
    ] as const) {
      equal(media(`#EXT-X-PROGRAM-DATE-TIME:${text}`).open?.programDateTime, micros, text);
    }
    for (const text of ['now', '2010-02-19', '2010-13-19T14:54:23Z', '2010-02-19T14:54:23+99:99']) {
      throws(() => media(`#EXT-X-PROGRAM-DATE-TIME:${text}`), code('malformed'), text);
    }
  });

  it('refuses playlists that are none', () => {
    for (const text of [
      '',
      'x',
      '#EXTM3U8\n',
      '\uFEFF#EXTM3U\n#EXT-X-TARGETDURATION:1',
      '#EXTM3U\n',
      '#EXTM3U\n#EXT-X-TARGETDURATION:x',
    ]) {
      throws(() => readPlaylist(text), code('malformed'), JSON.stringify(text));
    }
    throws(() => media('a.ts'), code('malformed'));
    throws(() => media('#EXTINF:4,'), code('truncated'));
    throws(() => media('#EXTINF:-4,', 'a.ts'), code('malformed'));
    throws(() => media('#EXT-X-PART:URI="a"'), code('malformed'));
    throws(() => media('#EXT-X-PLAYLIST-TYPE:LIVE'), code('malformed'));
    const variant = '#EXT-X-STREAM-INF:BANDWIDTH=1';
    throws(() => readMultivariantPlaylist(`#EXTM3U\n${variant}`), code('truncated'));
    throws(() => readMultivariantPlaylist(`#EXTM3U\n${variant}\n${variant}\na`), code('malformed'));
    throws(() => readMultivariantPlaylist('#EXTM3U\na'), code('malformed'));
    throws(() => readMultivariantPlaylist('#EXTM3U\n#EXT-X-STREAM-INF:CODECS="x"\na'), code('malformed'));
    throws(() => readMultivariantPlaylist(`#EXTM3U\n${variant},RESOLUTION=12\na`), code('malformed'));
  });

  it('bounds text, lines and their number', () => {
    throws(() => media(`#${'x'.repeat(17_000)}`), code('too-large'));
    throws(() => media('\n'.repeat(200_000)), code('too-large'));
    throws(() => readPlaylist('#EXTM3U\n'.padEnd(9 * 1024 * 1024, ' ')), code('too-large'));
  });

  it('tells the two kinds apart', () => {
    equal(readPlaylist('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na').kind, 'multivariant');
    equal(readPlaylist('#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="b"').kind, 'multivariant');
    equal(readPlaylist('#EXTM3U\n#EXT-X-TARGETDURATION:1').kind, 'media');
  });
});
