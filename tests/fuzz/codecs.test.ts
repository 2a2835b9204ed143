import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { aacCodec } from '../../core/media/codecs/aac.ts';
import { av1Codec } from '../../core/media/codecs/av1.ts';
import type { CodecDescriptor, VideoCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import { CodecError } from '../../core/media/codecs/codec-error.ts';
import { describeCodec } from '../../core/media/codecs/describe-codec.ts';
import { flacCodec } from '../../core/media/codecs/flac.ts';
import { parseH264Pps, parseH264Sps } from '../../core/media/codecs/h264-sps.ts';
import { parseH265Pps, parseH265Sps, parseH265Vps } from '../../core/media/codecs/h265-sps.ts';
import { InBandCodec } from '../../core/media/codecs/in-band-codec.ts';
import { hasRecoveryPoint, isKeyframe } from '../../core/media/codecs/keyframe.ts';
import { mp2Codec } from '../../core/media/codecs/mp2.ts';
import { mp3Codec } from '../../core/media/codecs/mp3.ts';
import { mpeg1Codec } from '../../core/media/codecs/mpeg1.ts';
import { mpeg4Codec } from '../../core/media/codecs/mpeg4.ts';
import { opusCodec } from '../../core/media/codecs/opus.ts';
import { vp8Codec } from '../../core/media/codecs/vp8.ts';
import { vp9Codec } from '../../core/media/codecs/vp9.ts';
import { audioVectors, hex, hexes, videoVectors } from '../vectors/codecs/vectors.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260801);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 1500);
const settings = { seed, numRuns };

/** Runs a reader; anything but a CodecError escapes and fails. */
function tolerate(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
  }
}

/** Every reader of the folder, on one buffer. */
function readAll(bytes: Buffer): void {
  const readers: readonly ((bytes: Buffer) => CodecDescriptor | object)[] = [
    parseH264Sps,
    parseH264Pps,
    parseH265Sps,
    parseH265Pps,
    parseH265Vps,
    vp8Codec,
    vp9Codec,
    av1Codec,
    aacCodec,
    mp3Codec,
    mp2Codec,
    mpeg1Codec,
    mpeg4Codec,
    flacCodec,
    (head) => opusCodec({ channels: 2, head }),
  ];
  for (const reader of readers) {
    tolerate(() => {
      const read = reader(bytes);
      if ('kind' in read) {
        assert.ok(describeCodec(read).length < 100);
        assert.ok(read.codecString.length < 60);
        if (read.kind === 'audio') assert.ok(read.sampleRate > 0 && read.channels > 0);
      }
      if ('width' in read) assert.ok(read.width > 0 && read.height > 0);
    });
  }
}

const seeds = [
  ...videoVectors.flatMap((vector) => [vector.vps, vector.sps, vector.pps, vector.frames].flatMap((all) => hexes(all))),
  ...audioVectors.map((vector) => hex(vector.bytes)),
];

/** Valid bytes with some of them changed, cut or lengthened. */
const mutated = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
    fc.nat(220),
    fc.uint8Array({ maxLength: 8 }),
  )
  .map(([bytes, changes, length, tail]) => {
    const copy = Buffer.concat([bytes.subarray(0, length), tail]);
    for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
    return copy;
  });
const noise = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const names: readonly VideoCodecName[] = ['h264', 'h265', 'vp8', 'vp9', 'av1', 'flv1', 'mpeg1', 'mpeg4'];

describe(`codec readers under fuzz (FUZZ_SEED=${seed})`, () => {
  it('throw nothing but CodecError on noise', () => {
    fc.assert(fc.property(noise, readAll), settings);
  });

  it('throw nothing but CodecError on mutated parameter sets', () => {
    fc.assert(fc.property(mutated, readAll), settings);
  });

  it('never throw from the keyframe tests', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(mutated, noise), { maxLength: 5 }), (parts) => {
        for (const name of names) isKeyframe(name, parts);
        hasRecoveryPoint(parts);
      }),
      settings,
    );
  });

  it('follow units of any kind, and end within the bounds on parameter sets', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(fc.array(mutated, { maxLength: 4 }), { maxLength: 8 }),
        (name, units) => {
          const codec = new InBandCodec(name);
          for (const parts of units) tolerate(() => codec.update(parts));
          const { current } = codec;
          if (current?.name === 'h264') assert.ok(current.sps.length <= 32 && current.pps.length <= 256);
        },
      ),
      settings,
    );
  });
});
