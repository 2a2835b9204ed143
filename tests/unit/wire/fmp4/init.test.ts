import { deepEqual, equal, throws } from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { findBox, readBoxes } from '../../../../wire/fmp4/box-reader.ts';
import { vpConfigRecord } from '../../../../wire/fmp4/codec-config.ts';
import { readInitSegment } from '../../../../wire/fmp4/init-reader.ts';
import { initSegment } from '../../../../wire/fmp4/init-writer.ts';
import type { Fmp4AudioTrack, Fmp4VideoTrack } from '../../../../wire/fmp4/track.ts';

const video: Fmp4VideoTrack = {
  kind: 'video',
  codec: 'avc1',
  trackId: 1,
  timescale: 90000,
  config: Buffer.from('0142c01effe1000467', 'hex'),
  width: 1280,
  height: 720,
};
const audio: Fmp4AudioTrack = {
  kind: 'audio',
  codec: 'mp4a.40',
  trackId: 2,
  timescale: 48000,
  config: Buffer.from('1190', 'hex'),
  channels: 2,
  sampleRate: 48000,
  bitrate: 128_000,
};

describe('fMP4 init segments', () => {
  it('carry the CMAF brand for one track, and not for two', () => {
    equal(readInitSegment(initSegment([video])).brands.includes('cmfc'), true);
    equal(readInitSegment(initSegment([video, audio])).brands.includes('cmfc'), false);
  });

  it('say the shape of the picture', () => {
    const shaped = {
      ...video,
      pixelAspect: { horizontal: 4, vertical: 3 },
      colour: { primaries: 1, transfer: 13, matrix: 6, fullRange: true },
    };
    const bytes = initSegment([shaped]);
    const track = readInitSegment(bytes).tracks[0];
    deepEqual([track?.pixelAspect, track?.colour], [shaped.pixelAspect, shaped.colour]);
    const moov = findBox(readBoxes(bytes), 'moov');
    const tkhd = findBox(findBox(moov?.children ?? [], 'trak')?.children ?? [], 'tkhd');
    // ISO/IEC 14496-12 8.3.2: the last eight bytes are the size on the screen, in 16.16.
    equal(tkhd?.body.readUInt32BE(76), Math.round((1280 * 4 * 65536) / 3));
    equal(tkhd?.body.readUInt32BE(80), 720 * 65536);
  });

  it('write the esds of AAC as the specification lays it out', () => {
    // ISO/IEC 14496-1 7.2.6.5: tags 3, 4, 5 and 6 inside one another.
    const descriptors = [
      '03 80808022 0000 00',
      '04 80808014 40 15 000000 0001f400 0001f400',
      '05 80808002 1190',
      '06 80808001 02',
    ];
    const body = descriptors.join('').replaceAll(' ', '');
    const bytes = initSegment([audio]);
    equal(bytes.includes(Buffer.from(`0000003365736473 00000000${body}`.replaceAll(' ', ''), 'hex')), true);
  });

  it('write no DecoderSpecificInfo for MP3', () => {
    const track = readInitSegment(initSegment([{ ...audio, codec: 'mp4a.6B', config: Buffer.alloc(0) }])).tracks[0];
    deepEqual([track?.codec, track?.config.length, track?.bitrate], ['mp4a.6B', 0, 128_000]);
  });

  it('leave out a sample rate that the entry cannot hold', () => {
    equal(readInitSegment(initSegment([{ ...audio, sampleRate: 96000 }])).tracks[0]?.sampleRate, 0);
  });

  it('write vpcC as a full box of version 1', () => {
    const config = vpConfigRecord({ profile: 0, level: 31, bitDepth: 8, chromaSubsampling: 1 });
    equal(config.toString('hex'), '001f820202020000');
    const bytes = initSegment([{ ...video, codec: 'vp09', config }]);
    equal(bytes.includes(Buffer.from('0000001476706343 01000000 001f820202020000'.replaceAll(' ', ''), 'hex')), true);
  });

  it('refuse what no track can be', () => {
    for (const tracks of [
      [],
      [{ ...video, trackId: 0 }],
      [video, { ...audio, trackId: 1 }],
      [{ ...video, width: 70000 }],
      [{ ...video, language: 'English' }],
      [{ ...video, timescale: 0 }],
    ]) {
      throws(() => initSegment(tracks), { name: 'WireError' });
    }
  });
});
