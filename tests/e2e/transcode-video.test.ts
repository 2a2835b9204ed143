import assert from 'node:assert/strict';
import { isError } from '../../core/errors.ts';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { VideoCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import { seconds } from '../../core/time/micros.ts';
import { Ffmpeg } from '../../transcoders/ffmpeg/ffmpeg.ts';
import { sourcePieces, sourceStream } from '../../transcoders/ffmpeg/source-stream.ts';
import { VideoTranscoder } from '../../transcoders/video/video-transcoder.ts';
import { NutWriter } from '../../wire/nut/writer.ts';
import { audioFrame, fakeAac } from '../support/fake-media.ts';
import { readFrameTable } from '../support/frame-table.ts';
import { TestCore } from '../support/test-core.ts';
import { encodeUnits, runFfmpeg } from '../support/tone-source.ts';

const picture = (rate: number, frames: number, size = '320x240'): string[] => [
  ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}`, '-frames:v', String(frames), '-pix_fmt', 'yuv420p'],
];

const sources: readonly { name: VideoCodecName; args: readonly string[] }[] = [
  { name: 'mpeg4', args: [...picture(30, 60), '-c:v', 'mpeg4', '-q:v', '4', '-g', '30', '-bf', '0'] },
  { name: 'h264', args: [...picture(30, 60), '-c:v', 'libx264', '-g', '30', '-bf', '0'] },
  {
    name: 'h265',
    args: [...picture(30, 60), '-c:v', 'libx265', '-g', '30', '-x265-params', 'log-level=none:bframes=0'],
  },
  { name: 'vp8', args: [...picture(30, 60), '-c:v', 'libvpx', '-g', '30', '-deadline', 'realtime'] },
  {
    name: 'vp9',
    args: [
      ...picture(30, 60),
      '-c:v',
      'libvpx-vp9',
      '-g',
      '30',
      '-deadline',
      'realtime',
      '-cpu-used',
      '8',
      '-lag-in-frames',
      '0',
    ],
  },
  {
    name: 'av1',
    args: [
      ...picture(30, 60),
      '-c:v',
      'libaom-av1',
      '-g',
      '30',
      '-usage',
      'realtime',
      '-cpu-used',
      '8',
      '-lag-in-frames',
      '0',
    ],
  },
];

describe('Video through ffmpeg', function () {
  this.timeout(30_000);
  let core: TestCore;

  beforeEach(() => open({}));

  function open(renditions: object): void {
    core = new TestCore({ streams: { renditions: { linger: '0', cores: 8, ...renditions } } });
    const ffmpeg = new Ffmpeg(
      { program: 'ffmpeg', nice: 5, threads: 2, grace: seconds(2), stallTimeout: seconds(10), hardware: 'none' },
      { clock: core.clock, log: core.observe.log },
    );
    core.streams.renditions.add(new VideoTranscoder({}, { ffmpeg }), core.scope, ffmpeg.probe(core.scope));
  }

  afterEach(async () => {
    await core.close();
    assert.equal(core.scope.openScopes, 0);
    assert.deepEqual(core.failures, []);
  });

  /** Publishes the units as fast as they go and gives what a viewer of `target` gets of them. */
  async function transcode(units: readonly AccessUnit[], target: CodecTarget, begin = 1): Promise<AccessUnit[]> {
    const { track, subscription } = await watch(units, target, begin);
    for (const unit of units.slice(begin)) track.write(unit);
    return collect(subscription, (units.at(-1)?.pts ?? 0) - 40_000);
  }

  /** Publishes the first `begin` units and joins. */
  async function watch(units: readonly AccessUnit[], target: CodecTarget, begin = 1) {
    const publication = await core.publish('one', { expects: ['video'] });
    const [first] = units;
    assert.ok(first !== undefined);
    const track = publication.addTrack(first.codec);
    for (const unit of units.slice(0, begin)) track.write(unit);
    const subscription = await core.subscribe('one', { wishes: [{ kind: 'video', accepts: [target] }] });
    return { publication, track, subscription };
  }

  for (const target of ['h264', 'vp8', 'vp9'] as const) {
    for (const source of sources) {
      it(`${source.name} to ${target}: every frame at its own time`, async () => {
        const units = encodeUnits(source.name, source.args);
        const made = await transcode(units, { codec: target, width: 160, height: 120 });
        const [first] = made;
        assert.ok(first?.codec.kind === 'video' && first.codec.name === target && first.keyframe);
        assert.deepEqual([first.codec.width, first.codec.height], [160, 120]);
        const last = made.at(-1)?.pts ?? 0;
        assert.deepEqual(
          made.map((unit) => unit.pts),
          units.map((unit) => unit.pts).filter((pts) => pts <= last),
        );
        const keyframes = (of: readonly AccessUnit[]) => of.filter((unit) => unit.keyframe).map((unit) => unit.pts);
        assert.deepEqual(keyframes(made), keyframes(units));
      });
    }
  }

  for (const target of ['vp9', 'av1', 'h265'] as const) {
    it(`makes ${target} that decodes, to the last frame`, async () => {
      const units = encodeUnits('h264', [...picture(30, 45, '640x360'), '-c:v', 'libx264', '-g', '15', '-bf', '0']);
      const { publication, track, subscription } = await watch(units, { codec: target, width: 320, height: 180 });
      for (const unit of units.slice(1)) track.write(unit);
      await publication.scope.close({ code: 'done' });
      const made = await collect(subscription, Infinity);
      assert.ok(made.every(({ codec }) => codec.name === target && codec.kind === 'video' && codec.height === 180));
      const times = (of: readonly AccessUnit[]) => of.map((unit) => unit.pts);
      assert.deepEqual(times(made), times(units));
      const keyframes = (of: readonly AccessUnit[]) => times(of.filter((unit) => unit.keyframe));
      assert.deepEqual(keyframes(made), keyframes(units));
      assert.deepEqual(
        pictureSizes(made),
        times(made).map(() => 320 * 180 * 1.5),
      );
    });
  }

  it('refuses in time when no keyframe ever comes, and nobody else notices', async () => {
    await core.close();
    open({ startTimeout: '700ms' });
    const units = encodeUnits('h264', [...picture(30, 60), '-c:v', 'libx264', '-g', '900', '-bf', '0']);
    const publication = await core.publish('one', { expects: ['video', 'audio'] });
    const track = publication.addTrack((units[0] as AccessUnit).codec);
    const aac = fakeAac();
    const sound = publication.addTrack(aac);
    sound.write(audioFrame(aac, 0));
    const listener = await core.subscribe('one', { wishes: [{ kind: 'audio', accepts: [{ codec: 'aac' }] }] });
    const began = performance.now();
    const refused = assert.rejects(
      core.subscribe('one', { wishes: [{ kind: 'video', accepts: [{ codec: 'vp8' }] }] }),
      (error) => isError(error, 'timed-out') && /Making vp8/.test(error.message),
    );
    for (const [index, unit] of units.slice(1).entries()) {
      track.write(unit);
      sound.write(audioFrame(aac, index + 1));
    }
    await refused;
    const took = performance.now() - began;
    assert.ok(took > 600, `${took} ms: not before the start timeout`);
    let heard = 0;
    while (listener.pull() !== undefined) heard += 1;
    assert.equal(heard, 59);
    assert.equal(publication.stream.state, 'live');
    await listener.scope.close({ code: 'done' });
    assert.deepEqual([[...core.streams.renditions.all()].length, core.streams.renditions.spent], [0, 0]);
    // The first keyframe makes all well.
    const pending = core.subscribe('one', { wishes: [{ kind: 'video', accepts: [{ codec: 'vp8' }] }] });
    for (const unit of units) track.write(reordered(unit, unit.dts + 3_000_000, unit.pts + 3_000_000));
    assert.equal((await pending).tracks[0]?.codec.name, 'vp8');
  });

  it('gives the last frames after the stream has ended', async () => {
    // A decoder of B-frames holds pictures back until it is told that there are no more.
    const args = [...picture(30, 60), '-c:v', 'libx264', '-g', '30', '-bf', '3'];
    const units = encodeUnits('h264', args).map((unit, index) => reordered(unit, index * 33_000));
    const { publication, track, subscription } = await watch(units, { codec: 'h264', width: 160, height: 120 }, 10);
    for (const unit of units.slice(10)) track.write(unit);
    await publication.scope.close({ code: 'done' });
    const made = await collect(subscription, Infinity);
    assert.deepEqual(
      made.map((unit) => unit.pts),
      units.map((unit) => unit.pts).sort((a, b) => a - b),
    );
    assert.equal(subscription.scope.reason ?? subscription.endReason?.code, 'done');
  });

  it('takes B-frames out', async () => {
    const units = encodeUnits('h264', [...picture(30, 60), '-c:v', 'libx264', '-g', '30', '-bf', '3']);
    const ordered = units.map((unit, index) => reordered(unit, index * 33_000));
    const made = await transcode(ordered, { codec: 'h264', noBFrames: true }, 10);
    assert.ok(made.length > 50);
    assert.ok(
      made.every((unit) => unit.codec.name === 'h264' && unit.codec.bFrames === false && unit.dts === unit.pts),
    );
    const times = new Set(units.map((unit) => unit.pts));
    assert.ok(made.every((unit) => times.has(unit.pts)));
  });

  it('halves the frame rate and keeps the times', async () => {
    const units = encodeUnits('h264', [...picture(50, 100), '-c:v', 'libx264', '-g', '50', '-bf', '0']);
    const made = await transcode(units, { codec: 'h264', frameRate: 25 });
    assert.ok(Math.abs(made.length - 50) <= 2, `${made.length}`);
    const times = new Set(units.map((unit) => unit.pts));
    assert.ok(made.every((unit) => times.has(unit.pts)));
  });

  it('makes a keyframe when a viewer asks and the publisher cannot be asked', async () => {
    const units = encodeUnits('h264', [...picture(30, 90), '-c:v', 'libx264', '-g', '900', '-bf', '0']);
    const { publication, track, subscription } = await watch(units, { codec: 'vp8' });
    for (const unit of units.slice(1, 40)) track.write(unit);
    await collect(subscription, units[30]?.pts ?? 0);
    publication.stream.requestKeyframe();
    for (const unit of units.slice(40)) track.write(unit);
    const made = await collect(subscription, units[80]?.pts ?? 0);
    assert.deepEqual(
      made.filter((unit) => unit.keyframe).map((unit) => unit.pts),
      [units[40]?.pts],
    );
  });

  it('goes on when the size changes in the middle', async () => {
    const small = encodeUnits('h264', [...picture(30, 30), '-c:v', 'libx264', '-bf', '0']);
    const large = encodeUnits('h264', [...picture(30, 30, '640x480'), '-c:v', 'libx264', '-bf', '0']);
    const units = [...small, ...large.map((unit) => reordered(unit, unit.pts + 1_000_000, unit.pts + 1_000_000))];
    const made = await transcode(units, { codec: 'vp8' });
    assert.deepEqual([...new Set(made.map((unit) => unit.codec.kind === 'video' && unit.codec.width))], [320, 640]);
    assert.ok(made.length >= 58, `${made.length}`);
  });

  it('goes on when the codec changes in the middle, and after a pause of a minute', async () => {
    const vp9 = sources.find(({ name }) => name === 'vp9');
    const first = encodeUnits('h264', [...picture(30, 30), '-c:v', 'libx264', '-bf', '0']);
    const second = encodeUnits('vp9', vp9?.args ?? []);
    const later = (units: readonly AccessUnit[], by: number): AccessUnit[] =>
      units.map((unit) => reordered(unit, unit.dts + by, unit.pts + by));
    const parts = [first, later(second, 1_000_000), later(first, 63_000_000)];
    const { track, subscription } = await watch(first, { codec: 'vp8' });
    const made: AccessUnit[] = [];
    for (const part of parts) {
      for (const unit of part) track.write(unit);
      made.push(...(await collect(subscription, (part.at(-1)?.pts ?? 0) - 40_000)));
    }
    assert.ok(made.every(({ codec }) => codec.name === 'vp8'));
    const times = new Set(made.map(({ pts }) => pts));
    const missing = parts.flat().filter(({ pts }) => !times.has(pts) && pts <= (made.at(-1)?.pts ?? 0));
    assert.deepEqual(
      missing.map(({ pts }) => pts),
      [],
    );
    assert.ok((made.at(-1)?.pts ?? 0) > 63_900_000);
  });

  for (const [rate, step] of [
    [25, 40_000],
    [10, 100_000],
    [30, 33_333],
  ] as const) {
    it(`makes MPEG-1 of ${rate} pictures a second: even sizes, a rate that it has, the source's times and keyframes`, async () => {
      const source = [...picture(rate, 50, '322x182'), '-c:v', 'libx264', '-g', '20', '-bf', '0'];
      const units = encodeUnits('h264', source).map((unit) => reordered(unit, unit.dts + 12_345, unit.pts + 12_345));
      const made = await transcode(units, { codec: 'mpeg1', bitrate: 1_000_000 });
      const { codec } = made[0] as AccessUnit;
      assert.ok(codec.name === 'mpeg1' && codec.width === 322 && codec.height === 182, JSON.stringify(codec));
      assert.equal(codec.frameRate, rate === 10 ? 30 : rate);
      made.forEach((unit, index) => {
        const there = units[index]?.pts ?? 0;
        assert.ok(Math.abs(unit.pts - there) < 20, `${unit.pts}, was ${there}`);
      });
      const keyframes = made.filter(({ keyframe }) => keyframe).map(({ pts }) => Math.round((pts - 12_345) / step));
      for (const expected of [0, 20, 40]) assert.ok(keyframes.includes(expected), keyframes.join());
      const gaps = keyframes.map((at, index) => (at - (keyframes[index - 1] ?? at)) * step);
      assert.ok(Math.max(...gaps) <= 3_010_000, 'a keyframe now and then');
      assert.deepEqual(new Set(pictureSizes(made)), new Set([322 * 182 * 1.5]));
    });
  }

  it('survives damaged bytes', async () => {
    const units = encodeUnits('h264', [...picture(30, 90), '-c:v', 'libx264', '-g', '30', '-bf', '0']);
    const damaged = units.map((unit, index) =>
      index % 5 === 3 ? reordered(unit, unit.dts, unit.pts, unit.parts.map(damage)) : unit,
    );
    const made = await transcode(damaged, { codec: 'vp8' });
    assert.ok(made.length > 40, `${made.length}`);
  });
});

