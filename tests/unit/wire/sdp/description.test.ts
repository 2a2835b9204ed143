import assert from 'node:assert/strict';
import { WireError } from '../../../../wire/errors.ts';
import { findAttribute, hasAttribute, listAttributes, readDirection } from '../../../../wire/sdp/attributes.ts';
import { readSdp, type SdpDescription, writeSdp } from '../../../../wire/sdp/description.ts';
import { formatAttributes, readFormats } from '../../../../wire/sdp/formats.ts';
import { summarise } from '../../../vectors/sdp/collect.ts';
import { sdpVectors } from '../../../vectors/sdp/vectors.ts';

const refused = (code: string) => (error: unknown) => error instanceof WireError && error.code === code;

function media(...lines: string[]) {
  const [medium] = readSdp(['v=0', ...lines].join('\r\n')).media;
  assert.ok(medium);
  return medium;
}

const empty: SdpDescription = {
  origin: { username: '-', sessionId: '1', sessionVersion: '1', address: '2001:db8::1' },
  name: '',
  information: undefined,
  connection: undefined,
  bandwidth: [],
  timing: [],
  attributes: [],
  media: [],
};

describe('session descriptions', () => {
  for (const { name, origin, text, found } of sdpVectors) {
    it(`${name} (${origin})`, () => {
      assert.deepEqual(summarise(readSdp(text)), found);
    });
    it(`${name}, with other line ends`, () => {
      for (const end of ['\n', '\r']) assert.deepEqual(summarise(readSdp(text.replace(/\r?\n/g, end))), found);
    });
    it(`${name}, written and read again`, () => {
      assert.deepEqual(summarise(readSdp(writeSdp(readSdp(text)))), found);
    });
  }

  it('writes to the letter what browsers write', () => {
    const text = sdpVectors.find(({ origin }) => origin.startsWith('Chromium'))?.text ?? '';
    assert.notEqual(text, '');
    // But for a space that no grammar asks for.
    assert.equal(writeSdp(readSdp(text)), text.replace('semantic: ', 'semantic:'));
  });

  it('writes what the standard asks for at the least', () => {
    assert.equal(writeSdp(empty), 'v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nt=0 0\r\n');
  });

  it('lets no text begin a line', () => {
    const text = writeSdp({
      ...empty,
      name: 'a\r\nm=video 1 RTP/AVP 0\n\0',
      attributes: [{ name: 'b', value: '\rc' }],
    });
    assert.deepEqual(text.split('\r\n'), [
      'v=0',
      'o=- 1 1 IN IP6 2001:db8::1',
      's=a m=video 1 RTP/AVP 0 ',
      't=0 0',
      'a=b: c',
      '',
    ]);
  });

  it('keeps numbers that doubles cannot hold, and words that look like numbers', () => {
    const text =
      'v=0\r\no=- 18446744073709551615 007 IN IP4 192.0.2.1\r\ns=1e3\r\nt=0 0\r\na=mid:00\r\na=ice-ufrag:1e10\r\n';
    assert.equal(writeSdp(readSdp(text)), text);
  });

  it('puts lines to the section that they stand in', () => {
    const { attributes, media: found } = readSdp(
      'v=0\na=x:1\nm=audio 1 RTP/AVP 0\na=x:2\na=y\nm=video 2 RTP/AVP 26\na=x:\n',
    );
    assert.equal(findAttribute({ attributes }, 'x'), '1');
    assert.deepEqual(
      found.map((one) => findAttribute(one, 'x')),
      ['2', ''],
    );
    assert.deepEqual(
      found.map((one) => hasAttribute(one, 'y')),
      [true, false],
    );
    assert.deepEqual(
      found.map((one) => one.attributes.length),
      [2, 1],
    );
  });

  it('passes over o=, s= and t= behind a medium', () => {
    const found = readSdp('v=0\ns=a\nm=audio 1 RTP/AVP 0\ns=b\no=- 9 9 IN IP4 192.0.2.9\nt=1 2\n');
    assert.deepEqual([found.name, found.origin.sessionId, found.timing], ['a', '0', []]);
  });

  it('lists attributes in their order', () => {
    assert.deepEqual(listAttributes(media('m=audio 1 RTP/AVP 0', 'a=k:2', 'a=l:x', 'a=k:1', 'a=k'), 'k'), [
      '2',
      '1',
      '',
    ]);
  });

  it('tells the direction of a medium, of the session, or both ways', () => {
    const found = readSdp('v=0\na=sendonly\nm=audio 1 RTP/AVP 0\nm=audio 1 RTP/AVP 0\na=inactive\n');
    assert.deepEqual(
      found.media.map((one) => readDirection(one, found)),
      ['sendonly', 'inactive'],
    );
    assert.equal(readDirection(media('m=audio 1 RTP/AVP 0')), 'sendrecv');
  });

  for (const [what, text, code] of [
    ['nothing', '', 'truncated'],
    ['empty lines alone', '\r\n \r\n', 'truncated'],
    ['another beginning', 's=x\r\nv=0\r\n', 'malformed'],
    ['another format', '{"type":"offer"}', 'malformed'],
    ['another version', 'v=1\r\n', 'unsupported'],
    ['a line without a letter', 'v=0\r\nhello\r\n', 'malformed'],
    ['a NUL', 'v=0\r\ns=\0\r\n', 'malformed'],
    ['m= without a port', 'v=0\r\nm=audio\r\n', 'malformed'],
    ['m= with a port that cannot be', 'v=0\r\nm=audio 65536 RTP/AVP 0\r\n', 'malformed'],
    ['m= with a port below zero', 'v=0\r\nm=audio -1 RTP/AVP 0\r\n', 'malformed'],
    ['m= without a protocol', 'v=0\r\nm=audio 1\r\n', 'malformed'],
    ['65 media', `v=0\r\n${'m=audio 1 RTP/AVP 0\r\n'.repeat(65)}`, 'too-large'],
    ['more than 64 KiB', `v=0\r\ns=${'a'.repeat(65_536)}\r\n`, 'too-large'],
    ['too many lines', `v=0\r\n${'\n'.repeat(4_096)}`, 'too-large'],
    ['too many attributes', `v=0\r\n${'a=a\r\n'.repeat(1_025)}`, 'too-large'],
    ['too many formats', `v=0\r\nm=audio 1 RTP/AVP${' 0'.repeat(257)}\r\n`, 'too-large'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => readSdp(text), refused(code));
    });
  }

  it('takes as much as its bounds allow, and as little as it is told', () => {
    const text = `v=0\r\n${'m=audio 1 RTP/AVP 0\r\n'.repeat(64)}`;
    assert.equal(readSdp(text).media.length, 64);
    assert.throws(() => readSdp(text, { media: 63 }), refused('too-large'));
    assert.throws(() => readSdp(text, { text: text.length - 1 }), refused('too-large'));
    assert.equal(readSdp(text + text.slice(5), { media: 128 }).media.length, 128);
  });
});

