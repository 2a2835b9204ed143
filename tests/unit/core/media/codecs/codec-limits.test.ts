import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { aacCodec, aacCodecFromParameters } from '../../../../../core/media/codecs/aac.ts';
import { av1Codec } from '../../../../../core/media/codecs/av1.ts';
import { BitReader } from '../../../../../core/media/codecs/bit-reader.ts';
import { CodecError, type CodecErrorCode } from '../../../../../core/media/codecs/codec-error.ts';
import { flacCodec } from '../../../../../core/media/codecs/flac.ts';
import { flv1Codec } from '../../../../../core/media/codecs/flv1.ts';
import { h264Codec } from '../../../../../core/media/codecs/h264.ts';
import { h265Codec } from '../../../../../core/media/codecs/h265.ts';
import { InBandCodec } from '../../../../../core/media/codecs/in-band-codec.ts';
import { isKeyframe } from '../../../../../core/media/codecs/keyframe.ts';
import { mp2Codec } from '../../../../../core/media/codecs/mp2.ts';
import { mp3Codec } from '../../../../../core/media/codecs/mp3.ts';
import { mpeg1Codec } from '../../../../../core/media/codecs/mpeg1.ts';
import { mpeg4Codec } from '../../../../../core/media/codecs/mpeg4.ts';
import { unescapeNal } from '../../../../../core/media/codecs/nal-unit.ts';
import { opusCodec } from '../../../../../core/media/codecs/opus.ts';
import { pcmCodec, speexCodec } from '../../../../../core/media/codecs/telephony.ts';
import { hex, hexes, videoVectors } from '../../../../vectors/codecs/vectors.ts';

function refuses(code: CodecErrorCode, run: () => unknown): void {
  assert.throws(run, (error) => error instanceof CodecError && error.code === code);
}
const high = videoVectors[0];
const main = videoVectors.find((vector) => vector.name === 'main');

describe('BitReader', () => {
  it('reads exp-Golomb codes (ISO/IEC 14496-10 tables 9-2 and 9-3)', () => {
    // 1 010 011 00100 00101 and filling
    const unsigned = new BitReader(hex('a6428000'), 'test');
    assert.deepEqual([unsigned.ue(), unsigned.ue(), unsigned.ue(), unsigned.ue(), unsigned.ue()], [0, 1, 2, 3, 4]);
    const signed = new BitReader(hex('a6428000'), 'test');
    assert.deepEqual([signed.se(), signed.se(), signed.se(), signed.se(), signed.se()], [-0, 1, -1, 2, -2]);
  });

  it('reads the longest code and refuses what is longer, larger or cut short', () => {
    assert.equal(new BitReader(hex('00000001fffffffe'), 'test').ue(), 0xffff_fffe);
    refuses('malformed', () => new BitReader(hex('000000008000000000'), 'test').ue());
    refuses('malformed', () => new BitReader(Buffer.alloc(16), 'test').ue());
    refuses('malformed', () => new BitReader(hex('60'), 'test').ue(1));
    refuses('malformed', () => new BitReader(hex('01'), 'test').ue());
  });

  it('reads across bytes and stops at the end', () => {
    const bits = new BitReader(hex('123456789a'), 'test');
    bits.skip(4);
    assert.equal(bits.bits(32), 0x23456789);
    assert.equal(bits.remaining, 4);
    refuses('malformed', () => bits.bits(5));
    refuses('malformed', () => bits.skip(5));
    assert.equal(bits.bits(4), 0xa);
  });

  it('removes emulation prevention', () => {
    assert.equal(unescapeNal(hex('67000003010000030000030000'), 1).toString('hex'), '000001000000000000');
    assert.equal(unescapeNal(hex('67'), 2).length, 0);
  });
});

