import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { WireError } from '../../../../../wire/errors.ts';
import { packetizeAac } from '../../../../../wire/rtp/payload/aac-packetizer.ts';
import { readStreamMuxConfig } from '../../../../../wire/rtp/payload/latm.ts';
import { packetizeMpegAudio } from '../../../../../wire/rtp/payload/mpeg-audio.ts';
import { readMpegAudioFrame } from '../../../../../wire/rtp/payload/mpeg-audio-frame.ts';
import { packetizeBlocks } from '../../../../../wire/rtp/payload/plain.ts';
import { PayloadFeed } from '../../../../support/rtp-payloads.ts';

function bytes(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

describe('wire/rtp sounds', () => {
  it('AAC: frames of one packet are a frame apart', () => {
    const feed = new PayloadFeed('aac');
    feed.payload(bytes('0020' + '0010' + '0018' + 'aabb' + 'ccddee'), 100, true);
    assert.deepEqual(feed.units, [
      { timestamp: 100, parts: ['aabb'] },
      { timestamp: 1_124, parts: ['ccddee'] },
    ]);
  });

  it('AAC: the end of a frame alone, whatever its marker, is not a frame', () => {
    const pieces = packetizeAac(Buffer.alloc(100, 1), 54) as [Buffer, Buffer];
    const feed = new PayloadFeed('aac');
    feed.lose();
    feed.payload(pieces[1], 0, true);
    feed.payload(bytes('0010' + '0190' + '02'.repeat(50)), 1_024, true);
    feed.unit(packetizeAac(Buffer.alloc(100, 3), 54), 2_048);
    assert.deepEqual(
      feed.units.map(({ timestamp }) => timestamp),
      [1_024, 2_048],
    );
  });

  it('AAC: refuses headers and frames that are cut off', () => {
    for (const payload of ['00', '0040aabb', '0020001000ffaa']) {
      const feed = new PayloadFeed('aac');
      assert.throws(() => feed.payload(bytes(payload), 0, true), WireError);
    }
  });

  it('LATM: two frames of one element, and lengths over 254', () => {
    const feed = new PayloadFeed('latm2');
    feed.payload(bytes('02aabb' + 'ff01' + '11'.repeat(256)), 0, true);
    assert.deepEqual(feed.units, [
      { timestamp: 0, parts: ['aabb'] },
      { timestamp: 1_024, parts: ['11'.repeat(256)] },
    ]);
  });

  it('LATM: what follows a loss is left out up to the next marker', () => {
    const feed = new PayloadFeed('latm');
    feed.lose();
    feed.payload(bytes('01aa'), 0, false);
    feed.payload(bytes('01bb'), 0, true);
    feed.payload(bytes('01cc'), 1_024, true);
    assert.deepEqual(feed.units, [{ timestamp: 1_024, parts: ['cc'] }]);
    assert.deepEqual(feed.answers, [false, false, true]);
  });

  it('LATM: reads the StreamMuxConfig of one layer', () => {
    const { frames, audioConfig } = readStreamMuxConfig(bytes('400024103fc0'));
    assert.deepEqual([frames, audioConfig.toString('hex', 0, 2)], [1, '1208']); // AAC LC, 44100 Hz, mono
    for (const config of ['', '4000', 'c00024103fc0', '400224103fc0', '401024103fc0']) {
      assert.throws(() => readStreamMuxConfig(bytes(config)), WireError, config);
    }
  });

  it('MPEG audio: headers of both layers', () => {
    const facts = (header: string): unknown[] => {
      const { layer, length, samples, sampleRate, mono } = readMpegAudioFrame(bytes(header), 0);
      return [layer, length, samples, sampleRate, mono];
    };
    // ISO/IEC 11172-3 2.4.3.1: 144 times the bit rate over the sample rate, and a slot of padding
    assert.deepEqual(facts('fffb9064'), [3, 417, 1_152, 44_100, false]);
    assert.deepEqual(facts('fffb92c4'), [3, 418, 1_152, 44_100, true]);
    assert.deepEqual(facts('fffd14c4'), [2, 96, 1_152, 48_000, true]);
    assert.deepEqual(facts('fff380c4'), [3, 208, 576, 22_050, true]);
    assert.deepEqual(facts('ffe318c4'), [3, 72, 576, 8_000, true]);
    for (const header of ['fffb0064', 'fffbf064', 'fffb9c64', 'ffff9064', 'fff99064', 'ffeb9064', '00000000', 'fffb']) {
      assert.throws(() => readMpegAudioFrame(bytes(header), 0), WireError, header);
    }
  });

  it('MPEG audio: a fragment that does not fit is dropped with its frame', () => {
    const frame = Buffer.alloc(417, 5);
    bytes('fffb9064').copy(frame);
    const [first, second, third] = packetizeMpegAudio(frame, 154) as [Buffer, Buffer, Buffer];
    const feed = new PayloadFeed('mpa');
    feed.payload(first, 0, false);
    feed.payload(third, 0, false);
    feed.payload(second, 0, false);
    feed.payload(first, 1, false);
    feed.payload(second, 2, false);
    feed.unit([first, second, third], 3);
    assert.deepEqual(feed.answers, [true, false, false, true, false, true, true, true]);
    assert.deepEqual(
      feed.units.map(({ timestamp }) => timestamp),
      [3],
    );
  });

  it('ADUs: refuses interleaving, other layers and side information that is cut off', () => {
    for (const payload of ['0400fb9064', '26fffd9064' + '00'.repeat(34), '0afffb9064000000000000']) {
      assert.throws(() => new PayloadFeed('adu').payload(bytes(payload), 0, false), WireError);
    }
  });

  it('G.729: speech together, a silence descriptor behind it by itself', () => {
    const feed = new PayloadFeed('g729');
    feed.payload(bytes('11'.repeat(20) + 'aabb'), 800, false);
    feed.payload(bytes('ccdd'), 960, false);
    assert.deepEqual(feed.units, [
      { timestamp: 800, parts: ['11'.repeat(20)] },
      { timestamp: 960, parts: ['aabb'] },
      { timestamp: 960, parts: ['ccdd'] },
    ]);
    assert.throws(() => feed.payload(bytes('112233'), 0, false), WireError);
  });

  it('cuts long telephony between its blocks', () => {
    const sizes = (length: number, block: number): number[] =>
      packetizeBlocks(Buffer.alloc(length), block, 25).map((payload) => payload.length);
    assert.deepEqual([sizes(0, 1), sizes(25, 1), sizes(60, 1), sizes(60, 10)], [[], [25], [25, 25, 10], [20, 20, 20]]);
    assert.deepEqual(sizes(51, 2), [24, 24, 3]);
  });
});
