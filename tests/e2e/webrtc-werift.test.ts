import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ForeignProgram } from '../support/foreign-program.ts';
import { H264Recorder, md5OfPictures, type RecordedUnit } from '../support/h264-units.ts';
import { run } from '../support/media-source.ts';
import { sideBySide } from '../support/side-by-side.ts';
import { waitFor } from '../support/wait-for.ts';
import { startWebRtcServer, type WebRtcTestServer } from '../support/webrtc-server.ts';
import { WeriftClient } from '../support/werift-client.ts';

const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];
/** At 25 pictures a second, in ticks of 90 kHz. */
const step = 3_600;
const group = 25;

describe('WebRTC with werift', function () {
  this.timeout(90_000);
  let running: WebRtcTestServer;
  let folder: string;
  let clip: string;
  let source: readonly string[];
  const programs: ForeignProgram[] = [];
  const clients: WeriftClient[] = [];
  const itBeside = sideBySide();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-werift-'));
    clip = join(folder, 'clip.mp4');
    await run('ffmpeg', [
      ...[...quiet, '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'],
      ...['-f', 'lavfi', '-i', 'sine=frequency=700:sample_rate=48000', '-t', '8'],
      ...[
        '-c:v',
        'libx264',
        '-preset',
        'veryfast',
        '-profile:v',
        'baseline',
        '-g',
        String(group),
        '-sc_threshold',
        '0',
      ],
      ...['-b:v', '2M', '-pix_fmt', 'yuv420p', '-c:a', 'libopus', '-ac', '2', clip],
    ]);
    source = md5OfPictures(
      await run('ffmpeg', [...quiet, '-i', clip, '-map', '0:v', '-c', 'copy', '-f', 'h264', 'pipe:1']),
    );
    assert.equal(source.length, 200);
    assert.equal(new Set(source).size, 200);
    running = await startWebRtcServer();
  });

  after(async () => {
    for (const client of clients) await client.close();
    for (const program of programs) await program.kill();
    await running?.server.stop();
    rmSync(folder, { recursive: true, force: true });
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  itBeside('gets every picture of an RTMP publisher bit by bit, at its time', async () => {
    const publisher = start([
      ...['-re', '-i', clip, '-map', '0:v', '-c', 'copy', '-f', 'flv', running.url('rtmp', 'exact')],
    ]);
    await live('exact', 1);
    const recorder = await record('exact');
    await publisher.succeeds();
    await waitFor('the end of the stream', () => running.server.core.streams.find('exact') === undefined, 20);
    assertExact(recorder, 90); // RTMP knows milliseconds
  });

  itBeside('publishes H.264 and Opus, and gets them back bit by bit', async () => {
    const publisher = await WeriftClient.publish(`${running.origin}/whip/own`);
    clients.push(publisher);
    const rtp = (port: number): string => `rtp://127.0.0.1:${port}?pkt_size=1200`;
    const [video, audio] = [await publisher.feed('video'), await publisher.feed('audio')];
    const program = start([
      ...['-re', '-i', clip, '-map', '0:v', '-c', 'copy', '-bsf:v', 'h264_mp4toannexb', '-f', 'rtp', rtp(video)],
      ...['-map', '0:a', '-c', 'copy', '-f', 'rtp', rtp(audio)],
    ]);
    await live('own', 2);
    const stream = running.server.core.streams.find('own');
    assert.deepEqual(stream?.tracks.map(({ codec }) => codec.name).sort(), ['h264', 'opus']);
    let sound = 0;
    const recorder = await record('own', () => {
      sound += 1;
    });
    await program.succeeds();
    await waitFor('all that was sent', () => lastOf(recorder)?.md5 === source.at(-1), 10);
    // Sender reports bring sound and picture together, little by little.
    assertExact(recorder, 450);
    assert.ok(sound > 100, `${sound} packets of sound`);
    await publisher.end();
    await waitFor('the end of the stream', () => running.server.core.streams.find('own') === undefined);
  });

  /** Plays, and keeps the picture. */
  async function record(name: string, onSound: () => void = () => undefined): Promise<H264Recorder> {
    const recorder = new H264Recorder();
    const viewer = await WeriftClient.play(`${running.origin}/whep/${name}`, {
      onRtp: (kind, { header, payload }) => {
        if (kind === 'video') recorder.take(header.sequenceNumber, header.timestamp, payload);
        else onSound();
      },
    });
    clients.push(viewer);
    const tracks = running.server.core.streams.find(name)?.tracks.filter(({ kind }) => kind === 'video') ?? [];
    assert.equal(tracks.length, 1, 'the picture is not transcoded');
    return recorder;
  }

  /**
   * From a key frame on, all to the last, in order. Times are those of the source, give or take `slack` ticks, once the group that the
   * viewer began with has gone out, which is to be shown at once.
   */
  function assertExact(recorder: H264Recorder, slack: number): void {
    const units = recorder.units();
    assert.equal(recorder.missing, 0, 'packets are missing');
    assert.ok(units.length > 100, `${units.length} pictures`);
    assert.ok(units[0]?.isKeyframe);
    const from = source.indexOf(units[0].md5);
    assert.deepEqual(
      units.map(({ md5 }) => md5),
      source.slice(from),
    );
    for (const [index, { timestamp }] of units.entries()) {
      const ticks = (timestamp - (units[index - 1]?.timestamp ?? 0)) | 0;
      if (index > group) assert.ok(Math.abs(ticks - step) <= slack, `picture ${index}: ${ticks} ticks`);
    }
  }

  function lastOf(recorder: H264Recorder): RecordedUnit | undefined {
    return recorder.units().at(-1);
  }

  function start(argv: readonly string[]): ForeignProgram {
    const program = new ForeignProgram('ffmpeg', [...quiet, ...argv]);
    programs.push(program);
    return program;
  }

  async function live(name: string, tracks: number): Promise<void> {
    const { streams } = running.server.core;
    await waitFor(`the stream ${name}`, () => (streams.find(name)?.tracks.length ?? 0) >= tracks, 20);
  }
});