describe('what descriptors refuse', () => {
  const [sps, pps] = [hexes(high?.sps), hexes(high?.pps)];

  it('H.264 without sets, with too many, or with sets of another kind', () => {
    refuses('malformed', () => h264Codec([], pps));
    refuses('malformed', () => h264Codec(sps, []));
    refuses('malformed', () => h264Codec(pps, sps));
    refuses('malformed', () => h264Codec(new Array<Buffer>(33).fill(sps[0] ?? Buffer.alloc(0)), pps));
    refuses('malformed', () => h264Codec([Buffer.alloc(70_000, 0x67)], pps));
    refuses('malformed', () => h264Codec([Buffer.alloc(0)], pps));
  });

  it('H.264 cut short before the VUI; a VUI that is cut short only loses its facts', () => {
    const whole = sps[0] ?? Buffer.alloc(0);
    refuses('malformed', () => h264Codec([whole.subarray(0, 7)], pps));
    const codec = h264Codec([whole.subarray(0, whole.length - 10)], pps);
    assert.equal(codec.width, 322);
    assert.equal(codec.frameRate, undefined);
    assert.equal(codec.bFrames, undefined);
  });

  it('H.264 reordering, unknown in Main without a VUI and excluded by picture order type 2', () => {
    // Main 3.0, 640x480: log2_max_frame_num 4, order type 0 / 2, no VUI
    const [unknown, none] = [hex('674d001ef40501ec80'), hex('674d001eda0280f640')];
    assert.equal(h264Codec([unknown], pps).bFrames, undefined);
    assert.equal(h264Codec([none], pps).bFrames, false);
    for (const set of [unknown, none]) assert.equal(h264Codec([set], pps).width, 640);
    for (const set of [unknown, none]) assert.equal(h264Codec([set], pps).height, 480);
  });

  it('H.265 of an enhancement layer, or without VPS', () => {
    const [vps, h265Sps, h265Pps] = [hexes(main?.vps), hexes(main?.sps), hexes(main?.pps)];
    refuses('malformed', () => h265Codec([], h265Sps, h265Pps));
    const layered = Buffer.from(h265Sps[0] ?? Buffer.alloc(2));
    layered[1] = 0x09;
    refuses('unsupported', () => h265Codec(vps, [layered], h265Pps));
    // Cut behind the reorder counts, the size still counts
    const cut = h265Codec(vps, [(h265Sps[0] ?? Buffer.alloc(0)).subarray(0, 29)], h265Pps);
    assert.deepEqual([cut.width, cut.frameRate], [322, undefined]);
  });

  it('AV1 that is no sequence header or lies about its size', () => {
    refuses('malformed', () => av1Codec(hex('1200')));
    refuses('malformed', () => av1Codec(hex('0a7f00')));
    refuses('malformed', () => av1Codec(hex('0affffffffffffffffff')));
    refuses('malformed', () => av1Codec(Buffer.alloc(0)));
  });

  it('AAC, MP3, Opus, FLAC, Speex and G.711 out of bounds', () => {
    refuses('malformed', () => aacCodec(hex('12')));
    refuses('malformed', () => aacCodec(hex('1690')));
    refuses('unsupported', () => aacCodec(hex('4210')));
    refuses('malformed', () => aacCodec(Buffer.alloc(2000, 0x12)));
    refuses('unsupported', () => mp3Codec(hex('fffd9064')));
    refuses('malformed', () => mp3Codec(hex('ffeb9064')));
    refuses('malformed', () => opusCodec({ channels: 6 }));
    refuses('malformed', () => opusCodec({ channels: 0 }));
    refuses('malformed', () => flacCodec(Buffer.alloc(34)));
    refuses('malformed', () => speexCodec({ sampleRate: 44100 }));
    refuses('malformed', () => pcmCodec('pcmu', { channels: 0 }));
  });

  it('MPEG-1 and MPEG-4 without headers, without a size, or of a kind that is not decoded', () => {
    refuses('malformed', () => mpeg1Codec(hex('00000100000ffff8')));
    refuses('malformed', () => mpeg1Codec(hex('000001b314')));
    refuses('malformed', () => mpeg1Codec(hex('000001b30000b413ffffe018')));
    refuses('malformed', () => mpeg1Codec(hex('000001b31420b41fffffe018'))); // picture_rate 15
    refuses('malformed', () => mpeg4Codec(hex('000001b001000001b58913')));
    refuses('malformed', () => mpeg4Codec(hex('0000012000c48d88')));
    refuses('malformed', () => mpeg4Codec(Buffer.alloc(5_000)));
    // video_object_layer_shape 1, binary
    refuses('unsupported', () => mpeg4Codec(hex('0000012000c48d9800cd0a14169443')));
    refuses('unsupported', () => mp2Codec(hex('fffb9064')));
    refuses('malformed', () => mp2Codec(hex('ffe518c4'))); // MPEG-2.5 has no layer II
  });

  it('MPEG-4 keeps its headers while pictures come without them', () => {
    const vector = videoVectors.find(({ name }) => name === 'mpeg4');
    const [key, other] = hexes(vector?.frames) as [Buffer, Buffer];
    const inBand = new InBandCodec('mpeg4');
    assert.equal(inBand.update([other]), undefined);
    const codec = inBand.update([key]);
    assert.equal(codec?.width, 322);
    assert.equal(inBand.update([other]), codec);
    assert.equal(inBand.update([key]), codec);
  });

  it('gives the rates that telephony means', () => {
    assert.equal(pcmCodec('g722').sampleRate, 16000);
    assert.equal(pcmCodec('pcma').sampleRate, 8000);
    assert.equal(speexCodec({ sampleRate: 16000 }).channels, 1);
    assert.equal(opusCodec({ channels: 2 }).preSkip, 312);
  });
});

