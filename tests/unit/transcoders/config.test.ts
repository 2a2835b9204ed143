import assert from 'node:assert/strict';
import { transcodingConfig } from '../../../transcoders/config.ts';
import { readSection } from '../../support/test-core.ts';

const read = (profiles: unknown) => readSection(transcodingConfig, { profiles }).profiles;

describe('Profiles in the configuration', () => {
  it('become what the core takes', () => {
    const profiles = read({
      '-720p': {
        video: { codec: 'h264', height: 720, bitrate: 2_500, fps: 30, gop: 60, profile: 'main', preset: 'fast' },
      },
      '-audio': { audio: { codec: 'aac', bitrate: 64, rate: 44_100, channels: 1 } },
    });
    assert.deepEqual(profiles.get('-720p'), {
      video: {
        codec: 'h264',
        height: 720,
        bitrate: 2_500_000,
        frameRate: 30,
        keyframeInterval: 60,
        profile: 77,
        preset: 'fast',
      },
    });
    assert.deepEqual(profiles.get('-audio'), {
      audio: { codec: 'aac', bitrate: 64_000, sampleRate: 44_100, channels: 1 },
    });
  });

  const faults: readonly [string, unknown, RegExp][] = [
    ['a name without a dash', { '720p': { video: {} } }, /720p: a profile is named by a suffix/],
    ['an empty profile', { '-x': {} }, /-x: a profile has a video or an audio section/],
    ['a profile of another codec', { '-x': { video: { codec: 'vp8', profile: 'high' } } }, /vp8 has no such profile/],
    ['a preset of another codec', { '-x': { video: { codec: 'vp9', preset: 'fast' } } }, /vp9 has no presets/],
    ['a rate that the codec has not', { '-x': { audio: { codec: 'opus', rate: 44_100 } } }, /opus has no such rate/],
    ['stereo for a telephone', { '-x': { audio: { codec: 'pcmu', channels: 2 } } }, /pcmu has no such rate or number/],
    ['a size out of bounds', { '-x': { video: { height: 7 } } }, /-x\.video\.height/],
    ['a word that nobody knows', { '-x': { video: { heigth: 720 } } }, /did you mean "height"/],
  ];
  for (const [what, profiles, expected] of faults) {
    it(`refuses ${what}`, () => assert.throws(() => read(profiles), expected));
  }
});
