import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { readAudioSpecificConfig } from '../../../../wire/codec-records/audio-specific-config.ts';
import { readAvcRecord } from '../../../../wire/codec-records/avc-record.ts';
import { splitLengthPrefixed } from '../../../../wire/codec-records/nal.ts';
import { WireError, type WireErrorCode } from '../../../../wire/errors.ts';
import {
  FlvFileReader,
  type FlvTag,
  flvFileHeader,
  flvTagEnd,
  flvTagHeader,
  flvTagType,
  maxFlvTag,
} from '../../../../wire/flv/file.ts';
import { readAudioTag, readVideoTag, writeAudioTag, writeVideoTag } from '../../../../wire/flv/tag.ts';
import vectors from '../../../vectors/flv/files.json' with { type: 'json' };

function refused(code: WireErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof WireError && error.code === code;
}

function readAll(bytes: Buffer, step: number): FlvTag[] {
  const reader = new FlvFileReader();
  const tags: FlvTag[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    reader.push(Buffer.from(bytes.subarray(at, at + step)));
    for (let tag = reader.next(); tag !== undefined; tag = reader.next()) tags.push(tag);
  }
  return tags;
}

describe('FLV files', () => {
  for (const vector of vectors) {
    const bytes = Buffer.from(vector.base64, 'base64');

    for (const step of [1, 7, 1500, 1_000_000]) {
      it(`${vector.name}: reads every tag, ${step} bytes at a time`, () => {
        const tags = readAll(bytes, step);
        assert.deepEqual(
          tags.map((tag) => [tag.type, tag.timestamp, tag.body.length]),
          vector.tags,
        );
      });
    }

    it(`${vector.name}: is written again byte by byte`, () => {
      const pieces: Buffer[] = [bytes.subarray(0, 13)];
      for (const tag of readAll(bytes, bytes.length)) {
        let body = tag.body;
        if (tag.type === flvTagType.video) body = writeVideoTag(readVideoTag(body));
        if (tag.type === flvTagType.audio) body = writeAudioTag(readAudioTag(body));
        pieces.push(flvTagHeader(tag.type, tag.timestamp, body.length), body, flvTagEnd(body.length));
      }
      assert.equal(Buffer.concat(pieces).toString('hex'), bytes.toString('hex'));
    });
  }

  it('holds frames that the configuration records explain', () => {
    const [vector] = vectors;
    assert.ok(vector);
    let lengthSize: 1 | 2 | 4 = 4;
    let units = 0;
    const compositions: number[] = [];
    for (const tag of readAll(Buffer.from(vector.base64, 'base64'), 100)) {
      if (tag.type === flvTagType.audio) {
        const audio = readAudioTag(tag.body);
        if (audio.kind === 'config') assert.equal(readAudioSpecificConfig(audio.payload).sampleRate, 44100);
      }
      if (tag.type !== flvTagType.video) continue;
      const video = readVideoTag(tag.body);
      if (video.kind === 'config') {
        const record = readAvcRecord(video.payload);
        lengthSize = record.lengthSize;
        assert.equal(record.profile, 100);
      }
      if (video.kind === 'frame') {
        units += splitLengthPrefixed(video.payload, lengthSize, 'flv').length;
        compositions.push(video.compositionTime);
      }
    }
    assert.ok(units >= 5);
    assert.deepEqual(compositions, [200, 400, 100, 100, 200]);
  });

  it('writes the header and timestamps over 24 bits', () => {
    assert.equal(flvFileHeader({ audio: true, video: true }).toString('hex'), '464c5601050000000900000000');
    assert.equal(flvTagHeader(9, 0x12345678, 5).toString('hex'), '0900000534567812000000');
    assert.equal(flvTagHeader(8, 2 ** 32 + 1, 0).readUIntBE(4, 3), 1);
    assert.equal(flvTagEnd(5).toString('hex'), '00000010');
  });

  it('reads the header, longer ones too, and large timestamps', () => {
    const reader = new FlvFileReader();
    reader.push(Buffer.from('464c5601010000000b' + 'ffff' + '00000000', 'hex'));
    reader.push(Buffer.concat([flvTagHeader(9, 0xfedcba98, 1), Buffer.from([0x17])]));
    const tag = reader.next();
    assert.deepEqual(reader.header, { audio: false, video: true });
    assert.equal(tag?.timestamp, 0xfedcba98);
    assert.equal(reader.next(), undefined);
  });

  it('refuses what is not FLV, encrypted, too large or out of step', () => {
    const read = (hex: string) => () => {
      const reader = new FlvFileReader();
      reader.push(Buffer.from(hex, 'hex'));
      reader.next();
    };
    const start = flvFileHeader({ audio: true, video: true }).toString('hex');
    assert.throws(read('4d5034000000000000'), refused('malformed'));
    assert.throws(read('464c560105ffffffff'), refused('malformed'));
    assert.throws(read('464c56010500000008'), refused('malformed'));
    assert.throws(read(`${start}2900000100000000000000`), refused('unsupported'));
    assert.throws(read(`${start}07000001000000000000`.padEnd(60, '0')), refused('malformed'));
    assert.throws(read(start + flvTagHeader(9, 0, maxFlvTag + 1).toString('hex')), refused('too-large'));
  });
});
