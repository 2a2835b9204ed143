import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { eventually } from '../conformance/suite.ts';
import { assertRun } from '../support/assert-run.ts';
import { ForeignProgram } from '../support/foreign-program.ts';
import { type FrameTable, readFrameTable } from '../support/frame-table.ts';
import { run } from '../support/media-source.ts';
import { makeKnownClip } from '../support/rtsp-clip.ts';
import { RtspTestServer } from '../support/rtsp-server.ts';
import { sideBySide } from '../support/side-by-side.ts';

const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];

/** md5 of every decoded picture (stream 0) and of every AAC frame as it is coded (stream 1). */
const asSums = ['-map', '0:v', '-map', '0:a', '-c:v', 'rawvideo', '-c:a', 'copy', '-f', 'framemd5', '-'];

describe('RTSP with ffmpeg', function () {
  this.timeout(60_000);
  let running: RtspTestServer;
  let folder: string;
  let clip: string;
  let source: FrameTable;
  const programs: ForeignProgram[] = [];
  const itBeside = sideBySide();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-rtsp-'));
    clip = (await makeKnownClip(folder, { seconds: 6 })).file;
    source = readFrameTable(await run('ffmpeg', [...quiet, '-i', clip, ...asSums]));
    assert.equal(source.of(0).length, 150);
    running = await RtspTestServer.start({}, { rtmp: { listen: { host: '127.0.0.1', port: 0 } } }, [rtmpModule]);
  });

  after(async () => {
    await Promise.all(programs.map((program) => program.kill()));
    rmSync(folder, { recursive: true, force: true });
    await running.stop();
  });

  function start(argv: readonly string[]): ForeignProgram {
    const program = new ForeignProgram('ffmpeg', [...quiet, ...argv]);
    programs.push(program);
    return program;
  }

  /** Publishes the clip from `from` and plays it as soon as it is there to its end over `to`; each is `tcp` or `udp`, or `rtmp`. */
  async function compare(from: string, to: string): Promise<void> {
    const name = `${from}-to-${to}`;
    const url = (protocol: string): string => running.url(protocol === 'rtmp' ? 'rtmp' : 'rtsp', name);
    const over = (protocol: string): string[] => (protocol === 'rtmp' ? [] : ['-rtsp_transport', protocol]);
    const form = from === 'rtmp' ? 'flv' : 'rtsp';
    const published = start(['-re', '-i', clip, '-c', 'copy', '-f', form, ...over(from), url(from)]);
    await eventually('the stream', () => running.isReady(name));
    const played = start([...over(to), '-i', url(to), ...asSums]);
    await published.succeeds();
    const got = readFrameTable(await played.succeeds());
    assertRun(got.sums(0), source.sums(0), 101, 'pictures');
    assertRun(got.sums(1), source.sums(1), 181, 'sounds');
    await eventually('the end of the stream', () => running.server.core.streams.find(name) === undefined);
  }

  for (const from of ['tcp', 'udp']) {
    for (const to of ['tcp', 'udp']) {
      itBeside(`passes on bit by bit what came over ${from} to ${to}`, () => compare(from, to));
    }
  }

  itBeside('passes on bit by bit what came by RTMP', () => compare('rtmp', 'tcp'));

  itBeside('passes on bit by bit what came by RTSP to RTMP', () => compare('tcp', 'rtmp'));
});
