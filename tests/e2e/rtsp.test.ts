import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { rtspModule } from '../../modules/rtsp/index.ts';
import { eventually } from '../conformance/suite.ts';
import { assertRun } from '../support/assert-run.ts';
import { run } from '../support/media-source.ts';

const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];

/** md5 of every decoded picture and of every AAC frame as it is coded, in their order. */
interface Sums {
  readonly video: readonly string[];
  readonly audio: readonly string[];
}

function readSums(text: string): Sums {
  const of = (stream: string): string[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${stream},`))
      .map((line) => line.split(',')[5]?.trim() ?? '');
  return { video: of('0'), audio: of('1') };
}

const asSums = ['-map', '0:v', '-map', '0:a', '-c:v', 'rawvideo', '-c:a', 'copy', '-f', 'framemd5'];

describe('RTSP with ffmpeg', function () {
  this.timeout(60_000);
  let server: Server;
  let folder: string;
  let clip: string;
  let source: Sums;
  let rtsp: string;
  let rtmp: string;
  const children: ChildProcess[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-rtsp-'));
    clip = join(folder, 'clip.mp4');
    await run('ffmpeg', [
      ...quiet,
      ...[
        '-f',
        'lavfi',
        '-i',
        'testsrc2=size=640x360:rate=25',
        '-f',
        'lavfi',
        '-i',
        'sine=frequency=700:sample_rate=48000',
      ],
      ...[
        '-t',
        '6',
        '-c:v',
        'libx264',
        '-preset',
        'veryfast',
        '-bf',
        '2',
        '-g',
        '25',
        '-sc_threshold',
        '0',
        '-pix_fmt',
        'yuv420p',
      ],
      ...['-b:v', '1500k', '-c:a', 'aac', '-ac', '2', clip],
    ]);
    source = readSums((await run('ffmpeg', [...quiet, '-i', clip, ...asSums, '-'])).toString());
    assert.equal(source.video.length, 150);
  });

  beforeEach(async () => {
    const listen = { host: '127.0.0.1', port: 0 };
    server = createServer({
      modules: [rtpModule, rtspModule, rtmpModule],
      config: { rtsp: { listen }, rtmp: { listen } },
      log: silentLog,
    });
    await server.start();
    const url = (protocol: string): string =>
      (server.urls().find((one) => one.protocol.toUpperCase() === protocol)?.url ?? '').replace('HOST', '127.0.0.1');
    [rtsp, rtmp] = [url('RTSP').replace('NAME', 'clip'), url('RTMP').replace('NAME', 'clip')];
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await server.stop();
    assert.equal(server.core.scope.openScopes, 0);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  function start(argv: readonly string[]): { done: Promise<unknown> } {
    const child = spawn('ffmpeg', [...quiet, ...argv], { stdio: ['ignore', 'ignore', 'inherit'] });
    children.push(child);
    return { done: once(child, 'exit') };
  }

  /** Publishes the clip, plays it from as soon as it is there to its end, and compares. */
  async function compare(publish: readonly string[], play: readonly string[]): Promise<void> {
    const published = start(['-re', '-i', clip, '-c', 'copy', ...publish]);
    await eventually('the stream', () => server.core.streams.find('clip')?.settling.settled === true);
    const file = join(folder, 'sums.txt');
    rmSync(file, { force: true });
    const played = start([...play, ...asSums, '-y', file]);
    await published.done;
    await played.done;
    const sums = readSums(readFileSync(file, 'utf8'));
    assertRun(sums.video, source.video, 101, 'pictures');
    assertRun(sums.audio, source.audio, 181, 'sounds');
  }

  for (const from of ['tcp', 'udp']) {
    for (const to of ['tcp', 'udp']) {
      it(`passes on bit by bit what came over ${from} to ${to}`, () =>
        compare(['-f', 'rtsp', '-rtsp_transport', from, rtsp], ['-rtsp_transport', to, '-i', rtsp]));
    }
  }

  it('passes on bit by bit what came by RTMP', () =>
    compare(['-f', 'flv', rtmp], ['-rtsp_transport', 'tcp', '-i', rtsp]));

  it('passes on bit by bit what came by RTSP to RTMP', () =>
    compare(['-f', 'rtsp', '-rtsp_transport', 'tcp', rtsp], ['-i', rtmp]));
});
