import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hlsModule } from '../../modules/hls/index.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { transcoders } from '../../transcoders/index.ts';
import { eventually } from '../conformance/suite.ts';
import { assertRun } from '../support/assert-run.ts';
import { ForeignProgram } from '../support/foreign-program.ts';
import { readFrameTable } from '../support/frame-table.ts';
import { run } from '../support/media-source.ts';
import { type KnownClip, makeKnownClip } from '../support/rtsp-clip.ts';
import { RtspTestServer } from '../support/rtsp-server.ts';
import { sideBySide } from '../support/side-by-side.ts';
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

function readTimes(told: string | Buffer): Times {
  const table = readFrameTable(told);
  const of = (stream: number): Map<string, number> => {
    const tick = table.timeBases.get(stream) ?? 1;
    return new Map(table.of(stream).map(({ sum, pts }) => [sum, pts * tick]));
  };
  return { video: of(0), audio: of(1) };
}

/** By how much the units of one medium came later than in the source: the middle one of all. */
function shiftOf(got: ReadonlyMap<string, number>, source: ReadonlyMap<string, number>): number {
  const shifts = [...got].flatMap(([sum, at]) => (source.has(sum) ? [at - (source.get(sum) ?? 0)] : []));
  return shifts.sort((a, b) => a - b)[Math.floor(shifts.length / 2)] ?? Number.NaN;
}

const fromStart = ['-live_start_index', '0', '-i'];

describe('RTSP to other protocols', function () {
  this.timeout(60_000);
  let running: RtspTestServer;
  let folder: string;
  let clip: KnownClip;
  let source: Times;
  const programs: ForeignProgram[] = [];
  const itBeside = sideBySide();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-rtsp-crossing-'));
    clip = await makeKnownClip(folder);
    source = readTimes(await run('ffmpeg', [...quiet, '-i', clip.file, ...asTimes]));
    assert.equal(source.video.size, 125);
    const listen = { host: '127.0.0.1', port: 0 };
    running = await RtspTestServer.start(
      {},
      { server: { drain: '1s' }, rtmp: { listen }, hls: { listen, secure: { enabled: false } } },
      [rtmpModule, hlsModule, ...transcoders],
    );
  });

  after(async () => {
    await Promise.all(programs.map((program) => program.kill()));
    rmSync(folder, { recursive: true, force: true });
    await running.stop();
  });

  const playlist = (stream: string, name: string): string =>
    running.url('http', stream).replace(/\/[^/]*$/, `/${name}`);

  function start(name: string, argv: readonly string[]): ForeignProgram {
    const program = new ForeignProgram(name, argv);
    programs.push(program);
    return program;
  }

  async function publish(name: string, ...options: string[]): Promise<ForeignProgram> {
    const to = ['-f', 'rtsp', '-rtsp_transport', 'tcp', running.url('rtsp', name)];
    const publisher = start('ffmpeg', [...quiet, ...options, ...to]);
    await eventually('the stream', () => running.isReady(name));
    return publisher;
  }

  const publishClip = (name: string): Promise<ForeignProgram> => publish(name, '-re', '-i', clip.file, '-c', 'copy');

  for (const [name, input] of [
    ['RTMP', (stream: string) => ['-i', running.url('rtmp', stream)]],
    ['RTSP over TCP', (stream: string) => ['-rtsp_transport', 'tcp', '-i', running.url('rtsp', stream)]],
    ['RTSP over UDP', (stream: string) => ['-rtsp_transport', 'udp', '-i', running.url('rtsp', stream)]],
    ['HLS in fragmented MP4', (stream: string) => [...fromStart, playlist(stream, 'index.m3u8')]],
    ['HLS in MPEG-TS', (stream: string) => [...fromStart, playlist(stream, 'ts.m3u8'), '-bsf:a', 'aac_adtstoasc']],
  ] as const) {
    itBeside(`passes on bit by bit, sound and picture together within 5 ms, to ${name}`, async () => {
      const stream = name.replaceAll(' ', '-');
      const publisher = await publishClip(stream);
      const player = start('ffmpeg', [...quiet, ...input(stream), ...asTimes]);
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
    itBeside(`gives HLS the sound of ${name} camera in AAC`, async () => {
      const tone = ['-f', 'lavfi', '-i', 'sine=frequency=1000:sample_rate=48000'];
      const picture = ['-re', '-i', clip.file];
      const stream = list.replace('.m3u8', '-camera');
      await publish(stream, ...picture, ...tone, '-map', '0:v', '-map', '1:a', '-shortest', '-c:v', 'copy', ...encoder);
      const player = [...quiet, ...fromStart, playlist(stream, list), '-map', '0:a'];
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