describe('aacCodecFromParameters', () => {
  it('writes the usual configurations', () => {
    assert.equal(aacCodecFromParameters({ sampleRate: 44100, channels: 2 }).config.toString('hex'), '1210');
    assert.equal(aacCodecFromParameters({ sampleRate: 48000, channels: 8 }).config.toString('hex'), '11b8');
    const he = aacCodecFromParameters({ objectType: 5, sampleRate: 44100, channels: 2 });
    assert.equal(he.config.toString('hex'), '2b920800');
    const heV2 = aacCodecFromParameters({ objectType: 29, sampleRate: 44100, channels: 2 });
    assert.equal(heV2.config.toString('hex'), 'eb8a0800');
  });

  it('says back what it was given, odd rates too', () => {
    for (const objectType of [1, 2, 4, 5, 17, 19, 23, 29]) {
      for (const sampleRate of [48000, 44100, 16000, 12345 * 2]) {
        const codec = aacCodecFromParameters({ objectType, sampleRate, channels: 2 });
        assert.deepEqual([codec.objectType, codec.sampleRate, codec.channels], [objectType, sampleRate, 2]);
      }
    }
    refuses('unsupported', () => aacCodecFromParameters({ sampleRate: 48000, channels: 7 }));
    refuses('unsupported', () => aacCodecFromParameters({ objectType: 42, sampleRate: 48000, channels: 2 }));
  });
});

describe('The picture header of Sorenson H.263', () => {
  /** Start code of 17 bits, version 1, temporal reference 0, size, custom width and height, type, then filling. */
  const picture = (size: string, type: string): Buffer => {
    const bits = `00000000000000001${'00001'}${'00000000'}${size}${type}`.padEnd(96, '0');
    return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  };
  const custom8 = `000${'10100000'}${'01111000'}`;
  const custom16 = `001${'0000001010000000'}${'0000000101101000'}`;

  it('tells sizes of its own and those of the table', () => {
    const sizes = [custom8, custom16, '010', '011', '100', '101', '110'].map((size) => {
      const { width, height } = flv1Codec(picture(size, '00'));
      return `${width}x${height}`;
    });
    assert.deepEqual(sizes, ['160x120', '640x360', '352x288', '176x144', '128x96', '320x240', '160x120']);
  });

  it('tells intra pictures from the others, whatever the size', () => {
    for (const size of [custom8, custom16, '101']) {
      const keyframes = ['00', '01', '10'].map((type) => isKeyframe('flv1', [picture(size, type)]));
      assert.deepEqual(keyframes, [true, false, false]);
    }
    assert.equal(isKeyframe('flv1', [hex('01020304')]), false);
    assert.equal(isKeyframe('flv1', [picture(custom16, '00').subarray(0, 8)]), false);
  });

  it('refuses what is none, the reserved size and no size', () => {
    refuses('malformed', () => flv1Codec(hex('0102030405')));
    refuses('malformed', () => flv1Codec(hex('0000840000')));
    refuses('malformed', () => flv1Codec(picture('111', '00')));
    refuses('malformed', () => flv1Codec(picture(`000${'0'.repeat(16)}`, '00')));
  });
});