describe('formats of a medium', () => {
  it('joins several fmtp lines; the first of a name counts', () => {
    const [format] = readFormats(
      media('m=video 1 RTP/AVP 96', 'a=rtpmap:96 H264/90000', 'a=fmtp:96 A=1;b=2', 'a=fmtp:96 b=3;c'),
    );
    assert.deepEqual(
      [...(format?.parameters ?? [])],
      [
        ['a', '1'],
        ['b', '2'],
        ['c', ''],
      ],
    );
  });

  it('passes over what it does not know, and what stands twice', () => {
    const medium = media(
      'm=video 1 RTP/AVP x 96 0 128 -1 0 97 35',
      'a=rtpmap:97 VP8/90000',
      'a=rtpmap:97 VP9/90000',
      'a=rtpmap:96 H264/0',
    );
    assert.deepEqual(
      readFormats(medium).map(({ payloadType, encoding }) => `${payloadType} ${encoding}`),
      ['0 PCMU', '97 VP8'],
    );
  });

  it('reads feedback of one format and of all', () => {
    const medium = media(
      'm=video 1 RTP/AVPF 96 97',
      'a=rtpmap:96 VP8/90000',
      'a=rtpmap:97 VP9/90000',
      'a=rtcp-fb:* nack',
      'a=rtcp-fb:97 nack  pli',
      'a=rtcp-fb:97 nack',
    );
    assert.deepEqual(
      readFormats(medium).map(({ feedback }) => feedback),
      [['nack'], ['nack pli', 'nack']],
    );
  });

  it('writes what it read', () => {
    for (const { text } of sdpVectors) {
      for (const medium of readSdp(text).media) {
        const formats = readFormats(medium);
        const attributes = formats.flatMap(formatAttributes);
        assert.deepEqual(
          readFormats({ formats: medium.formats, attributes }).map((one) => ({ ...one, channels: one.channels ?? 1 })),
          formats.map((one) => ({ ...one, channels: one.channels ?? 1 })),
        );
      }
    }
  });

  it('is bounded', () => {
    const parameters = Array.from({ length: 500 }, (_, index) => `p${index}=1`).join(';');
    const feedback = Array.from({ length: 500 }, (_, index) => `a=rtcp-fb:96 f${index}`);
    const [format] = readFormats(
      media('m=video 1 RTP/AVP 96', 'a=rtpmap:96 H264/90000', `a=fmtp:96 ${parameters}`, ...feedback),
    );
    assert.deepEqual([format?.parameters.size, format?.feedback.length], [64, 32]);
  });
});
