import { deepEqual, equal, ok } from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { opusConfigRecord } from '../../../../wire/fmp4/codec-config.ts';
import { readFragments } from '../../../../wire/fmp4/fragment-reader.ts';
import { mediaFragment } from '../../../../wire/fmp4/fragment-writer.ts';
import { type InitTrack, readInitSegment } from '../../../../wire/fmp4/init-reader.ts';
import files from '../../../vectors/fmp4/ffmpeg.json' with { type: 'json' };
import fragments from '../../../vectors/fmp4/fragments.json' with { type: 'json' };

/** What ffprobe calls extradata: for some codecs not the whole record. */
function extradataOf(track: InitTrack): string {
  switch (track.codec) {
    case 'av01':
    case 'fLaC':
      return track.config.subarray(4).toString('hex');
    case 'vp09':
      return '';
    case 'Opus': {
      const ogg = Buffer.concat([Buffer.from('OpusHead'), track.config]);
      ogg[8] = 1;
      ogg.subarray(10, 12).swap16();
      ogg.subarray(12, 16).swap32();
      return ogg.toString('hex');
    }
    default:
      return track.config.toString('hex');
  }
}

describe('fMP4 as ffmpeg writes it', () => {
  for (const file of files) {
    const bytes = Buffer.from(file.bytes, 'base64');

    it(`${file.name}: tracks`, () => {
      const { tracks } = readInitSegment(bytes);
      deepEqual(
        tracks.map((track) => ({
          trackId: track.trackId,
          fourcc: track.fourcc,
          timescale: track.timescale,
          width: track.width,
          height: track.height,
          // An mp4a or Opus entry of ffmpeg says two channels whatever the stream has: the configuration decides.
          sampleRate: track.sampleRate,
          extradata: extradataOf(track),
        })),
        file.tracks.map(({ channels: _, ...track }) => track),
      );
      for (const track of tracks) ok(track.codec !== undefined);
    });

    it(`${file.name}: samples`, () => {
      const init = readInitSegment(bytes);
      const read = readFragments(bytes, init).flatMap((fragment) =>
        fragment.tracks.flatMap((track) => track.samples.map((sample) => ({ trackId: track.trackId, ...sample }))),
      );
      const packets = file.packets as [number, number, number, number, number, number, boolean][];
      read.sort((one, other) => one.offset - other.offset);
      deepEqual(
        read.map((sample) => [sample.trackId, sample.offset, sample.size, sample.dts, sample.keyframe]),
        packets.map(([trackId, offset, size, dts, , , keyframe]) => [trackId, offset, size, dts, keyframe]),
      );
      for (const { trackId } of init.tracks) {
        // ffprobe moves all pts by one constant when an offset is negative.
        const shown = packets.filter((packet) => packet[0] === trackId).map((packet) => packet[4]);
        const ours = read.filter((sample) => sample.trackId === trackId).map((sample) => sample.cts);
        deepEqual(
          ours.map((cts) => cts - (ours[0] ?? 0)),
          shown.map((pts) => pts - (shown[0] ?? 0)),
        );
      }
    });
  }
});

describe('fMP4 fragments byte for byte', () => {
  for (const vector of fragments) {
    const tracks = vector.fragment.tracks.map((track) => ({
      ...track,
      samples: track.samples.map((sample) => ({ ...sample, parts: [Buffer.alloc(sample.size, 0x55)] })),
    }));

    it(`writes ${vector.name}`, () => {
      const written = mediaFragment({ sequence: vector.fragment.sequence, tracks });
      equal(written[0]?.toString('hex'), vector.hex);
      const parts = tracks.flatMap((track) => track.samples.flatMap((sample) => sample.parts));
      equal(written.length, 1 + parts.length);
      for (const [index, part] of parts.entries()) equal(written[index + 1], part, 'the very buffer, no copy');
    });

    it(`reads ${vector.name}`, () => {
      const head = Buffer.from(vector.hex, 'hex');
      const payload = tracks.flatMap((track) => track.samples.flatMap((sample) => sample.parts));
      const read = readFragments(Buffer.concat([head, ...payload]));
      equal(read.length, 1);
      equal(read[0]?.sequence, vector.fragment.sequence);
      let offset = head.length;
      for (const [index, track] of vector.fragment.tracks.entries()) {
        let dts = track.baseDecodeTime;
        const samples = track.samples.map(({ duration, size, compositionOffset, keyframe }) => {
          const sample = { offset, size, duration, dts, cts: dts + compositionOffset, keyframe };
          offset += size;
          dts += duration;
          return sample;
        });
        deepEqual(read[0]?.tracks[index], { trackId: track.trackId, baseDecodeTime: track.baseDecodeTime, samples });
      }
    });
  }
});

describe('fMP4 codec records', () => {
  it('Opus: the record that ffmpeg wrote', () => {
    const file = files.find(({ name }) => name === 'Opus');
    const track = readInitSegment(Buffer.from(file?.bytes ?? '', 'base64')).tracks[0];
    const preSkip = track?.config.readUInt16BE(2) ?? 0;
    deepEqual(opusConfigRecord({ channels: 1, preSkip, inputSampleRate: 48000 }), track?.config);
  });
});
