import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { CodecError } from '../../../../../core/media/codecs/codec-error.ts';
import { InBandCodec } from '../../../../../core/media/codecs/in-band-codec.ts';
import { hasRecoveryPoint } from '../../../../../core/media/codecs/keyframe.ts';
import { hex, hexes, partsOf, videoCodecOf, videoVectors } from '../../../../vectors/codecs/vectors.ts';

function vectorNamed(name: string) {
  const vector = videoVectors.find((candidate) => candidate.name === name);
  assert.ok(vector);
  return vector;
}
const high = vectorNamed('high');
const interlaced = vectorNamed('inter');
const slice = hex('4188');

describe('InBandCodec', () => {
  it('is undefined until SPS and PPS are there, in one unit or in several', () => {
    const codec = new InBandCodec('h264');
    assert.equal(codec.update([slice]), undefined);
    assert.equal(codec.update(hexes(high.sps)), undefined);
    const complete = codec.update(hexes(high.pps));
    assert.equal(complete?.width, 322);
    assert.equal(codec.update([slice]), complete);
  });

  it('keeps the object while the same sets come again, and replaces it when they change', () => {
    const codec = new InBandCodec('h264');
    const first = codec.update([...hexes(high.sps), ...hexes(high.pps), slice]);
    assert.equal(codec.update([...hexes(high.sps), ...hexes(high.pps), slice]), first);
    const second = codec.update([...hexes(interlaced.sps), ...hexes(interlaced.pps), slice]);
    assert.notEqual(second, first);
    assert.equal(second?.height, 576);
    assert.equal(second?.name === 'h264' ? second.pps.length : 0, 1);
  });

  it('starts from what was told out of band', () => {
    const told = videoCodecOf(high);
    assert.ok(told.name === 'h264');
    const codec = new InBandCodec('h264', told);
    assert.equal(codec.update([slice]), told);
    assert.equal(codec.update(hexes(high.sps)), told);
  });

  it('takes the SPS that the newest PPS refers to', () => {
    const codec = new InBandCodec('h264');
    codec.update([...hexes(high.sps), ...hexes(high.pps)]);
    // SPS 1, Main 3.0, 320x240; then PPS 0 that refers to it
    assert.equal(codec.update([hex('674d001e568141f9')])?.width, 322);
    const switched = codec.update([hex('68a8')]);
    assert.ok(switched?.name === 'h264');
    assert.deepEqual([switched.width, switched.height, switched.sps.length], [320, 240, 2]);
  });

  it('throws for a set that does not parse, and keeps what it had', () => {
    const codec = new InBandCodec('h264');
    codec.update([...hexes(high.sps), ...hexes(high.pps)]);
    assert.throws(() => codec.update([hex('6742c00d5f')]), CodecError);
    assert.equal(codec.current?.width, 322);
  });

  it('joins VPS, SPS and PPS', () => {
    const vector = vectorNamed('main');
    const codec = new InBandCodec('h265');
    assert.equal(codec.update(hexes(vector.sps)), undefined);
    assert.equal(codec.update(hexes(vector.pps)), undefined);
    assert.equal(codec.update(hexes(vector.vps))?.codecString, 'hvc1.1.6.L60.90');
  });

  for (const name of ['vp8', 'vp9', 'av1'] as const) {
    it(`reads ${name} from key frames`, () => {
      const vector = vectorNamed(name);
      const codec = new InBandCodec(name);
      assert.equal(codec.update(partsOf(vector, 1)), undefined);
      const first = codec.update(partsOf(vector, 0));
      assert.equal(first?.width, 322);
      assert.equal(codec.update(partsOf(vector, 0)), first);
      assert.equal(codec.update(partsOf(vector, 1)), first);
    });
  }

  it('finds recovery points behind other SEI messages', () => {
    assert.equal(hasRecoveryPoint([hex('0601020000060184 80'.replace(' ', ''))]), true);
    assert.equal(hasRecoveryPoint([hex('060102000080')]), false);
    assert.equal(hasRecoveryPoint([Buffer.from([6, 255, 255])]), false);
  });
});
