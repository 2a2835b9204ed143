import { deepEqual, equal, throws } from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { findBoxHeader, readBoxes } from '../../../../wire/fmp4/box-reader.ts';
import { readFragments } from '../../../../wire/fmp4/fragment-reader.ts';
import { mediaFragment } from '../../../../wire/fmp4/fragment-writer.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const code = (wanted: string) => ({ name: 'WireError', code: wanted });

function sample(size: number) {
  return { duration: 1, size, compositionOffset: 0, keyframe: true, parts: [Buffer.alloc(size)] };
}

describe('fMP4 boxes', () => {
  it('of size 0 go to the end, of size 1 have 64 bits', () => {
    const boxes = readBoxes(hex('00000001 66726565 0000000000000012 abcd 00000000 6d646174 010203'));
    deepEqual(
      boxes.map(({ type, offset, headerSize, size, body }) => [type, offset, headerSize, size, body.toString('hex')]),
      [
        ['free', 0, 16, 18, 'abcd'],
        ['mdat', 18, 8, 11, '010203'],
      ],
    );
  });

  it('have sizes that go forward and stay inside', () => {
    for (const size of [2, 3, 7]) throws(() => readBoxes(hex(`0000000${size} 66726565`)), code('malformed'));
    throws(() => readBoxes(hex('00000001 66726565 0000000000000000')), code('malformed'));
    throws(() => readBoxes(hex('00000001 66726565 ffffffffffffffff')), code('truncated'));
    throws(() => readBoxes(hex('0000000c 66726565 00')), code('truncated'));
    throws(() => readBoxes(hex('00000010 6d6f6f66 00000010 74726166')), code('truncated'));
    throws(() => readBoxes(hex('00000010 6d6f6f66 00000000 74726166')), code('malformed'));
    throws(() => readBoxes(hex('0000')), code('truncated'));
  });

  it('are not followed deeper than eight', () => {
    let nested = Buffer.alloc(0);
    for (let depth = 0; depth < 12; depth++) {
      const header = hex('00000000 6d6f6f66');
      header.writeUInt32BE(8 + nested.length);
      nested = Buffer.concat([header, nested]);
    }
    throws(() => readBoxes(nested), code('too-large'));
  });

  it('show their header as soon as it is there', () => {
    const bytes = hex('00000020 6d646174 00');
    equal(findBoxHeader(bytes.subarray(0, 7), 0), undefined);
    deepEqual(findBoxHeader(bytes, 0), { type: 'mdat', headerSize: 8, size: 32 });
  });
});

describe('fMP4 fragments', () => {
  it('that promise more samples than their bytes hold are refused before any is made', () => {
    const [head] = mediaFragment({ sequence: 1, tracks: [{ trackId: 1, baseDecodeTime: 0, samples: [sample(4)] }] });
    const bytes = Buffer.concat([head as Buffer, Buffer.alloc(4)]);
    const run = bytes.indexOf('trun');
    bytes.writeUInt32BE(0xffff_ffff, run + 8);
    throws(() => readFragments(bytes), code('too-large'));
    bytes.writeUInt32BE(2, run + 8);
    throws(() => readFragments(bytes), code('truncated'));
  });

  it('without tfdt go on where the one before ended', () => {
    const fragment = Buffer.concat(
      mediaFragment({ sequence: 1, tracks: [{ trackId: 1, baseDecodeTime: 50, samples: [sample(1), sample(2)] }] }),
    );
    const second = Buffer.from(fragment);
    second.write('free', second.indexOf('tfdt'));
    const read = readFragments(Buffer.concat([fragment, second]));
    deepEqual(
      read.map(({ tracks }) => tracks[0]?.baseDecodeTime),
      [50, 52],
    );
  });

  it('are refused by the writer when empty or when a size is wrong', () => {
    throws(
      () => mediaFragment({ sequence: 1, tracks: [{ trackId: 1, baseDecodeTime: 0, samples: [] }] }),
      code('malformed'),
    );
    const wrong = { ...sample(4), size: 5 };
    throws(
      () => mediaFragment({ sequence: 1, tracks: [{ trackId: 1, baseDecodeTime: 0, samples: [wrong] }] }),
      code('malformed'),
    );
  });

  it('carry styp, prft and emsg before moof', () => {
    const [head] = mediaFragment({
      sequence: 1,
      tracks: [{ trackId: 3, baseDecodeTime: 10n, samples: [sample(1)] }],
      segmentType: true,
      producerTime: { trackId: 3, unixMicros: 1_500_000, mediaTime: 2 ** 33 + 1, moment: 'captured' },
      events: [
        { scheme: 'urn:x', value: 'v', timescale: 9, presentationTime: 5, duration: 6, id: 7, message: hex('cafe') },
      ],
    });
    const boxes = readBoxes(Buffer.concat([head as Buffer, Buffer.alloc(1)]));
    deepEqual(
      boxes.map(({ type }) => type),
      ['styp', 'prft', 'emsg', 'moof', 'mdat'],
    );
    // ISO/IEC 14496-12 8.16.5: NTP seconds of 1970-01-01 00:00:01.5 are 83aa7e81, the fraction is half of 2^32.
    equal(boxes[1]?.body.toString('hex'), '01000018' + '00000003' + '83aa7e8180000000' + '0000000200000001');
    // ISO/IEC 23009-1 5.10.3.3.
    equal(
      boxes[2]?.body.toString('hex'),
      '01000000' + '00000009' + '0000000000000005' + '00000006' + '00000007' + '75726e3a7800' + '7600' + 'cafe',
    );
  });
});
