import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { rtspModule } from '../../modules/rtsp/index.ts';
import { eventually } from '../conformance/suite.ts';
import { assertRun } from '../support/assert-run.ts';
import { run } from '../support/media-source.ts';

const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'];
const seconds = 4;
const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'];
/** Noise: no two packets are the same. */
const sound = (rate: number): string[] => ['-f', 'lavfi', '-i', `anoisesrc=sample_rate=${rate}:seed=1:amplitude=0.2`];
const pictures = ['-g', '25', '-b:v', '1200k', '-deadline', 'realtime', '-cpu-used', '8', '-auto-alt-ref', '0'];

/** ffmpeg does not see which packets of VP9 are key frames. */
const asSums = ['-c', 'copy', '-copyinkf', '-f', 'framemd5'];

interface Row {
  readonly name: string;
  /** The argv that makes the clip. */
  readonly clip: readonly string[];
  /** Matroska when not told. */
  readonly container?: string;
  /** Kind of what is compared, and how many packets there are at least of it. */
  readonly sums?: Readonly<Record<'v' | 'a', number>>;
  /** Telephony has no frames of its own: its bytes are compared, in this format of ffmpeg. */
  readonly bytes?: string;
}

const rows: readonly Row[] = [
  {
    name: 'VP8 and Opus',
    clip: [...picture, ...sound(48_000), '-c:v', 'libvpx', ...pictures, '-c:a', 'libopus', '-ac', '2'],
    sums: { v: 60, a: 120 },
  },
  {
    name: 'VP9 and MP3',
    clip: [...picture, ...sound(44_100), '-c:v', 'libvpx-vp9', ...pictures, '-c:a', 'libmp3lame', '-b:a', '128k'],
    sums: { v: 60, a: 80 },
  },
  { name: 'MPEG audio layer II', clip: [...sound(48_000), '-c:a', 'mp2'], sums: { v: 0, a: 80 } },
  { name: 'Speex', container: 'ogg', clip: [...sound(16_000), '-c:a', 'libspeex'], sums: { v: 0, a: 80 } },
  { name: 'G.711 µ-law', clip: [...sound(8_000), '-c:a', 'pcm_mulaw'], bytes: 'mulaw' },
  { name: 'G.711 A-law', clip: [...sound(8_000), '-c:a', 'pcm_alaw'], bytes: 'alaw' },
  { name: 'G.722', clip: [...sound(16_000), '-c:a', 'g722'], bytes: 'g722' },
];

/** MD5 of each packet as it is coded, in their order. */
function readSums(text: string, type: string): readonly string[] {
  const stream = new RegExp(`^#media_type (\\d+): ${type}$`, 'm').exec(text)?.[1];
  return text
    .split('\n')
    .filter((line) => stream !== undefined && line.startsWith(`${stream},`))
    .map((line) => line.split(',')[5]?.trim() ?? '');
}

