import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import type { ExAudioCodec, ExVideoCodec } from '../../wire/flv/codes.ts';
import { FlvFileReader, type FlvTagType, flvFileHeader, flvTagEnd, flvTagHeader } from '../../wire/flv/file.ts';
import {
  audioFrameHeader,
  type FlvAudio,
  type FlvAudioPacket,
  type FlvVideo,
  type FlvVideoPacket,
  readAudioTag,
  readVideoTag,
  videoFrameHeader,
  writeAudioTag,
  writeVideoTag,
} from '../../wire/flv/tag.ts';

const payload = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
const composition = fc.integer({ min: -(2 ** 23), max: 2 ** 23 - 1 });
const exVideoCodec = fc.constantFrom<ExVideoCodec>('h264', 'h265', 'av1', 'vp8', 'vp9');
const exAudioCodec = fc.constantFrom<ExAudioCodec>('aac', 'opus', 'flac', 'ac3', 'eac3', 'mp3');
const nano = fc.integer({ min: 0, max: 999_999 });
const layout = fc.constantFrom('one-track', 'many-tracks', 'many-codecs' as const);

function exVideo(codec: ExVideoCodec, track: number, nanoOffset: number, keyframe: boolean) {
  const head = { codec, enhanced: true as const, track, nanoOffset };
  const timed = codec === 'h264' || codec === 'h265';
  return {
    frame: fc
      .record({ compositionTime: timed ? composition : fc.constant(0), payload })
      .map((rest): FlvVideoPacket => ({ kind: 'frame', ...head, keyframe, disposable: false, ...rest })),
    config: fc
      .record({ payload })
      .map((rest): FlvVideoPacket => ({ kind: 'config', ...head, mpeg2Ts: false, ...rest })),
    metadata: fc.record({ payload }).map((rest): FlvVideoPacket => ({ kind: 'metadata', ...head, ...rest })),
    end: fc.constant<FlvVideoPacket>({ kind: 'end', ...head }),
  };
}

const videoKind = fc.constantFrom('frame', 'config', 'metadata', 'end' as const);
const singleVideo = fc
  .tuple(exVideoCodec, nano, fc.boolean(), videoKind)
  .chain(([codec, offset, key, kind]) => exVideo(codec, 0, offset, key)[kind]);
const multitrackVideo: fc.Arbitrary<FlvVideo> = fc
  .tuple(layout, nano, fc.boolean(), videoKind, exVideoCodec)
  .chain(([shape, offset, key, kind, shared]) =>
    fc
      .array(fc.tuple(fc.nat(255), exVideoCodec), { minLength: 1, maxLength: shape === 'one-track' ? 1 : 5 })
      .chain((tracks) =>
        fc
          .tuple(
            ...tracks.map(([track, own]) => exVideo(shape === 'many-codecs' ? own : shared, track, offset, key)[kind]),
          )
          .map((packets): FlvVideo => ({ kind: 'multitrack', layout: shape, tracks: packets })),
      ),
  );
const legacyVideo: fc.Arbitrary<FlvVideo> = fc
  .record({
    codec: fc.constantFrom('h264', 'h265', 'sorenson-h263', 'screen', 'screen2', 'vp6', 'vp6-alpha' as const),
    keyframe: fc.boolean(),
    compositionTime: composition,
    payload,
  })
  .map(
    (rest): FlvVideo => ({
      kind: 'frame',
      enhanced: false,
      track: 0,
      nanoOffset: 0,
      disposable: false,
      ...rest,
      compositionTime: rest.codec === 'h264' || rest.codec === 'h265' ? rest.compositionTime : 0,
    }),
  );

