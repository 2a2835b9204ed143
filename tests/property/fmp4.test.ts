import { deepEqual, equal } from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { readFragments, sampleBytes } from '../../wire/fmp4/fragment-reader.ts';
import { type FragmentTrack, mediaFragment } from '../../wire/fmp4/fragment-writer.ts';
import { readInitSegment } from '../../wire/fmp4/init-reader.ts';
import { initSegment } from '../../wire/fmp4/init-writer.ts';
import type { Fmp4Track, FragmentSample } from '../../wire/fmp4/track.ts';

const bytes = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength }).map((value) => Buffer.from(value));
const size = fc.integer({ min: 1, max: 0xffff });
const code = fc.integer({ min: 0, max: 0xffff });
const language = fc.stringMatching(/^[a-z]{3}$/);
/** deepEqual tells records without a prototype from ours. */
const plain = { noNullPrototype: true };
const shared = { timescale: fc.integer({ min: 1, max: 0xffff_ffff }), config: bytes(1, 300), language };

const videoTrack = fc.record({
  kind: fc.constant('video' as const),
  codec: fc.constantFrom('avc1', 'hvc1', 'vp08', 'vp09', 'av01' as const),
  ...shared,
  width: size,
  height: size,
  colour: fc.record({ primaries: code, transfer: code, matrix: code, fullRange: fc.boolean() }, plain),
  pixelAspect: fc.record({ horizontal: size, vertical: size }, plain),
});
const audioTrack = fc
  .record({
    kind: fc.constant('audio' as const),
    codec: fc.constantFrom('mp4a.40', 'mp4a.6B', 'Opus', 'fLaC' as const),
    ...shared,
    channels: fc.integer({ min: 1, max: 255 }),
    sampleRate: size,
    bitrate: fc.integer({ min: 0, max: 0xffff_ffff }),
  })
  .map((track) => {
    if (track.codec === 'Opus') return { ...track, sampleRate: 48000, bitrate: 0 };
    return track.codec === 'fLaC' ? { ...track, bitrate: 0 } : track;
  });
const tracks = fc
  .array(fc.oneof(videoTrack, audioTrack), { minLength: 1, maxLength: 4 })
  .map((list) => list.map((track, index): Fmp4Track => ({ ...track, trackId: index + 1 })));

/** Few values, so that runs where all samples are alike come up often. */
const sample = (negative: boolean): fc.Arbitrary<FragmentSample> =>
  fc
    .record({
      duration: fc.constantFrom(1, 3000, 0xffff_ffff),
      compositionOffset: fc.constantFrom(0, 0, 3000, negative ? -3000 : 6000),
      keyframe: fc.boolean(),
      parts: fc.array(bytes(0, 5), { maxLength: 3 }),
    })
    .map((one) => ({ ...one, size: one.parts.reduce((sum, part) => sum + part.length, 0) }));
const run = fc.boolean().chain((negative) => fc.array(sample(negative), { minLength: 1, maxLength: 6 }));
const fragmentTracks = fc
  .array(fc.record({ baseDecodeTime: fc.nat({ max: 2 ** 52 }), samples: run }), { minLength: 1, maxLength: 3 })
  .map((list) => list.map((track, index): FragmentTrack => ({ ...track, trackId: index + 1 })));

describe('property: fMP4', () => {
  it('an init segment that was written reads as it was', () => {
    fc.assert(
      fc.property(tracks, (list) => {
        const read = readInitSegment(initSegment(list)).tracks;
        equal(read.length, list.length);
        for (const [index, track] of list.entries()) {
          const { editStart, defaults, fourcc, ...rest } = read[index] as (typeof read)[number];
          deepEqual([editStart, defaults], [0, { duration: 0, size: 0, flags: 0 }]);
          equal(fourcc, track.codec.slice(0, 4));
          const blank = { width: 0, height: 0, channels: 0, sampleRate: 0, bitrate: 0 };
          deepEqual(rest, { ...blank, colour: undefined, pixelAspect: undefined, ...track });
        }
      }),
    );
  });

  it('fragments that were written read as they were', () => {
    fc.assert(
      fc.property(fc.nat(), fragmentTracks, fc.boolean(), (sequence, list, segmentType) => {
        const file = Buffer.concat(mediaFragment({ sequence, tracks: list, segmentType }));
        const [fragment, ...none] = readFragments(file);
        deepEqual([none, fragment?.sequence, fragment?.tracks.length], [[], sequence, list.length]);
        for (const [index, track] of list.entries()) {
          const read = fragment?.tracks[index];
          deepEqual([read?.trackId, read?.baseDecodeTime], [track.trackId, track.baseDecodeTime]);
          deepEqual(
            read?.samples.map((one) => [one.duration, one.cts - one.dts, one.keyframe, sampleBytes(file, one)]),
            track.samples.map((one) => [one.duration, one.compositionOffset, one.keyframe, Buffer.concat(one.parts)]),
          );
        }
      }),
    );
  });
});
