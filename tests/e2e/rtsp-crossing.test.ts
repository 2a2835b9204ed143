import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { hlsModule } from '../../modules/hls/index.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { rtspModule } from '../../modules/rtsp/index.ts';
import { transcoders } from '../../transcoders/index.ts';
import { eventually } from '../conformance/suite.ts';
import { assertRun } from '../support/assert-run.ts';
import { ForeignProgram } from '../support/foreign-program.ts';
import { run } from '../support/media-source.ts';
import { type KnownClip, makeKnownClip } from '../support/rtsp-clip.ts';
import { measureFrequency } from '../support/tone-source.ts';

const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];

/** When a picture (decoded) or a sound frame (as coded) comes, in seconds, by its md5. */
interface Times {
  readonly video: ReadonlyMap<string, number>;
  readonly audio: ReadonlyMap<string, number>;
}

const asTimes = [
  ...['-map', '0:v', '-map', '0:a', '-copyts', '-fps_mode', 'passthrough', '-enc_time_base', '1:90000'],
  ...['-c:v', 'rawvideo', '-c:a', 'copy', '-f', 'framemd5', '-'],
];

function readTimes(table: string): Times {
  const bases = [...table.matchAll(/^#tb \d: (\d+)\/(\d+)/gm)].map(([, num, den]) => Number(num) / Number(den));
  const of = (stream: number): Map<string, number> => {
    const rows = table.matchAll(
      new RegExp(String.raw`^${stream},\s*-?\d+,\s*(-?\d+),\s*\d+,\s*\d+, ([0-9a-f]{32})`, 'gm'),
    );
    return new Map([...rows].map(([, pts, sum]) => [sum ?? '', Number(pts) * (bases[stream] ?? 1)]));
  };
  return { video: of(0), audio: of(1) };
}

/** By how much the units of one medium came later than in the source: the middle one of all. */
function shiftOf(got: ReadonlyMap<string, number>, source: ReadonlyMap<string, number>): number {
  const shifts = [...got].flatMap(([sum, at]) => (source.has(sum) ? [at - (source.get(sum) ?? 0)] : []));
  return shifts.sort((a, b) => a - b)[Math.floor(shifts.length / 2)] ?? Number.NaN;
}

describe('RTSP to other protocols', function () {
  this.timeout(60_000);
  let server: Server;
  let folder: string;
  let clip: KnownClip;
  let source: Times;
  const programs: ForeignProgram[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-rtsp-crossing-'));
    clip = await makeKnownClip(folder);
    source = readTimes((await run('ffmpeg', [...quiet, '-i', clip.file, ...asTimes])).toString());
    assert.equal(source.video.size, 125);
  });

  beforeEach(async () => {
    const listen = { host: '127.0.0.1', port: 0 };
    server = createServer({
      modules: [rtpModule, rtspModule, rtmpModule, hlsModule, ...transcoders],
      config: {
        server: { drain: '1s' },
        rtsp: { listen },
        rtmp: { listen },
        hls: { listen, secure: { enabled: false } },
      },
      log: silentLog,
    });
    await server.start();
  });

  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program.kill()));
    await server.stop();
    assert.equal(server.core.scope.openScopes, 0);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  function url(protocol: string): string {
    const found = server.urls().find(({ url }) => url.startsWith(`${protocol}://`))?.url ?? '';
    return found.replace('HOST', '127.0.0.1').replaceAll('NAME', 'cam');
  }

  const playlist = (name: string): string => url('http').replace(/\/[^/]*$/, `/${name}`);

  function start(name: string, argv: readonly string[]): ForeignProgram {
    const program = new ForeignProgram(name, argv);
    programs.push(program);
    return program;
  }

  async function publish(...options: string[]): Promise<ForeignProgram> {
    const publisher = start('ffmpeg', [...quiet, ...options, '-f', 'rtsp', '-rtsp_transport', 'tcp', url('rtsp')]);
    await eventually('the stream', () => server.core.streams.find('cam')?.settling.settled === true);
    return publisher;
  }

  const publishClip = (): Promise<ForeignProgram> => publish('-re', '-i', clip.file, '-c', 'copy');

  for (const [name, input] of [
    ['RTMP', () => ['-i', url('rtmp')]],
    ['RTSP over TCP', () => ['-rtsp_transport', 'tcp', '-i', url('rtsp')]],
    ['RTSP over UDP', () => ['-rtsp_transport', 'udp', '-i', url('rtsp')]],
    ['HLS in fragmented MP4', () => ['-live_start_index', '0', '-i', playlist('index.m3u8')]],
    ['HLS in MPEG-TS', () => ['-live_start_index', '0', '-i', playlist('ts.m3u8'), '-bsf:a', 'aac_adtstoasc']],
  ] as const) {
    it(`passes on bit by bit, sound and picture together within 5 ms, to ${name}`, async () => {
      const publisher = await publishClip();
      const player = start('ffmpeg', [...quiet, ...input(), ...asTimes]);
      await publisher.succeeds();
      const got = readTimes(await player.succeeds());
      // Who comes late to a stream over RTP or RTMP begins at the newest key frame; a playlist has them all.
      const least = name.startsWith('HLS') ? { video: 125, audio: 225 } : { video: 75, audio: 140 };
      assertRun([...got.video.keys()], [...source.video.keys()], least.video, 'pictures');
      assertRun([...got.audio.keys()], [...source.audio.keys()], least.audio, 'sounds');
      const offset = shiftOf(got.audio, source.audio) - shiftOf(got.video, source.video);
      assert.ok(Math.abs(offset) <= 0.005, `sound is ${(offset * 1_000).toFixed(1)} ms late`);
    });
  }

  for (const [name, list, encoder] of [
    // Opus goes into fragmented MP4 as it is; MPEG-TS has it in AAC.
    ['an Opus', 'ts.m3u8', ['-c:a', 'libopus', '-ar', '48000', '-ac', '2']],
    ['a G.711', 'index.m3u8', ['-c:a', 'pcm_mulaw', '-ar', '8000', '-ac', '1']],
  ] as const) {
    it(`gives HLS the sound of ${name} camera in AAC`, async () => {
      const tone = ['-f', 'lavfi', '-i', 'sine=frequency=1000:sample_rate=48000'];
      const picture = ['-re', '-i', clip.file];
      await publish(...picture, ...tone, '-map', '0:v', '-map', '1:a', '-shortest', '-c:v', 'copy', ...encoder);
      const player = [...quiet, '-live_start_index', '0', '-i', playlist(list), '-map', '0:a'];
      const codec = await run('ffmpeg', [...player, '-c', 'copy', '-t', '0.1', '-f', 'framehash', '-']);
      assert.match(codec.toString(), /#codec_id 0: aac/);
      const decoding = ['-af', 'pan=mono|c0=c0', '-ar', '48000', '-t', '2', '-f', 'f32le', '-'];
      const bytes = await run('ffmpeg', [...player, '-ss', '0.5', ...decoding]);
      const samples = new Float32Array(new Uint8Array(bytes).buffer);
      assert.ok(samples.length >= 48_000, `${samples.length} samples`);
      const frequency = measureFrequency(samples);
      assert.ok(Math.abs(frequency - 1_000) <= 1, `${frequency} Hz`);
    });
  }
});