function exAudio(codec: ExAudioCodec, track: number, nanoOffset: number) {
  const head = { codec, enhanced: true as const, track, nanoOffset };
  const sound = { sampleRate: undefined, channels: undefined, sampleSize: 16 };
  return fc.oneof(
    payload.map((bytes): FlvAudioPacket => ({ kind: 'frame', ...head, ...sound, payload: bytes })),
    payload.map((bytes): FlvAudioPacket => ({ kind: 'config', ...head, payload: bytes })),
    fc.constant<FlvAudioPacket>({ kind: 'end', ...head }),
    payload.map(
      (mapping): FlvAudioPacket => ({
        kind: 'channels',
        ...head,
        order: 'custom',
        count: mapping.length,
        mask: 0,
        mapping,
      }),
    ),
    fc.nat(0xffffff).map(
      (mask): FlvAudioPacket => ({
        kind: 'channels',
        ...head,
        order: 'native',
        count: 6,
        mask,
        mapping: Buffer.alloc(0),
      }),
    ),
  );
}

const singleAudio = fc.tuple(exAudioCodec, nano).chain(([codec, offset]) => exAudio(codec, 0, offset));
const multitrackAudio: fc.Arbitrary<FlvAudio> = fc.tuple(layout, nano, exAudioCodec).chain(([shape, offset, shared]) =>
  fc
    .array(fc.tuple(fc.nat(255), exAudioCodec, payload), { minLength: 1, maxLength: shape === 'one-track' ? 1 : 5 })
    .map((tracks): FlvAudio => {
      const packets = tracks.map(
        ([track, own, bytes]): FlvAudioPacket => ({
          kind: 'config',
          codec: shape === 'many-codecs' ? own : shared,
          enhanced: true,
          track,
          nanoOffset: offset,
          payload: bytes,
        }),
      );
      return { kind: 'multitrack', layout: shape, tracks: packets };
    }),
);

describe('FLV properties', () => {
  it('a video tag that was written reads as what it was', () => {
    fc.assert(
      fc.property(fc.oneof(singleVideo, multitrackVideo, legacyVideo), (video) => {
        assert.deepEqual(readVideoTag(writeVideoTag(video)), video);
      }),
    );
  });

  it('an audio tag that was written reads as what it was', () => {
    fc.assert(
      fc.property(fc.oneof(singleAudio, multitrackAudio), (audio) => {
        assert.deepEqual(readAudioTag(writeAudioTag(audio)), audio);
      }),
    );
  });

  it('a frame header and a payload read as that frame', () => {
    fc.assert(
      fc.property(exVideoCodec, fc.boolean(), composition, payload, (codec, key, time, bytes) => {
        const video = readVideoTag(Buffer.concat([videoFrameHeader(codec, key, time), bytes]));
        assert.ok(video.kind === 'frame');
        assert.equal(video.codec, codec);
        assert.equal(video.keyframe, key);
        assert.equal(video.compositionTime, codec === 'h264' || codec === 'h265' ? time : 0);
        assert.deepEqual(video.payload, bytes);
      }),
    );
    fc.assert(
      fc.property(exAudioCodec, payload, (codec, bytes) => {
        if (codec === 'mp3' && bytes.length === 0) return;
        const audio = readAudioTag(Buffer.concat([audioFrameHeader(codec), bytes]));
        assert.ok(audio.kind === 'frame');
        assert.equal(audio.codec, codec);
        assert.deepEqual(audio.payload, bytes);
      }),
    );
  });

  it('a file cut anywhere gives the tags that were written', () => {
    const tag = fc.record(
      {
        type: fc.constantFrom<FlvTagType>(8, 9, 18),
        timestamp: fc.nat(0xffff_ffff),
        body: fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(
        fc.array(tag, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 2500 }), { minLength: 1 }),
        (tags, steps) => {
          const pieces = [flvFileHeader({ audio: true, video: true })];
          for (const { type, timestamp, body } of tags) {
            pieces.push(flvTagHeader(type, timestamp, body.length), body, flvTagEnd(body.length));
          }
          const file = Buffer.concat(pieces);
          const reader = new FlvFileReader();
          const read: unknown[] = [];
          for (let at = 0, turn = 0; at < file.length; turn += 1) {
            const step = steps[turn % steps.length] ?? 1;
            reader.push(file.subarray(at, at + step));
            at += step;
            for (let next = reader.next(); next !== undefined; next = reader.next()) read.push(next);
          }
          assert.deepEqual(read, tags);
        },
      ),
    );
  });
});
