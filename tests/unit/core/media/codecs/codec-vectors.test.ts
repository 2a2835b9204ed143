import assert from 'node:assert/strict';
import type { CodecDescriptor } from '../../../../../core/media/codecs/codec-descriptor.ts';
import { describeCodec } from '../../../../../core/media/codecs/describe-codec.ts';
import { isKeyframe } from '../../../../../core/media/codecs/keyframe.ts';
import { sameCodec } from '../../../../../core/media/codecs/same-codec.ts';
import {
  audioCodecOf,
  audioVectors,
  hexes,
  partsOf,
  videoCodecOf,
  videoVectors,
} from '../../../../vectors/codecs/vectors.ts';

function assertFields(codec: CodecDescriptor, expected: Readonly<Record<string, unknown>>): void {
  const fields = new Map<string, unknown>(Object.entries(codec));
  for (const [name, value] of Object.entries(expected)) {
    if (name === 'frameRate' && Array.isArray(value)) {
      assert.equal(fields.get(name), Number(value[0]) / Number(value[1]), name);
    } else {
      assert.equal(fields.get(name), value, name);
    }
  }
}

describe('codec descriptors of real encoders', () => {
  for (const vector of videoVectors) {
    it(`reads ${vector.codec} (${vector.name})`, () => {
      const codec = videoCodecOf(vector);
      assertFields(codec, vector.expect);
      assert.equal(describeCodec(codec), vector.text);
      assert.ok(sameCodec(codec, videoCodecOf(vector)));
      assert.ok(Object.isFrozen(codec));
    });
    it(`knows keyframes of ${vector.codec} (${vector.name})`, () => {
      if (vector.frames !== undefined) {
        assert.equal(isKeyframe(vector.codec, partsOf(vector, 0)), true);
        assert.equal(isKeyframe(vector.codec, partsOf(vector, 1)), false);
      } else {
        const slices = hexes(vector.idr === undefined ? ['2801'] : [vector.idr]);
        assert.equal(isKeyframe(vector.codec, [...hexes(vector.sps), ...slices]), true);
        assert.equal(isKeyframe(vector.codec, hexes(['4101', '0201'])), false);
        assert.equal(isKeyframe(vector.codec, []), false);
      }
    });
  }

  for (const vector of audioVectors) {
    it(`reads ${vector.codec} ${vector.bytes.slice(0, 16)} (${vector.origin})`, () => {
      const codec = audioCodecOf(vector);
      assertFields(codec, vector.expect);
      assert.equal(describeCodec(codec), vector.text);
      assert.ok(sameCodec(codec, audioCodecOf(vector)));
      assert.ok(isKeyframe(vector.codec, []));
    });
  }

  it('tells all vectors apart', () => {
    const all = [...videoVectors.map((vector) => videoCodecOf(vector)), ...audioVectors.map((v) => audioCodecOf(v))];
    for (const [i, a] of all.entries()) {
      for (const [j, b] of all.entries()) if (i !== j) assert.equal(sameCodec(a, b), false, `${i} and ${j}`);
    }
  });
});
