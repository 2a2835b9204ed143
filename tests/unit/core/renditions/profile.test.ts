import assert from 'node:assert/strict';
import { isError } from '../../../../core/errors.ts';
import { AccessUnit } from '../../../../core/media/access-unit.ts';
import { accepting, type CodecTarget } from '../../../../core/media/codec-target.ts';
import { ladderOf } from '../../../../core/renditions/ladder.ts';
import { type RenditionProfile, targetsOf, wishesWith } from '../../../../core/renditions/profile.ts';
import type { Transcoder } from '../../../../core/renditions/transcoder.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { audioFrame, fakeAac, fakeH264, videoFrame } from '../../../support/fake-media.ts';
import { TestCore } from '../../../support/test-core.ts';

const h264 = fakeH264();
const aac = fakeAac();
const wishes = [
  { kind: 'video' as const, accepts: accepting('h264', 'vp8') },
  { kind: 'audio' as const, accepts: accepting('aac', 'opus') },
];
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function targets(profile: RenditionProfile, kind: 'video' | 'audio', source = h264): readonly CodecTarget[] {
  const wish = wishesWith(profile, wishes).find((candidate) => candidate.kind === kind);
  return wish === undefined ? [] : targetsOf(wish, kind === 'video' ? source : aac);
}

describe('Profiles', () => {
  it('fit the picture into their size and keep its shape', () => {
    assert.deepEqual(targets({ video: { codec: 'h264', height: 480 } }, 'video'), [
      { codec: 'h264', width: 854, height: 480 },
    ]);
    const upright = fakeH264({ width: 1080, height: 1920 });
    assert.deepEqual(targets({ video: { codec: 'h264', width: 640, height: 360 } }, 'video', upright), [
      { codec: 'h264', width: 202, height: 360 },
    ]);
  });

  it('ask for nothing that the source has already', () => {
    const [target] = targets({ video: { codec: 'h264', height: 720, frameRate: 30 } }, 'video');
    assert.deepEqual(target, { codec: 'h264' });
    assert.deepEqual(targets({ video: { height: 2160, frameRate: 60 } }, 'video'), [
      { codec: 'h264' },
      { codec: 'vp8' },
    ]);
  });

  it('leave a viewer that does not take their codec its own, in their size', () => {
    assert.deepEqual(targets({ video: { codec: 'h265', height: 360 } }, 'video'), [
      { codec: 'h264', width: 640, height: 360 },
      { codec: 'vp8', width: 640, height: 360 },
    ]);
  });

  it('with sound alone have no picture, with a picture alone leave the sound as it is', () => {
    assert.deepEqual(targets({ audio: { codec: 'opus', bitrate: 32_000 } }, 'video'), []);
    assert.deepEqual(targets({ audio: { codec: 'opus', bitrate: 32_000 } }, 'audio'), [
      { codec: 'opus', bitrate: 32_000 },
    ]);
    assert.deepEqual(targets({ video: { height: 360 } }, 'audio'), accepting('aac', 'opus'));
  });
});

describe('A ladder', () => {
  it('has the profiles that are smaller than the source and can be told apart by their rate', () => {
    const profiles = new Map<string, RenditionProfile>([
      ['-360p', { video: { height: 360, bitrate: 600_000, frameRate: 15 } }],
      ['-1080p', { video: { height: 1080, bitrate: 5_000_000 } }],
      ['-480p', { video: { codec: 'h264', height: 480, bitrate: 1_200_000 } }],
      ['-vp9', { video: { codec: 'vp9', height: 480, bitrate: 1_000_000 } }],
      ['-norate', { video: { height: 240 } }],
      ['-owngop', { video: { height: 240, bitrate: 300_000, keyframeInterval: 30 } }],
      ['-audio', { audio: { bitrate: 48_000 } }],
    ]);
    assert.deepEqual(ladderOf('room', h264, profiles), [
      { name: 'room-480p', width: 854, height: 480, bitrate: 1_200_000, frameRate: 30 },
      { name: 'room-360p', width: 640, height: 360, bitrate: 600_000, frameRate: 15 },
    ]);
  });
});

describe('Profiles by name', () => {
  let core: TestCore;
  const wanted: CodecTarget[] = [];
  const shrink: Transcoder = {
    name: 'shrink',
    cost: (from, to) => (from.kind === 'video' && to.height !== undefined ? 0.1 : undefined),
    async run(input, output, to) {
      wanted.push(to);
      const codec = fakeH264({ width: to.width ?? 0, height: to.height ?? 0 });
      for await (const { unit } of input) output.write(new AccessUnit({ ...unitFields(unit), codec }));
    },
  };

  beforeEach(async () => {
    wanted.length = 0;
    core = new TestCore({ clock: new ManualClock() });
    core.streams.renditions.add(shrink, core.scope);
    core.streams.renditions.offerProfiles(
      new Map<string, RenditionProfile>([
        ['-360p', { video: { height: 360 } }],
        ['-audio', { audio: {} }],
        ['-mini-360p', { video: { height: 90 } }],
      ]),
      core.scope,
    );
    const publication = await core.publish('room');
    publication.addTrack(h264).write(videoFrame(h264, 0));
    publication.addTrack(aac).write(audioFrame(aac, 0));
  });

  afterEach(async () => {
    await core.close();
    assert.equal(core.scope.openScopes, 0);
    assert.deepEqual(core.failures, []);
  });

  it('give the form that is asked for, and say why', async () => {
    const subscription = await core.subscribe('room-360p');
    assert.equal(subscription.stream.name, 'room');
    assert.deepEqual(wanted, [{ codec: 'h264', width: 640, height: 360 }]);
    assert.equal(core.streams.isWithinReach('room-360p'), true);
    assert.equal(core.streams.isWithinReach('other-360p'), false);
    assert.equal(core.streams.baseOf('room-360p'), 'room');
    const [video, audio] = core.streams.explain(subscription);
    assert.match(video?.why ?? '', /shrink makes H.264 .* 640x360 for 0.10 cores/);
    assert.equal(video?.published, 'H.264 High 4.0 1280x720');
    assert.equal(audio?.why, 'the source is what was asked for');
  });

  it('take the longest suffix', async () => {
    await core.subscribe('room-mini-360p');
    assert.deepEqual(wanted, [{ codec: 'h264', width: 160, height: 90 }]);
  });

  it('give sound alone', async () => {
    const subscription = await core.subscribe('room-audio');
    assert.deepEqual(
      subscription.tracks.map((track) => track.id),
      ['audio'],
    );
  });

  it('yield to a stream of that very name', async () => {
    const publication = await core.publish('room-360p', { expects: ['audio'] });
    publication.addTrack(aac).write(audioFrame(aac, 0));
    const subscription = await core.subscribe('room-360p');
    assert.equal(subscription.stream.name, 'room-360p');
    assert.deepEqual(wanted, []);
  });

  it('of a stream that is not there say so by the whole name', async () => {
    await assert.rejects(
      core.subscribe('other-360p'),
      (error) => isError(error, 'stream-not-found') && error.detail.stream === 'other-360p',
    );
    await settle();
  });
});

function unitFields(unit: AccessUnit) {
  const { pts, dts, keyframe, parts } = unit;
  return { pts, dts, keyframe, parts };
}
