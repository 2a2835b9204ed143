import assert from 'node:assert/strict';
import { h264Codec } from '../../../../core/media/codecs/h264.ts';
import { readAvcRecord } from '../../../../wire/codec-records/avc-record.ts';
import { decoderRecord, framedParts } from '../../../../wire/codec-records/decoder-record.ts';
import { readVpRecord } from '../../../../wire/codec-records/vp-record.ts';
import { fakeH264 } from '../../../support/fake-media.ts';

const options = { fullBox: true, complete: false };

describe('decoderRecord', () => {
  it('gives a record that reads back as the descriptor it was made of', () => {
    const { sps, pps } = fakeH264();
    const codec = h264Codec(sps, pps);
    const record = readAvcRecord(decoderRecord(codec, options));
    assert.deepEqual([record.sps, record.pps], [codec.sps, codec.pps]);
    assert.deepEqual(
      [record.profile, record.compatibility, record.level],
      [codec.profile, codec.constraints, codec.level],
    );
    assert.equal(record.lengthSize, 4);
    assert.equal(record.high?.chromaFormat, 1);
  });

  it('writes VP records with and without version and flags', () => {
    const whole = decoderRecord({ name: 'vp8' }, options);
    const bare = decoderRecord({ name: 'vp8' }, { ...options, fullBox: false });
    assert.deepEqual(whole.subarray(4), bare);
    assert.equal(readVpRecord(whole).bitDepth, 8);
  });
});

describe('framedParts', () => {
  it('puts lengths before NAL units and leaves other codecs alone', () => {
    const parts = [Buffer.from([0x65, 1]), Buffer.from([0x41])];
    assert.equal(Buffer.concat(framedParts('h264', parts)).toString('hex'), '0000000265010000000141');
    assert.equal(framedParts('vp8', parts), parts);
  });
});
