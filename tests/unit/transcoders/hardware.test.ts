import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { H264Codec, VideoCodec } from '../../../core/media/codecs/codec-descriptor.ts';
import type { Log } from '../../../core/observe/log.ts';
import { seconds } from '../../../core/time/micros.ts';
import { SystemClock } from '../../../core/time/system-clock.ts';
import { Ffmpeg, type FfmpegSettings } from '../../../transcoders/ffmpeg/ffmpeg.ts';
import { acceleratedEncoders, chooseVideoEncoder } from '../../../transcoders/video/video-encoders.ts';
import { planVideo, steadyRateOf } from '../../../transcoders/video/video-plan.ts';
import { VideoTranscoder } from '../../../transcoders/video/video-transcoder.ts';
import { type FakeFfmpegOptions, makeFakeFfmpeg } from '../../support/fake-ffmpeg.ts';
import { fakeH264, videoFrame } from '../../support/fake-media.ts';
import { TestCore } from '../../support/test-core.ts';
import { waitFor } from '../../support/wait-for.ts';

const from = { ...fakeH264(), width: 1280, height: 720, frameRate: 30 } as VideoCodec;
const software = ['libx264', 'libx265', 'libvpx'];

describe('Hardware that encodes', () => {
  let core: TestCore;
  let remove: () => void;
  let warnings: { message: string; facts: unknown }[];

  beforeEach(() => {
    core = new TestCore({ clock: new SystemClock() });
    warnings = [];
  });

  afterEach(async () => {
    remove();
    await core.close();
    assert.equal(core.scope.openScopes, 0);
    assert.deepEqual(core.failures, []);
  });

  async function start(hardware: FfmpegSettings['hardware'], options: FakeFfmpegOptions) {
    const fake = makeFakeFfmpeg(options);
    ({ remove } = fake);
    const log: Log = {
      ...core.observe.log,
      info: () => undefined,
      warn: (message, facts) => void warnings.push({ message, facts }),
    };
    const settings = { nice: 0, threads: 3, grace: seconds(1), stallTimeout: seconds(1), hardware };
    const ffmpeg = new Ffmpeg({ program: fake.program, ...settings }, { clock: core.clock, log });
    await ffmpeg.probe(core.scope);
    const video = new VideoTranscoder({}, { ffmpeg });
    await video.tryHardware(core.scope);
    const calls = (): string[] => readFileSync(fake.calls, 'utf8').trim().split('\n');
    return { video, calls };
  }

  /** Cores tell who works: the hardware has next to nothing to do with the CPU. */
  function isAccelerated(video: VideoTranscoder, codec: 'h264' | 'h265' | 'vp8'): boolean {
    const cost = video.cost(from, { codec });
    assert.ok(cost !== undefined, codec);
    return cost < 0.25;
  }

  it('is used where it was asked for, is in ffmpeg, and encodes a picture', async () => {
    const { video, calls } = await start('nvenc', { encoders: [...software, 'h264_nvenc', 'hevc_nvenc'] });
    assert.deepEqual(video.hardware, [
      { encoder: 'h264_nvenc', fault: undefined },
      { encoder: 'hevc_nvenc', fault: undefined },
    ]);
    assert.deepEqual([isAccelerated(video, 'h264'), isAccelerated(video, 'h265')], [true, true]);
    assert.equal(isAccelerated(video, 'vp8'), false);
    assert.ok(calls().some((call) => /-frames:v 1 .* -c:v h264_nvenc .*-bf 0 -f null -$/.test(call)));
    assert.deepEqual(warnings, []);
  });

  it('is replaced by software where its trial fails, and the log and the inspection tree say why', async () => {
    const { video } = await start('vaapi', {
      encoders: [...software, 'h264_vaapi', 'hevc_vaapi', 'vp8_vaapi', 'vp9_vaapi'],
      faults: { h264_vaapi: 'No VA display found for device /dev/dri/renderD128.', vp8_vaapi: 'No usable profile' },
    });
    assert.deepEqual([isAccelerated(video, 'h264'), isAccelerated(video, 'h265')], [false, true]);
    assert.equal(isAccelerated(video, 'vp8'), false);
    assert.deepEqual(
      video.hardware.map(({ encoder, fault }) => `${encoder}: ${fault ?? 'works'}`),
      [
        'h264_vaapi: No VA display found for device /dev/dri/renderD128.',
        'hevc_vaapi: works',
        'vp8_vaapi: No usable profile',
        'vp9_vaapi: works',
      ],
    );
    assert.deepEqual(
      warnings.map(({ message }) => message),
      ['h264_vaapi', 'vp8_vaapi'].map((encoder) => `${encoder} cannot be used; software encodes instead.`),
    );
  });

  it('is replaced by software where ffmpeg was built without it', async () => {
    const { video, calls } = await start('qsv', { encoders: software });
    assert.equal(isAccelerated(video, 'h264'), false);
    assert.equal(video.hardware[0]?.fault, 'ffmpeg 9.9-fake was built without it');
    assert.ok(calls().every((call) => !call.includes('_qsv')));
  });

  it('is not touched where it was not asked for', async () => {
    const { video, calls } = await start('none', { encoders: [...software, 'h264_nvenc'] });
    assert.equal(isAccelerated(video, 'h264'), false);
    assert.deepEqual(video.hardware, []);
    assert.ok(calls().every((call) => !call.includes('-c:v')));
  });

  it('is left for software by the restart when it fails at work, for a minute', async () => {
    const { video, calls } = await start('nvenc', {
      encoders: [...software, 'h264_nvenc', 'hevc_nvenc'],
      faultsAtWork: { h264_nvenc: 'OpenEncodeSessionEx failed: out of memory' },
    });
    core.streams.renditions.add(video, core.scope);
    const publication = await core.publish('one', { expects: ['video'] });
    const track = publication.addTrack(from);
    track.write(videoFrame(from as H264Codec, 0, { keyframe: true }));
    const refused = assert.rejects(
      core.subscribe('one', { wishes: [{ kind: 'video', accepts: [{ codec: 'h264', width: 640, height: 360 }] }] }),
    );
    await waitFor('the hardware to be left', () => video.hardware[0]?.fault !== undefined);
    assert.match(video.hardware[0]?.fault ?? '', /OpenEncodeSessionEx failed: out of memory/);
    assert.deepEqual([isAccelerated(video, 'h264'), isAccelerated(video, 'h265')], [false, true]);
    await waitFor('software', () => calls().some((call) => call.includes('pipe:0') && call.includes('-c:v libx264')));
    assert.match(warnings[0]?.message ?? '', /h264_nvenc failed; software encodes for a while/);
    await publication.scope.close({ code: 'done' });
    await refused;
  });

  it('has nothing to do where there is no software either', async () => {
    const { video } = await start('nvenc', { encoders: ['h264_nvenc'], faults: { h264_nvenc: 'no device' } });
    assert.equal(video.cost(from, { codec: 'h264' }), undefined);
  });

  it('gets pictures and options as it takes them', () => {
    remove = () => undefined;
    for (const hardware of ['nvenc', 'vaapi', 'qsv'] as const) {
      for (const { encoder: name } of acceleratedEncoders(hardware)) {
        const codec = name.startsWith('hevc') ? 'h265' : (name.split('_')[0] as 'h264' | 'vp8' | 'vp9');
        const can = { encode: () => false, accelerate: (one: string) => one === name };
        const encoder = chooseVideoEncoder(codec, hardware, can);
        assert.equal(encoder?.encoder, name);
        const { decoding, encoding } = planVideo(from, { codec }, encoder, { threads: 2, preset: 'fast' });
        assert.equal(encoding[encoding.indexOf('-c:v') + 1], name);
        assert.equal(encoding[encoding.indexOf('-bf') + 1], '0');
        assert.equal(decoding.includes('-vaapi_device'), hardware === 'vaapi');
        assert.equal(encoding.join(' ').includes('hwupload'), hardware === 'vaapi');
        // The words of software are not its own.
        assert.ok(!encoding.includes('-x264-params') && !encoding.includes('fast'));
      }
    }
  });
});

