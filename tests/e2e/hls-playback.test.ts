import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import { readAdtsHeader } from '../../wire/codec-records/adts.ts';
import { splitAnnexB } from '../../wire/codec-records/nal.ts';
import { HlsServer } from '../support/hls-server.ts';
import { type Clip, MediaSource, makeClip, run } from '../support/media-source.ts';

/** Foreign players take what we packaged, and what they got is what was published. */
describe('HLS: foreign players', function () {
  this.timeout(60_000);
  let server: HlsServer;
  const clips = new Map<string, Clip>();

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
    it(`carries every unit of a stream (${kind}) in both variants, bit by bit and in time`, async () => {
      const clip = clips.get(kind) as Clip;
      const source = await MediaSource.publish(server.core, kind, clip);
      const ended = source.finished.then(() => source.end());
      const urls = [`${server.url}/${kind}/${kind}.m3u8`, `${server.url}/${kind}/ts.m3u8`];
      await Promise.all(urls.map((url) => compare(url, clip)));
      await ended;
    });
  }

  it('plays in mpv', async () => {
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

  it('plays in VLC', async () => {
    const source = await MediaSource.publish(server.core, 'vlc', clips.get('plain') as Clip, { loop: true });
    const folder = await mkdtemp(join(tmpdir(), 'hls-vlc-'));
    const file = join(folder, 'got.ts');
    await chmod(folder, 0o777);
    await vlc(`${server.url}/vlc/vlc.m3u8`, file, 12);
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

/** Everything of `clip` from its first unit on, as ffmpeg read it from `url` to its end. */
async function compare(url: string, clip: Clip): Promise<void> {
  const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-live_start_index', '0', '-i', url];
  const video = clip.units.filter(({ codec }) => codec.kind === 'video');
  const audio = clip.units.filter(({ codec }) => codec.kind === 'audio');
  const name = video[0]?.codec.name;
  const outputs: string[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'hls-'));
  const files = { video: join(folder, 'video.es'), audio: join(folder, 'audio.adts') };
  if (video.length > 0) outputs.push('-map', '0:v', '-c', 'copy', '-f', name === 'h265' ? 'hevc' : 'h264', files.video);
  if (audio.length > 0) outputs.push('-map', '0:a', '-c', 'copy', '-f', 'adts', files.audio);
  outputs.push('-map', '0', '-c', 'copy', '-copyts', '-f', 'framecrc', 'pipe:1');
  const table = await run('ffmpeg', [...quiet, ...outputs]);
  if (video.length > 0) {
    const read = splitAnnexB(await readFile(files.video), 'test');
    const isH265 = name === 'h265';
    const got = read.filter((unit) => isPicture(unit, isH265));
    const sent = video.flatMap(({ parts }) => parts.filter((unit) => isPicture(unit, isH265)));
    assertSame(got, sent, 'NAL units');
  }
  if (audio.length > 0) {
    const read = splitAdts(await readFile(files.audio));
    // Who joins gets the sound that goes with the first picture; sound alone has no cache, and begins when it came.
    assert.ok(
      read.length >= audio.length - (video.length > 0 ? 4 : 70),
      `${read.length} of ${audio.length} AAC frames`,
    );
    audio.splice(0, audio.length - read.length);
    assertSame(
      read,
      audio.flatMap(({ parts }) => parts),
      'AAC frames',
    );
  }
  assertTimes(table.toString(), video, audio);
  await rm(folder, { recursive: true });
}

function isPicture(unit: Buffer, isH265: boolean): boolean {
  const type = isH265 ? ((unit[0] ?? 0) >> 1) & 0x3f : (unit[0] ?? 0) & 0x1f;
  return isH265 ? type < 32 : type <= 5;
}

function splitAdts(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const header = readAdtsHeader(bytes, at);
    frames.push(bytes.subarray(at + header.headerLength, at + header.frameLength));
    at += header.frameLength;
  }
  return frames;
}

function assertSame(got: readonly Buffer[], sent: readonly Buffer[], what: string): void {
  assert.equal(got.length, sent.length, `${what}: count`);
  got.forEach((one, index) => assert.ok(one.equals(sent[index] as Buffer), `${what}: ${index} of ${sent.length}`));
}

/** Times of all units against the clip's, up to one shift for all tracks: the offset between sound and picture holds. */
function assertTimes(table: string, video: readonly AccessUnit[], audio: readonly AccessUnit[]): void {
  const bases = [...table.matchAll(/^#tb (\d+): (\d+)\/(\d+)/gm)].map(([, , num, den]) => Number(num) / Number(den));
  const rows = [...table.matchAll(/^(\d+),\s*(-?\d+),\s*(-?\d+),/gm)];
  const tracks = video.length > 0 && audio.length > 0 ? [video, audio] : [video.length > 0 ? video : audio];
  let shift: number | undefined;
  tracks.forEach((units, stream) => {
    const base = bases[stream] ?? 1;
    const read = rows.filter(([, index]) => Number(index) === stream);
    assert.equal(read.length, units.length);
    read.forEach(([, , dts, pts], index) => {
      const unit = units[index] as AccessUnit;
      const seconds = Number(pts) * base;
      shift ??= seconds - unit.pts / 1e6;
      assert.ok(
        Math.abs(seconds - shift - unit.pts / 1e6) < 0.0011,
        `pts of unit ${index} of track ${stream}: ${seconds}`,
      );
      assert.ok(
        Math.abs(Number(dts) * base - shift - unit.dts / 1e6) < 0.0011,
        `dts of unit ${index} of track ${stream}`,
      );
    });
  });
}

/** Lets VLC play into a file. */
function vlc(url: string, file: string, seconds: number): Promise<void> {
  const argv = [
    '-I',
    'dummy',
    '--quiet',
    '--sout',
    `#std{access=file,mux=ts,dst=${file}}`,
    '--run-time',
    String(seconds),
  ];
  return new Promise((resolve, reject) => {
    // VLC refuses to run as root.
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const env = { ...process.env, HOME: '/tmp' };
    const child = spawn('vlc', [...argv, url, 'vlc://quit'], { stdio: 'ignore', env, ...nobody });
    child.on('error', reject);
    child.on('close', () => resolve());
  });
}