async function collect(subscription: Subscription, until: number): Promise<AccessUnit[]> {
  const made: AccessUnit[] = [];
  for await (const { unit } of subscription) {
    made.push(unit);
    if (unit.pts >= until) break;
  }
  return made;
}

function reordered(unit: AccessUnit, dts: number, pts: number = unit.pts, parts = unit.parts): AccessUnit {
  return new (unit.constructor as typeof AccessUnit)({
    codec: unit.codec,
    keyframe: unit.keyframe,
    parts,
    dts: dts as AccessUnit['dts'],
    pts: pts as AccessUnit['pts'],
  });
}

/** Bytes of each picture that ffmpeg decodes of the units. */
function pictureSizes(units: readonly AccessUnit[]): number[] {
  const writer = new NutWriter([sourceStream((units[0] as AccessUnit).codec, 1_000_000)]);
  const pieces = [writer.header()];
  for (const unit of units) {
    const parts = sourcePieces(unit);
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    pieces.push(writer.frameHeader(0, unit.pts, unit.keyframe, size), ...parts);
  }
  const args = ['-f', 'nut', '-i', 'pipe:0', '-fps_mode', 'passthrough', '-pix_fmt', 'yuv420p', '-f', 'framecrc', '-'];
  return readFrameTable(runFfmpeg(args, Buffer.concat(pieces))).rows.map(({ size }) => size);
}

function damage(part: Buffer): Buffer {
  const copy = Buffer.from(part);
  for (let at = 8; at < copy.length; at += 7) copy[at] = (copy[at] ?? 0) ^ 0x5a;
  return copy;
}
