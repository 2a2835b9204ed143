import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { readAdtsHeader, writeAdtsHeader } from '../../../../wire/codec-records/adts.ts';
import { readFlacRecord, writeFlacHeader } from '../../../../wire/codec-records/flac-record.ts';
import {
  maxNalUnits,
  splitAnnexB,
  splitLengthPrefixed,
  withLengths,
  withStartCodes,
} from '../../../../wire/codec-records/nal.ts';
import {
  leb128Length,
  readLeb128,
  readObuType,
  splitObus,
  withObuSizes,
  writeLeb128,
} from '../../../../wire/codec-records/obu.ts';
import { WireError, type WireErrorCode } from '../../../../wire/errors.ts';
import vectors from '../../../vectors/codec-records/streams.json' with { type: 'json' };

function refused(code: WireErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof WireError && error.code === code;
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const texts = (parts: readonly Buffer[]) => parts.map((part) => part.toString('hex'));

describe('NAL units', () => {
  const stream = Buffer.from(vectors.annexB.base64, 'base64');

  it('splits the byte stream of a real encoder, and puts it together again', () => {
    const units = splitAnnexB(stream, 'test');
    assert.deepEqual(
      units.map((unit) => (unit[0] ?? 0) & 0x1f),
      vectors.annexB.types,
    );
    const again = splitAnnexB(Buffer.concat(withStartCodes(units)), 'test');
    assert.deepEqual(again, units);
    assert.deepEqual(splitLengthPrefixed(Buffer.concat(withLengths(units)), 4, 'test'), units);
  });

  it('gives views, not copies', () => {
    const bytes = hex('00000001 6588 000001 41');
    const [first] = splitAnnexB(bytes, 'test');
    bytes[4] = 0x67;
    assert.equal(first?.[0], 0x67);
  });

  it('takes both start codes, zero bytes around and nothing between', () => {
    assert.deepEqual(texts(splitAnnexB(hex('0000 00000001 09f0 0000 000001 000001 6588 0000'), 'test')), [
      '09f0',
      '6588',
    ]);
    assert.deepEqual(splitAnnexB(hex('6588000002'), 'test'), []);
    assert.deepEqual(splitAnnexB(Buffer.alloc(0), 'test'), []);
  });

  it('reads lengths of 1, 2 and 4 bytes and skips empty units', () => {
    assert.deepEqual(texts(splitLengthPrefixed(hex('02 6588 00 01 09'), 1, 'test')), ['6588', '09']);
    assert.deepEqual(texts(splitLengthPrefixed(hex('0002 6588 0000 0001 09'), 2, 'test')), ['6588', '09']);
    assert.deepEqual(texts(splitLengthPrefixed(hex('00000002 6588'), 4, 'test')), ['6588']);
  });

  it('refuses a length past the end, or cut off', () => {
    assert.throws(() => splitLengthPrefixed(hex('00000003 6588'), 4, 'test'), refused('truncated'));
    assert.throws(() => splitLengthPrefixed(hex('ffffffff 6588'), 4, 'test'), refused('truncated'));
    assert.throws(() => splitLengthPrefixed(hex('00000001 65 000000'), 4, 'test'), refused('truncated'));
  });

  it('bounds the number of units', () => {
    const many = Buffer.alloc((maxNalUnits + 1) * 2, 1);
    assert.throws(() => splitLengthPrefixed(many, 1, 'test'), refused('too-large'));
    const codes = Buffer.concat(Array.from({ length: maxNalUnits + 1 }, () => hex('000001 09')));
    assert.throws(() => splitAnnexB(codes, 'test'), refused('too-large'));
  });
});

describe('OBUs', () => {
  it('splits what a real encoder wrote: no delimiters, no size fields', () => {
    const bytes = Buffer.from(vectors.obu.base64, 'base64');
    const obus = splitObus(bytes, 'test');
    assert.deepEqual(obus.map(readObuType), vectors.obu.types);
    for (const obu of obus) assert.equal((obu[0] ?? 0) & 0x02, 0);
    // The first temporal unit ends where the second delimiter starts.
    const second = bytes.indexOf(hex('1200'), 2);
    const units = [splitObus(bytes.subarray(0, second), 'test'), splitObus(bytes.subarray(second), 'test')];
    assert.equal((units[0]?.length ?? 0) + (units[1]?.length ?? 0), obus.length);
    const written = units.flatMap((unit) => withObuSizes(unit, true));
    assert.equal(Buffer.concat(written).toString('hex'), bytes.toString('hex'));
  });

  it('keeps the extension header', () => {
    const [obu] = splitObus(hex('36 48 02 aabb'), 'test');
    assert.equal(obu?.toString('hex'), '3448aabb');
    assert.equal(Buffer.concat(withObuSizes([obu ?? Buffer.alloc(0)])).toString('hex'), '364802aabb');
  });

  it('takes a last OBU without size, and a padded size', () => {
    assert.deepEqual(texts(splitObus(hex('0a 8100 cc 30 aabb'), 'test')), ['08cc', '30aabb']);
  });

  it('refuses sizes past the end, forbidden bits and endless leb128', () => {
    assert.throws(() => splitObus(hex('0a 05 00'), 'test'), refused('truncated'));
    assert.throws(() => splitObus(hex('0a'), 'test'), refused('truncated'));
    assert.throws(() => splitObus(hex('34'), 'test'), refused('truncated'));
    assert.throws(() => splitObus(hex('8a 00'), 'test'), refused('malformed'));
    assert.throws(() => splitObus(hex('0a 808080808080808000'), 'test'), refused('malformed'));
    assert.throws(() => splitObus(hex('0a ffffffffffffff7f'), 'test'), refused('malformed'));
    assert.throws(
      () => splitObus(Buffer.concat(Array.from({ length: 5000 }, () => hex('7a00'))), 'test'),
      refused('too-large'),
    );
  });

  it('writes the shortest leb128', () => {
    for (const value of [0, 127, 128, 16383, 16384, 2 ** 31, 2 ** 32 - 1]) {
      const bytes = Buffer.alloc(leb128Length(value));
      assert.equal(writeLeb128(bytes, 0, value), bytes.length);
      assert.equal(readLeb128(bytes, 0, 'test'), value);
    }
  });
});

describe('ADTS', () => {
  it('reads the header of a real encoder', () => {
    assert.deepEqual(readAdtsHeader(hex(vectors.adts.hex)), vectors.adts.value);
  });

  it('writes what that encoder wrote', () => {
    const { value } = vectors.adts;
    assert.equal(writeAdtsHeader(value, value.frameLength - 7).toString('hex'), vectors.adts.hex);
  });

  it('reads the length of a header with CRC', () => {
    const bytes = hex(vectors.adts.hex);
    bytes[1] = 0xf0;
    assert.equal(readAdtsHeader(bytes).headerLength, 9);
  });

  it('refuses no sync, bad rates, frames shorter than their header and too long payloads', () => {
    assert.throws(() => readAdtsHeader(hex('fffb50800c3ffc')), refused('malformed'));
    assert.throws(() => readAdtsHeader(hex('fff17c800c3ffc')), refused('malformed'));
    assert.throws(() => readAdtsHeader(hex('fff150800 0bffc')), refused('malformed'));
    assert.throws(() => readAdtsHeader(hex('fff150')), refused('truncated'));
    const lc = { objectType: 2, sampleRate: 44100, channelConfiguration: 2 };
    assert.throws(() => writeAdtsHeader(lc, 8185), refused('too-large'));
    assert.throws(() => writeAdtsHeader({ ...lc, sampleRate: 44000 }, 10), refused('unsupported'));
  });
});

describe('FLAC STREAMINFO', () => {
  const file = hex(vectors.flac.hex);

  it('reads it with signature, with block header, and bare', () => {
    for (const bytes of [file, file.subarray(4), file.subarray(8)]) {
      const { streamInfo, ...facts } = readFlacRecord(bytes);
      assert.deepEqual(facts, vectors.flac.value);
      assert.deepEqual(streamInfo, file.subarray(8));
    }
  });

  it('writes the header with STREAMINFO as the last block', () => {
    const written = writeFlacHeader(file.subarray(8));
    assert.equal(written.subarray(0, 8).toString('hex'), '664c614380000022');
    assert.deepEqual(readFlacRecord(written).streamInfo, file.subarray(8));
  });

  it('refuses another first block, no rate and cut off bytes', () => {
    assert.throws(() => readFlacRecord(hex(`664c614304000022${'00'.repeat(34)}`)), refused('malformed'));
    assert.throws(() => readFlacRecord(Buffer.alloc(34)), refused('malformed'));
    assert.throws(() => readFlacRecord(file.subarray(0, 20)), refused('truncated'));
  });
});
