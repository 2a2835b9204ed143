import assert from 'node:assert/strict';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { VideoCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import { seconds } from '../../core/time/micros.ts';
import { Ffmpeg } from '../../transcoders/ffmpeg/ffmpeg.ts';
import { VideoTranscoder } from '../../transcoders/video/video-transcoder.ts';
import { TestCore } from '../support/test-core.ts';
import { encodeUnits } from '../support/tone-source.ts';

const picture = (rate: number, frames: number, size = '320x240'): string[] => [
  ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}`, '-frames:v', String(frames), '-pix_fmt', 'yuv420p'],
];

const sources: readonly { name: VideoCodecName; args: readonly string[] }[] = [
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

  beforeEach(() => {
    core = new TestCore({ streams: { renditions: { linger: '0', cores: 8 } } });
    const ffmpeg = new Ffmpeg(
      { program: 'ffmpeg', nice: 5, threads: 2, grace: seconds(2), stallTimeout: seconds(10), hardware: 'none' },
      { clock: core.clock, log: core.observe.log },
    );
    core.streams.renditions.add(new VideoTranscoder({}, { ffmpeg }), core.scope, ffmpeg.probe(core.scope));
  });

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

function damage(part: Buffer): Buffer {
  const copy = Buffer.from(part);
  for (let at = 8; at < copy.length; at += 7) copy[at] = (copy[at] ?? 0) ^ 0x5a;
  return copy;
}
