import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TsDemuxer } from '../../wire/mpegts/demuxer.ts';
import { StreamType } from '../../wire/mpegts/packet.ts';
import type { TsPes } from '../../wire/mpegts/pes-assembler.ts';
import { eventually } from '../conformance/suite.ts';
import { compareWithClip } from '../support/hls-compare.ts';
import { HlsServer } from '../support/hls-server.ts';
import { type Clip, MediaSource, makeClip, run } from '../support/media-source.ts';
import { sideBySide } from '../support/side-by-side.ts';

/** Foreign players take what we packaged, and what they got is what was published. */
describe('HLS: foreign players', function () {
  this.timeout(60_000);
  let server: HlsServer;
  const clips = new Map<string, Clip>();
  const itBeside = sideBySide();

  before(async () => {
    clips.set('plain', await makeClip({ seconds: 4 }));
    clips.set('reordered', await makeClip({ seconds: 4, bFrames: 2, group: 60 }));
    clips.set('sound', await makeClip({ seconds: 4, video: 'none' }));
    clips.set('silent', await makeClip({ seconds: 4, audio: 'none' }));
    clips.set('h265', await makeClip({ seconds: 4, video: 'h265' }));
    server = await HlsServer.start();
  });

  after(async () => {
    await server.stop();
    assert.deepEqual(server.core.failures, []);
    assert.equal(server.core.scope.openScopes, 0);
  });

  for (const kind of ['plain', 'reordered', 'sound', 'silent', 'h265']) {
    itBeside(`carries every unit of a stream (${kind}) in both variants, bit by bit and in time`, async () => {
      const clip = clips.get(kind) as Clip;
      const source = await MediaSource.publish(server.core, kind, clip);
      const ended = source.finished.then(() => source.end());
      const urls = [`${server.url}/${kind}/${kind}.m3u8`, `${server.url}/${kind}/ts.m3u8`];
      await Promise.all(urls.map((url) => compareWithClip(url, clip)));
      await ended;
    });
  }

  itBeside('plays in mpv', async () => {
    const source = await MediaSource.publish(server.core, 'mpv', clips.get('plain') as Clip, { loop: true });
    const argv = ['--no-config', '--vo=null', '--ao=null', '--untimed', '--length=2', '--msg-level=all=warn'];
    const out = await run('mpv', [
      ...argv,
      '--term-playing-msg=${video-codec} ${audio-codec}',
      `${server.url}/mpv/mpv.m3u8`,
    ]);
    assert.doesNotMatch(out.toString(), /error|failed/i);
    await source.end();
  });

  itBeside('plays in VLC', async () => {
    const source = await MediaSource.publish(server.core, 'vlc', clips.get('plain') as Clip, { loop: true });
    const folder = await mkdtemp(join(tmpdir(), 'hls-vlc-'));
    const file = join(folder, 'got.ts');
    await chmod(folder, 0o777);
    await vlc(`${server.url}/vlc/vlc.m3u8`, file, 90);
    const frames = await run('ffprobe', [...countFrames, 'v:0', file]);
    assert.ok(Number.parseInt(frames.toString(), 10) > 90, `VLC took ${frames.toString()} frames`);
    await rm(folder, { recursive: true });
    await source.end();
  });
});

const countFrames = [
  '-v',
  'error',
  '-count_packets',
  '-show_entries',
  'stream=nb_read_packets',
  '-of',
  'csv=p=0',
  '-select_streams',
];

/** Lets VLC play into a file until it holds more than so many pictures. */
async function vlc(url: string, file: string, pictures: number): Promise<void> {
  const argv = ['-I', 'dummy', '--quiet', '--sout', `#std{access=file,mux=ts,dst=${file}}`];
  // VLC refuses to run as root.
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const env = { ...process.env, HOME: '/tmp' };
  const child = spawn('vlc', [...argv, url, 'vlc://quit'], { stdio: 'ignore', env, ...nobody });
  const gone = once(child, 'close');
  try {
    await eventually('pictures in the file', () => countPictures(file) > pictures, 40);
  } finally {
    child.kill('SIGINT');
    await gone;
  }
}

/** Those that are whole so far. */
function countPictures(file: string): number {
  if (!existsSync(file)) return 0;
  let count = 0;
  const onPes = ({ streamType }: TsPes): void => {
    if (streamType === StreamType.h264) count += 1;
  };
  const demuxer = new TsDemuxer({}, { onProgram: () => undefined, onPes });
  demuxer.push(readFileSync(file));
  return count;
}
