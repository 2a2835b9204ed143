import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AccessUnit } from '../../../../core/media/access-unit.ts';
import type { AudioCodec, VideoCodec } from '../../../../core/media/codecs/codec-descriptor.ts';
import { type Micros, millis, seconds } from '../../../../core/time/micros.ts';
import { type CutPart, type MediaLayout, Segmenter, type SegmenterSink } from '../../../../modules/hls/segmenter.ts';
import { fakeAac, fakeH264, fakeOpus } from '../../../support/fake-media.ts';

class Cuts implements SegmenterSink {
  readonly layouts: { layout: MediaLayout; discontinuity: boolean }[] = [];
  readonly segments: CutPart[][] = [];
  open: CutPart[] = [];

  onLayout(layout: MediaLayout, discontinuity: boolean): void {
    this.layouts.push({ layout, discontinuity });
  }

  onPart(part: CutPart): void {
    this.open.push(part);
  }

  onSegmentEnd(): void {
    this.segments.push(this.open);
    this.open = [];
  }

  get parts(): CutPart[] {
    return [...this.segments.flat(), ...this.open];
  }

  lengths(): number[] {
    return this.segments.map((parts) => parts.reduce((sum, part) => sum + part.duration, 0) / 1e6);
  }
}

const h264 = fakeH264();
const aac = fakeAac();

function video(at: number, keyframe: boolean, codec: VideoCodec = h264): AccessUnit {
  const time = Math.round(at * 1_000) as Micros;
  return new AccessUnit({ codec, pts: time, dts: time, keyframe, parts: [Buffer.from([keyframe ? 0x65 : 0x41, 1])] });
}

function audio(at: number, codec: AudioCodec = aac): AccessUnit {
  const time = Math.round(at * 1_000) as Micros;
  return new AccessUnit({ codec, pts: time, dts: time, keyframe: true, parts: [Buffer.from([1, 2, 3])] });
}

function cutter(
  expected: MediaLayout = { video: h264, audio: undefined },
  settings: Partial<{ prompt: boolean; longest: Micros; largestPart: number }> = {},
) {
  const cuts = new Cuts();
  const segmenter = new Segmenter(
    { segment: seconds(2), prompt: true, part: millis(200), longest: seconds(30), largestPart: 1 << 20, ...settings },
    { sink: cuts, expected: () => expected },
  );
  return { cuts, segmenter };
}

/** `count` frames at `rate`, times rounded to milliseconds as RTMP does. */
function write(segmenter: Segmenter, rate: number, group: number, count: number): void {
  for (let index = 0; index < count; index += 1) {
    segmenter.take(video(Math.floor((index * 1_000) / rate), index % group === 0));
  }
}

