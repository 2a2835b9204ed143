import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { seconds } from '../../core/time/micros.ts';
import { hlsModule } from '../../modules/hls/index.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { compareWithClip } from '../support/hls-compare.ts';
import { readUnits, run } from '../support/media-source.ts';
import { sideBySide } from '../support/side-by-side.ts';

describe('HLS of what ffmpeg publishes over RTMP', function () {
  this.timeout(60_000);
  let server: Server;
  let folder: string;
  const itBeside = sideBySide();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hls-rtmp-'));
    const listen = { host: '127.0.0.1', port: 0 };
    const config = { rtmp: { listen }, hls: { listen, secure: { enabled: false } } };
    server = createServer({ modules: [rtmpModule, hlsModule], config, log: silentLog });
    await server.start();
  });

  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  function url(protocol: string, name: string): string {
    const found = server.urls().find((one) => one.protocol === protocol)?.url ?? '';
    return found.replace('HOST', '127.0.0.1').replaceAll('NAME', name);
  }

  for (const [name, encoder] of [
    ['plain', ['-bf', '0']],
    ['reordered', ['-bf', '2']],
  ] as const) {
    itBeside(`has the same pictures, sound and times in both variants (${name})`, async () => {
      const file = join(folder, `${name}.flv`);
      const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];
      const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30'];
      const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];
      const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '30', ...encoder];
      await run('ffmpeg', [...quiet, ...picture, ...sound, ...video, '-c:a', 'aac', '-ac', '2', '-t', '5', file]);
      const copied = await run('ffmpeg', [
        ...quiet,
        '-i',
        file,
        '-c',
        'copy',
        '-f',
        'mpegts',
        '-muxdelay',
        '0',
        'pipe:1',
      ]);
      const clip = { units: readUnits(copied, { seconds: 60 }, true), duration: seconds(5) };
      const publishing = run('ffmpeg', [...quiet, '-re', '-i', file, '-c', 'copy', '-f', 'flv', url('rtmp', name)]);
      await publishedSoon(name);
      const base = url('hls', name).replace(/\/[^/]*$/, '');
      await Promise.all([compareWithClip(`${base}/index.m3u8`, clip), compareWithClip(`${base}/ts.m3u8`, clip)]);
      await publishing;
    });
  }

  async function publishedSoon(name: string): Promise<void> {
    const until = performance.now() + 10_000;
    while (server.core.streams.find(name) === undefined) {
      if (performance.now() > until) throw new Error('nothing was published');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
});
