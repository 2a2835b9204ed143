import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allow, noCredentials, refuse } from '../../core/access/access-control.ts';
import { isError } from '../../core/errors.ts';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import { accepting, anyCodec, type CodecTarget } from '../../core/media/codec-target.ts';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { transcoders } from '../../transcoders/index.ts';
import { eventually } from '../conformance/suite.ts';
import { readFrameTable } from '../support/frame-table.ts';
import { run } from '../support/media-source.ts';
import { sideBySide } from '../support/side-by-side.ts';
import { decodeSound, measureFrequency, measureLevel, runFfmpeg } from '../support/tone-source.ts';

const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'];
const tone = (rate: number): string[] => ['-f', 'lavfi', '-i', `sine=frequency=1000:sample_rate=${rate}`];
/** A second of silence, then a tone. */
const late = ['-af', "volume=0:enable='lt(t,1)'"];

describe('Files as streams', function () {
  this.timeout(60_000);
  const root = mkdtempSync(join(tmpdir(), 'vod-'));
  let server: Server;

  before(() => {
    const h264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-g', '25', '-pix_fmt', 'yuv420p'];
    runFfmpeg([...picture, ...tone(48_000), '-t', '3', ...h264, '-c:a', 'aac', '-ac', '2', join(root, 'film.mp4')]);
    const vp9 = ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-g', '25'];
    runFfmpeg([...picture, ...tone(48_000), '-t', '2', ...vp9, '-c:a', 'libopus', join(root, 'film.webm')]);
    runFfmpeg([...picture, '-t', '2', '-c:v', 'mpeg4', '-bf', '2', '-q:v', '4', join(root, 'old.mp4')]);
    runFfmpeg([...tone(44_100), '-t', '1', '-c:a', 'pcm_s24le', join(root, 'studio.wav')]);
    for (const [name, rate, codec] of [
      ['phone.g722', 16_000, 'g722'],
      ['a-law.wav', 8_000, 'pcm_alaw'],
      ['u-law.wav', 8_000, 'pcm_mulaw'],
      ['sound.spx', 16_000, 'libspeex'],
      ['sound.opus', 48_000, 'libopus'],
      ['sound.mp3', 44_100, 'libmp3lame'],
      ['sound.m4a', 48_000, 'aac'],
    ] as const) {
      runFfmpeg([...tone(rate), '-t', '4', ...late, '-c:a', codec, '-ac', '1', join(root, name)]);
    }
    // FFmpeg has no encoder of G.729: the bytes are bcg729's.
    const { frames } = JSON.parse(readFileSync(new URL('../vectors/g729/tone.json', import.meta.url), 'utf8')) as {
      frames: string;
    };
    writeFileSync(join(root, 'phone.g729'), Buffer.from(frames, 'hex'));
    writeFileSync(
      join(root, 'playlist.mp4'),
      '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfilm.mp4\n#EXT-X-ENDLIST\n',
    );
    writeFileSync(join(root, 'broken.mp4'), Buffer.alloc(5_000, 7));
    symlinkSync('/etc/hostname', join(root, 'link.mp4'));
  });

  after(() => rmSync(root, { recursive: true }));

  async function stop(): Promise<void> {
    await server.stop();
    assert.equal(server.core.scope.openScopes, 0);
  }

  async function start(vod: Record<string, unknown>): Promise<void> {
    server = createServer({
      modules: [rtmpModule, ...transcoders] as Parameters<typeof createServer>[0]['modules'],
      log: silentLog,
      config: {
        server: { drain: '1s' },
        vod,
        rtmp: { listen: { host: '127.0.0.1', port: 0 } },
        streams: { sourceLinger: '0', renditions: { linger: '0', cores: 8 } },
      },
    });
    await server.start();
  }

  /** What a viewer gets until the stream ends, or as much as was asked for. */
  async function watch(
    name: string,
    wishes: Readonly<Partial<Record<'video' | 'audio', readonly CodecTarget[]>>>,
    most = Infinity,
  ): Promise<AccessUnit[]> {
    const { sessions, streams, scope } = server.core;
    const session = sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', parent: scope });
    try {
      const subscription = await streams.subscribe({
        name,
        session,
        credentials: noCredentials,
        wishes: (['video', 'audio'] as const)
          .filter((kind) => wishes[kind] !== undefined)
          .map((kind) => ({ kind, accepts: wishes[kind] ?? [] })),
      });
      const units: AccessUnit[] = [];
      for await (const { unit } of subscription) if (units.push(unit) >= most) break;
      return units;
    } finally {
      await session.scope.close({ code: 'done' });
    }
  }

  const anything = { video: anyCodec('video'), audio: anyCodec('audio') };
  const of = (kind: 'video' | 'audio', units: readonly AccessUnit[]): AccessUnit[] =>
    units.filter(({ codec }) => codec.kind === kind);

  /** Times of showing (s) and sizes, by ffprobe, in the order of the file. */
  async function probe(file: string, kind: 'v' | 'a'): Promise<{ pts: number; size: number }[]> {
    const entries = ['-select_streams', `${kind}:0`, '-show_entries', 'packet=pts_time,size', '-of', 'csv=p=0'];
    const told = await run('ffprobe', ['-v', 'error', ...entries, join(root, file)]);
    return told
      .toString()
      .trim()
      .split('\n')
      .map((line) => line.split(','))
      .map(([pts, size]) => ({ pts: Number(pts), size: Number(size) }));
  }

  function fact(name: string): number {
    const detail = server.inspect().modules.find(({ module }) => module === 'vod')?.detail ?? {};
    return (detail[name] as unknown[]).length;
  }

  describe('played to their ends', () => {
    const itBeside = sideBySide(6);

    before(() => start({ folder: root }));

    after(stop);

    for (const [file, codecs] of [
      ['film.mp4', ['h264', 'aac']],
      ['film.webm', ['vp9', 'opus']],
      ['old.mp4', ['mpeg4']],
    ] as const) {
      itBeside(`${file}: every unit as it stands in the file, with its times, until the end`, async () => {
        const units = await watch(`vod://${file}`, anything);
        assert.deepEqual([...new Set(units.map(({ codec }) => codec.name))].sort(), [...codecs].sort());
        for (const kind of ['video', 'audio'] as const) {
          const got = of(kind, units);
          if (got.length === 0) continue;
          const all = await probe(file, kind === 'video' ? 'v' : 'a');
          // A viewer begins with the first picture: sound that is over by then is left out.
          const missing = all.length - got.length;
          assert.ok(missing === 0 || (kind === 'audio' && missing > 0 && missing < 5), `${missing} of ${kind}`);
          const stored = all.slice(missing);
          got.forEach((unit, index) => {
            const [here, there] = [unit.pts - (got[0]?.pts ?? 0), (stored[index]?.pts ?? 0) - (stored[0]?.pts ?? 0)];
            assert.ok(Math.abs(here - there * 1e6) < 1_100, `${kind} ${index}: ${here} µs, ${there} s in the file`);
            assert.ok(unit.dts <= unit.pts && (index === 0 || unit.dts > (got[index - 1]?.dts ?? 0)));
          });
        }
        const { core } = server;
        await eventually('the end of the stream', () => core.streams.find(`vod://${file}`) === undefined);
      });
    }

    itBeside('plays to an RTMP player as any stream', async () => {
      const base = server.urls().find(({ url }) => url.startsWith('rtmp://'))?.url ?? '';
      const port = new URL(base.replace('HOST', '127.0.0.1')).port;
      const url = `rtmp://127.0.0.1:${port}/live/vod-live://film.mp4`;
      const seen = await run('ffmpeg', [
        '-nostdin',
        '-v',
        'error',
        '-i',
        url,
        '-frames:v',
        '90',
        '-f',
        'framemd5',
        '-',
      ]);
      const pictures = readFrameTable(seen).of(0);
      // 75 pictures are in the file: it went round.
      assert.equal(pictures.length, 90);
    });

    for (const file of [
      'sound.m4a',
      'sound.opus',
      'sound.mp3',
      'a-law.wav',
      'u-law.wav',
      'phone.g722',
      'phone.g729',
      'sound.spx',
    ] as const) {
      itBeside(`${file} plays where Opus or AAC alone is taken: pitch and level`, async () => {
        const name = `vod://${file}`;
        const one = (codec: 'opus' | 'aac'): readonly CodecTarget[] =>
          accepting(codec).map((to) => ({ ...to, channels: 1, bitrate: 64_000 }));
        const [published, opus, aac] = await Promise.all([
          watch(name, { audio: anyCodec('audio') }),
          watch(name, { audio: one('opus') }),
          watch(name, { audio: one('aac') }),
        ]);
        const before = await toneOf(published);
        for (const units of [opus, aac]) {
          const after = await toneOf(units);
          const codec = units[0]?.codec.name ?? 'nothing';
          assert.ok(Math.abs(after.frequency - 1_000) < 1, `${codec}: ${after.frequency} Hz`);
          assert.ok(Math.abs(after.level - before.level) < 1, `${codec}: ${after.level} dB, was ${before.level}`);
        }
      });
    }
  });

  describe('in a server of their own', () => {
    beforeEach(() => start({ folder: root }));

    afterEach(stop);

    it('is read once for all viewers, begins again, and is let go of when they have gone', async () => {
      const [first, second] = await Promise.all([
        watch('vod-live://film.mp4', anything, 400),
        watch('vod-live://film.mp4', anything, 400),
      ]);
      for (const units of [first, second]) {
        const video = of('video', units);
        assert.ok(video.length > 100, 'it goes on behind its 75 pictures');
        video.forEach(({ dts }, index) => assert.ok(index === 0 || dts > (video[index - 1]?.dts ?? 0)));
        const span = (video.at(-1)?.dts ?? 0) - (video[0]?.dts ?? 0);
        assert.ok(Math.abs(span / (video.length - 1) - 40_000) < 2_000, `${span} µs for ${video.length}`);
      }
      await eventually('nothing is read', () => fact('playing') === 0);
      assert.equal(server.inspect().modules.find(({ module }) => module === 'vod')?.detail?.['played'], 1);
    });

    it('refuses what is not there, lies outside, is none, or refers to others, in one sentence each', async () => {
      const why = async (name: string): Promise<string> => {
        const error: unknown = await watch(name, anything).then(
          () => assert.fail(name),
          (reason: unknown) => reason,
        );
        assert.ok(isError(error, 'source-failed'), String(error));
        return error.detail.why;
      };
      assert.equal(await why('vod://none.mp4'), 'there is no such file');
      assert.equal(await why('vod://link.mp4'), 'there is no such file');
      assert.match(await why('vod://broken.mp4'), /Invalid data/);
      assert.match(await why('vod://playlist.mp4'), /Invalid data|not allowed|not on whitelist|whitelist/i);
      assert.match(await why('vod://studio.wav'), /its audio is in a codec that no stream has/);
      for (const name of [
        'vod://../film.mp4',
        'vod://film.mp4/../../x.mp4',
        'vod:///etc/hostname',
        'vod://%2e%2e/film.mp4',
      ]) {
        await assert.rejects(watch(name, anything), (error) => isError(error, 'stream-not-found'), name);
      }
      await eventually('nothing is read', () => fact('playing') === 0);
    });

    it('asks the policies, bounds the files at a time, and is off until a folder is told', async () => {
      const { access, scope } = server.core;
      access.add({ name: 'test', decide: ({ action }) => (action === 'play' ? refuse('not for you') : allow) }, scope);
      await assert.rejects(watch('vod://film.mp4', anything), (error) => isError(error, 'access-refused'));
      await server.stop();
      await start({ folder: root, maximum: 1 });
      const watching = watch('vod-live://film.mp4', anything, 60);
      await eventually('a file is read', () => fact('playing') === 1);
      await assert.rejects(watch('vod-live://film.webm', anything), /limit/i);
      await watching;
      await server.stop();
      await start({});
      await assert.rejects(watch('vod://film.mp4', anything), (error) => isError(error, 'stream-not-found'));
    });
  });
});

async function toneOf(units: readonly AccessUnit[]): Promise<{ frequency: number; level: number }> {
  const { samples } = await decodeSound(units);
  const first = samples.findIndex((sample) => Math.abs(sample) > 0.04);
  const body = samples.subarray(first + 12_000, first + 72_000);
  return { frequency: measureFrequency(body), level: measureLevel(body) };
}