describe('HLS: segmenter', () => {
  for (const [rate, frames] of [
    [15, 3],
    [24, 5],
    [25, 5],
    [30, 6],
    [50, 10],
    [60, 12],
    [10, 2],
    [1, 1],
  ] as const) {
    it(`cuts parts of ${frames} frames at ${rate} frames a second, whatever the rounding`, () => {
      const { cuts, segmenter } = cutter();
      write(segmenter, rate, rate * 2, rate * 20);
      const inner = cuts.segments.slice(1).flatMap((parts) => parts.slice(0, -1));
      for (const part of inner) assert.equal(part.video.length, frames);
      const longest = Math.max(...cuts.parts.map(({ duration }) => duration));
      for (const part of inner) assert.ok(part.duration >= longest * 0.85, `${part.duration} of ${longest}`);
    });
  }

  for (const [group, lengths] of [
    [1, [1, 2, 2, 2]],
    [1.5, [1.5, 1.5, 1.5]],
    [2, [2, 2, 2]],
    [0.5, [1.5, 2, 2]],
    [3, [3, 3, 3]],
    [10, [10]],
  ] as const) {
    it(`cuts segments at the keyframe nearest to 2 s with keyframes every ${group} s`, () => {
      const { cuts, segmenter } = cutter();
      write(segmenter, 30, group * 30, 30 * 25);
      const [first, ...rest] = cuts.lengths();
      assert.ok(Math.abs((first ?? 0) - group) < 0.01, 'the first ends as soon as it can');
      rest.slice(0, lengths.length).forEach((length, index) => {
        assert.ok(Math.abs(length - (lengths[index] ?? 0)) < 0.01, `${length}`);
      });
      for (const parts of cuts.segments) assert.equal(parts[0]?.independent, true);
    });
  }

  for (const group of [0.4, 0.5, 1, 1.2, 2.5]) {
    it(`cuts at the same keyframes, every ${group} s, wherever it began`, () => {
      const startsFrom = (from: number): number[] => {
        const { cuts, segmenter } = cutter(undefined, { prompt: false });
        for (let index = Math.round(from * group * 30); index < 30 * 40; index += 1) {
          segmenter.take(video(Math.floor((index * 1_000) / 30), index % Math.round(group * 30) === 0));
        }
        return cuts.segments.slice(1).map((parts) => parts[0]?.start ?? 0);
      };
      const all = startsFrom(0);
      for (const from of [1, 2, 3, 5]) {
        const found = startsFrom(from);
        assert.ok(found.length > 3);
        assert.deepEqual(
          found,
          all.filter((start) => start >= (found[0] ?? 0)),
        );
      }
    });
  }

  it('marks parts that begin with a keyframe, and no others', () => {
    const { cuts, segmenter } = cutter();
    write(segmenter, 30, 30, 300);
    for (const part of cuts.parts) assert.equal(part.independent, part.video[0]?.unit.keyframe === true);
    const inner = cuts.segments[2] ?? [];
    assert.equal(inner.filter(({ independent }) => independent).length, 2, 'a keyframe inside begins a part');
  });

  it('cuts sound alone, every part independent', () => {
    const { cuts, segmenter } = cutter({ video: undefined, audio: aac });
    for (let index = 0; index < 500; index += 1) segmenter.take(audio((index * 1024) / 48));
    for (const length of cuts.lengths().slice(2)) assert.ok(Math.abs(length - 2) < 0.03, `${length}`);
    for (const part of cuts.parts) assert.ok(part.independent);
    assert.deepEqual(cuts.layouts, [{ layout: { video: undefined, audio: aac }, discontinuity: false }]);
  });

  it('announces sound that is expected before its first unit', () => {
    const { cuts, segmenter } = cutter({ video: h264, audio: aac });
    segmenter.take(video(0, true));
    assert.deepEqual(cuts.layouts[0]?.layout, { video: h264, audio: aac });
  });

  it('keeps sound that comes before the first picture', () => {
    const { cuts, segmenter } = cutter({ video: h264, audio: aac });
    for (let at = 0; at < 100; at += 20) segmenter.take(audio(at));
    assert.equal(cuts.layouts.length, 0);
    segmenter.take(video(90, true));
    segmenter.take(audio(100));
    segmenter.finish();
    assert.equal(cuts.parts.flatMap((part) => part.audio).length, 6);
  });

  it('goes on with sound alone when the picture never comes, and takes it up when it does', () => {
    const { cuts, segmenter } = cutter({ video: h264, audio: aac });
    for (let at = 0; at < 8_000; at += 20) segmenter.take(audio(at));
    assert.deepEqual(cuts.layouts[0]?.layout, { video: undefined, audio: aac });
    segmenter.take(video(8_000, true));
    for (let at = 8_000; at < 9_000; at += 20) segmenter.take(audio(at));
    segmenter.finish();
    assert.deepEqual(cuts.layouts[1], { layout: { video: h264, audio: aac }, discontinuity: true });
    assert.equal(cuts.parts.flatMap((part) => part.audio).length, 450);
  });

  it('takes late sound in at the next keyframe, after a discontinuity, with nothing lost', () => {
    const { cuts, segmenter } = cutter();
    for (let index = 0; index < 90; index += 1) {
      segmenter.take(video(index * 33, index % 30 === 0));
      if (index >= 40) segmenter.take(audio(index * 33 + 1));
    }
    segmenter.finish();
    assert.deepEqual(
      cuts.layouts.map(({ discontinuity }) => discontinuity),
      [false, true],
    );
    assert.deepEqual(cuts.layouts[1]?.layout, { video: h264, audio: aac });
    assert.equal(cuts.parts.flatMap((part) => part.video).length, 90);
    assert.equal(cuts.parts.flatMap((part) => part.audio).length, 50);
  });

  it('begins anew when a codec changes, and not when an equal one comes', () => {
    const { cuts, segmenter } = cutter();
    const larger = fakeH264({ width: 1920, height: 1080 });
    for (let index = 0; index < 30; index += 1) segmenter.take(video(index * 33, index === 0));
    for (let index = 30; index < 60; index += 1) segmenter.take(video(index * 33, index === 30, fakeH264()));
    assert.equal(cuts.layouts.length, 1);
    for (let index = 60; index < 90; index += 1) segmenter.take(video(index * 33, index === 65, larger));
    segmenter.finish();
    assert.equal(cuts.layouts.length, 2);
    assert.equal(cuts.layouts[1]?.discontinuity, true);
    const pictures = cuts.parts.flatMap((part) => part.video);
    assert.equal(pictures.length, 85, 'what came before the keyframe of the new codec decodes nowhere');
  });

  it('waits for a keyframe with sound of another codec', () => {
    const { cuts, segmenter } = cutter({ video: h264, audio: aac });
    const opus = fakeOpus();
    for (let index = 0; index < 60; index += 1) {
      segmenter.take(video(index * 33, index % 30 === 0));
      segmenter.take(audio(index * 33 + 1, index < 15 ? aac : opus));
    }
    segmenter.finish();
    assert.deepEqual(
      cuts.layouts.map(({ layout }) => layout.audio?.name),
      ['aac', 'opus'],
    );
    for (const part of cuts.parts) {
      const names = new Set(part.audio.map(({ unit }) => unit.codec.name));
      assert.ok(names.size <= 1, 'no part has both');
    }
    assert.equal(cuts.parts.flatMap((part) => part.audio).length, 60);
  });

  it('does not hold the sound back when the picture stands still', () => {
    const { cuts, segmenter } = cutter({ video: h264, audio: aac });
    segmenter.take(video(0, true));
    segmenter.take(video(33, false));
    for (let at = 0; at < 5_000; at += 20) segmenter.take(audio(at));
    const sounds = cuts.parts.flatMap((part) => part.audio).length;
    assert.ok(sounds > 200, `${sounds} of 250`);
    segmenter.take(video(5_000, false));
    segmenter.take(video(5_033, false));
    segmenter.finish();
    assert.equal(cuts.parts.flatMap((part) => part.video).length, 4);
  });

  it('gives what it holds when the source goes quiet, and goes on in the same segment', () => {
    const { cuts, segmenter } = cutter();
    for (let index = 0; index < 8; index += 1) segmenter.take(video(index * 33, index === 0));
    segmenter.flush();
    assert.equal(cuts.parts.flatMap((part) => part.video).length, 8);
    segmenter.flush();
    for (let index = 8; index < 20; index += 1) segmenter.take(video(index * 33, false));
    segmenter.finish();
    assert.equal(cuts.parts.flatMap((part) => part.video).length, 20);
    assert.equal(cuts.segments.length, 1);
    assert.equal(cuts.layouts.length, 1);
  });

  it('marks a discontinuity when told', () => {
    const { cuts, segmenter } = cutter();
    for (let index = 0; index < 20; index += 1) segmenter.take(video(index * 33, index === 0));
    segmenter.discontinue();
    for (let index = 0; index < 20; index += 1) segmenter.take(video(5_000 + index * 33, index === 5));
    segmenter.finish();
    assert.deepEqual(
      cuts.layouts.map(({ discontinuity }) => discontinuity),
      [false, true],
    );
    assert.equal(cuts.segments.length, 2);
    assert.equal(cuts.segments[1]?.[0]?.start, 5_165_000);
  });

  it('cuts a segment without keyframes, and a part of many bytes, at their bounds', () => {
    const long = cutter(undefined, { longest: seconds(5) });
    write(long.segmenter, 30, 1_000_000, 30 * 12);
    assert.equal(long.cuts.segments.length, 2);
    assert.equal(long.cuts.segments[1]?.[0]?.independent, false);
    const large = cutter(undefined, { largestPart: 4 });
    write(large.segmenter, 30, 1_000_000, 300);
    for (const part of large.cuts.parts) assert.ok(part.video.length <= 3);
    assert.ok(large.cuts.segments.length > 3);
  });

  it('loses and doubles nothing, and lays parts end to end, whatever comes', () => {
    const step = fc.record({
      gap: fc.integer({ min: 1, max: 900 }),
      keyframe: fc.boolean(),
      sound: fc.boolean(),
      flush: fc.integer({ min: 0, max: 30 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { cuts, segmenter } = cutter({ video: h264, audio: aac });
        const sent: AccessUnit[] = [video(0, true)];
        let at = 0;
        for (const { gap, keyframe, sound } of steps) {
          at += gap;
          sent.push(sound ? audio(at) : video(at, keyframe));
        }
        sent.forEach((unit, index) => {
          segmenter.take(unit);
          if (steps[index]?.flush === 0) segmenter.flush();
        });
        segmenter.finish();
        const units = (kind: 'video' | 'audio') => cuts.parts.flatMap((part) => part[kind].map(({ unit }) => unit));
        assert.deepEqual(
          units('video'),
          sent.filter(({ codec }) => codec.kind === 'video'),
        );
        assert.deepEqual(
          units('audio'),
          sent.filter(({ codec }) => codec.kind === 'audio'),
        );
        let end: number | undefined;
        for (const part of cuts.parts) {
          assert.ok(part.duration > 0);
          if (end !== undefined) assert.equal(part.start, end);
          end = part.start + part.duration;
        }
      }),
      { numRuns: 200 },
    );
  });
});