describe('Plans for software', () => {
  const always = { encode: () => true, accelerate: () => false };

  it('hold x265 to the threads that one process may have', () => {
    const encoder = chooseVideoEncoder('h265', 'none', always);
    assert.ok(encoder !== undefined);
    const { encoding } = planVideo(from, { codec: 'h265' }, encoder, { threads: 3, preset: undefined });
    const parameters = encoding[encoding.indexOf('-x265-params') + 1]?.split(':');
    assert.ok(parameters?.includes('pools=3') && parameters.includes('frame-threads=1'), String(parameters));
  });

  it('give MPEG-1 a rate that it has', () => {
    const rates = chooseVideoEncoder('mpeg1', 'none', always)?.frameRates ?? [];
    const steady = (frameRate: number): string | undefined =>
      steadyRateOf({ width: 320, height: 180, frameRate }, rates)?.interval;
    assert.deepEqual([24, 25, 30_000 / 1_001, 30, 50, 60].map(steady), [
      '1/24',
      '1/25',
      '1001/30000',
      '1/30',
      '1/50',
      '1/60',
    ]);
    // Slower ones go into a multiple of theirs, odd ones into the next faster, faster ones into the fastest.
    assert.deepEqual([5, 10, 12, 15, 20, 23, 120].map(steady), [
      '1/25',
      '1/30',
      '1/24',
      '1/30',
      '1/60',
      '1001/24000',
      '1/60',
    ]);
  });
});