describe('RTP payload formats with ffmpeg', function () {
  this.timeout(60_000);
  let server: Server;
  let folder: string;
  let url: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-payloads-'));
    server = createServer({
      modules: [rtpModule, rtspModule],
      config: { rtsp: { listen: { host: '127.0.0.1', port: 0 } } },
      log: silentLog,
    });
    await server.start();
    const found = server.urls().find(({ protocol }) => protocol.toUpperCase() === 'RTSP')?.url ?? '';
    url = found.replace('HOST', '127.0.0.1').replace('NAME', 'clip');
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await server.stop();
    assert.equal(server.core.scope.openScopes, 0);
    rmSync(folder, { recursive: true, force: true });
  });

  function start(command: string, argv: readonly string[]): { done: Promise<unknown> } {
    // GStreamer takes the end of a live stream for a mishap and says so at length.
    const child = spawn(command, argv, { stdio: ['ignore', 'ignore', command === 'ffmpeg' ? 'inherit' : 'ignore'] });
    children.push(child);
    return { done: once(child, 'exit') };
  }

  /** Publishes, plays from as soon as the stream is there to its end, and writes what was played in two forms. */
  async function pass(publish: { command: string; argv: readonly string[] }, output: readonly string[]): Promise<void> {
    const published = start(publish.command, publish.argv);
    await eventually('the stream', () => server.core.streams.find('clip')?.settling.settled === true);
    const played = start('ffmpeg', [...quiet, '-rtsp_transport', 'tcp', '-i', url, ...output]);
    await published.done;
    await played.done;
  }

  function compareSums(file: string, source: string, least: Readonly<Record<'v' | 'a', number>>): void {
    const played = readFileSync(file, 'utf8');
    for (const [kind, type] of [
      ['v', 'video'],
      ['a', 'audio'],
    ] as const) {
      if (least[kind] === 0) continue;
      assertRun(readSums(played, type), readSums(source, type), least[kind], type);
    }
  }

  for (const { name, clip, container = 'mkv', sums, bytes } of rows) {
    for (const transport of sums === undefined || sums.v === 0 ? ['tcp'] : ['tcp', 'udp']) {
      it(`passes on bit by bit ${name} that came over ${transport}`, async () => {
        const file = join(folder, `clip.${container}`);
        await run('ffmpeg', [...quiet, ...clip, '-t', String(seconds), file]);
        const argv = [...quiet, '-re', '-i', file, '-c', 'copy', '-strict', '-2', '-f', 'rtsp'];
        const publish = { command: 'ffmpeg', argv: [...argv, '-rtsp_transport', transport, url] };
        const out = join(folder, 'out');
        const form = bytes === undefined ? asSums : ['-c', 'copy', '-f', bytes];
        await pass(publish, [...form, out]);
        const source = await run('ffmpeg', [...quiet, '-i', file, ...form, '-']);
        if (sums !== undefined) {
          compareSums(out, source.toString(), sums);
          return;
        }
        const played = readFileSync(out);
        assert.ok(played.length > 16_000, `${played.length} bytes`);
        assert.ok(source.includes(played), 'another sound was played');
      });
    }
  }

  it('passes on bit by bit VP9 in non-flexible mode, from GStreamer', async () => {
    const file = join(folder, 'clip.mkv');
    const clip = [...picture, '-c:v', 'libvpx-vp9', ...pictures, '-t', String(seconds), file];
    await run('ffmpeg', [...quiet, ...clip]);
    const argv = ['-q', 'filesrc', `location=${file}`, '!', 'matroskademux', '!', 'identity', 'sync=true', '!'];
    const publish = {
      command: 'gst-launch-1.0',
      argv: [...argv, 'rtspclientsink', `location=${url}`, 'protocols=tcp'],
    };
    const out = join(folder, 'out');
    await pass(publish, [...asSums, out]);
    const source = await run('ffmpeg', [...quiet, '-i', file, ...asSums, '-']);
    compareSums(out, source.toString(), { v: 60, a: 0 });
  });

  for (const [name, encoder] of [
    ['VP8', 'libvpx'],
    ['VP9', 'libvpx-vp9'],
  ] as const) {
    it(`is read by GStreamer bit by bit: ${name}`, async () => {
      const file = join(folder, 'clip.mkv');
      await run('ffmpeg', [...quiet, ...picture, '-c:v', encoder, ...pictures, '-t', String(seconds), file]);
      const argv = [
        ...quiet,
        '-re',
        '-i',
        file,
        '-c',
        'copy',
        '-strict',
        '-2',
        '-f',
        'rtsp',
        '-rtsp_transport',
        'tcp',
        url,
      ];
      const published = start('ffmpeg', argv);
      await eventually('the stream', () => server.core.streams.find('clip')?.settling.settled === true);
      const out = join(folder, 'out.mkv');
      const source = ['rtspsrc', `location=${url}`, 'protocols=tcp', 'latency=0', '!', `rtp${name.toLowerCase()}depay`];
      const played = start('gst-launch-1.0', ['-q', ...source, '!', 'matroskamux', '!', 'filesink', `location=${out}`]);
      await published.done;
      await played.done;
      const sumsOf = async (path: string): Promise<readonly string[]> =>
        readSums((await run('ffmpeg', [...quiet, '-i', path, ...asSums, '-'])).toString(), 'video');
      assertRun(await sumsOf(out), await sumsOf(file), 60, 'pictures');
    });
  }
});
