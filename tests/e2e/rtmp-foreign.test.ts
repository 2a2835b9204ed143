import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StreamPublished, TrackAdded } from '../../core/events/catalogue.ts';
import { type FrameRow, type FrameTable, readFrameTable } from '../support/frame-table.ts';
import { run } from '../support/media-source.ts';
import { type RtmpTestServer, startRtmpServer } from '../support/rtmp-server.ts';
import { sideBySide } from '../support/side-by-side.ts';

const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];

async function packetsOf(input: string): Promise<FrameTable> {
  const argv = [...quiet, '-copyts', '-i', input, '-map', '0', '-c', 'copy', '-f', 'framemd5', 'pipe:1'];
  return readFrameTable(await run('ffmpeg', argv));
}

/** The order of ffmpeg's streams depends on what came first. */
const of = (packets: FrameTable, kind: 'video' | 'audio'): readonly FrameRow[] => packets.of(packets.find(kind));

describe('RTMP with foreign clients', function () {
  this.timeout(60_000);
  let running: RtmpTestServer;
  let folder: string;
  const clips = new Map<string, string>();
  const children: ChildProcess[] = [];
  const itBeside = sideBySide();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rtmp-foreign-'));
    running = await startRtmpServer({}, { reconnectGrace: 0 });
    for (const [name, reorder] of [
      ['plain', '0'],
      ['reordered', '2'],
    ] as const) {
      const file = join(folder, `${name}.flv`);
      await run('ffmpeg', [
        ...quiet,
        ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30', '-f', 'lavfi', '-i', 'sine=sample_rate=48000'],
        ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '150', '-bf', reorder],
        ...['-c:a', 'aac', '-ac', '2', '-t', '4', file],
      ]);
      clips.set(name, file);
    }
  });

  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await running.stop();
    await rm(folder, { recursive: true });
  });

  const url = (name: string): string => `rtmp://127.0.0.1:${running.port}/live/${name}`;

  /** Resolves once the stream is there, before much of it has come. */
  async function published(name: string): Promise<void> {
    const { core } = running.server;
    if (core.streams.find(name) === undefined) {
      await core.events.next(StreamPublished, core.scope, ({ stream }) => stream.name === name);
    }
  }

  const publishers: readonly (readonly [string, (clip: string, name: string) => Promise<unknown>])[] = [
    ['ffmpeg', (clip, name) => run('ffmpeg', [...quiet, '-re', '-i', clip, '-c', 'copy', '-f', 'flv', url(name)])],
    [
      'GStreamer',
      (clip, name) =>
        run('gst-launch-1.0', [
          ...['-q', 'filesrc', `location=${clip}`, '!', 'flvdemux', 'name=d'],
          ...['flvmux', 'name=m', 'streamable=true', '!', 'rtmp2sink', `location=${url(name)}`],
          ...['d.video', '!', 'queue', '!', 'h264parse', '!', 'identity', 'sync=true', '!', 'm.'],
          ...['d.audio', '!', 'queue', '!', 'aacparse', '!', 'identity', 'sync=true', '!', 'm.'],
        ]),
    ],
  ];
  const players: readonly (readonly [string, (name: string, file: string) => Promise<unknown>])[] = [
    [
      'ffmpeg',
      (name, file) =>
        run('ffmpeg', [
          ...quiet,
          '-copyts',
          '-i',
          url(name),
          '-c',
          'copy',
          '-f',
          'flv',
          '-flvflags',
          'no_duration_filesize',
          file,
        ]),
    ],
    ['rtmpdump', (name, file) => run('rtmpdump', ['-q', '--live', '-r', url(name), '-o', file])],
    [
      'GStreamer',
      (name, file) =>
        run('gst-launch-1.0', ['-q', 'rtmp2src', `location=${url(name)}`, '!', 'filesink', `location=${file}`]),
    ],
  ];

  for (const [player, record] of players) {
    for (const clip of ['plain', 'reordered']) {
      itBeside(`ffmpeg → ${player}: every frame, byte for byte, at its time (${clip})`, async () => {
        const file = clips.get(clip) ?? '';
        const name = `ffmpeg-${player}-${clip}`;
        const publishing = publishers[0]?.[1](file, name);
        await published(name);
        const copy = join(folder, `${name}.flv`);
        await Promise.all([publishing, record(name, copy)]);
        const [sent, got] = await Promise.all([packetsOf(file), packetsOf(copy)]);
        const [video, expected] = [of(got, 'video'), of(sent, 'video')];
        assert.deepEqual(
          video.map(({ sum }) => sum),
          expected.map(({ sum }) => sum),
        );
        // ffmpeg as a player moves everything by the same amount; the distances must stay.
        const shift = (video[0]?.dts ?? 0) - (expected[0]?.dts ?? 0);
        assert.deepEqual(
          video.map(({ dts, pts }) => [dts - shift, pts - shift]),
          expected.map(({ dts, pts }) => [dts, pts]),
        );
        const [sound, allSound] = [of(got, 'audio'), of(sent, 'audio')];
        // A player begins at a picture: the sound before it is left out, and none after it.
        const from = allSound.findIndex(({ sum }) => sum === sound[0]?.sum);
        assert.ok(from >= 0 && from <= 4, `sound begins at frame ${from}`);
        // rtmp2src forgets a message that waits when it hears of the end; the others write down the last one.
        const lost = allSound.length - from - sound.length;
        assert.ok(lost === 0 || (player === 'GStreamer' && lost === 1), `${lost} sound frames lost at the end`);
        const expectedSound = allSound.slice(from, from + sound.length);
        assert.deepEqual(
          sound.map(({ sum, dts }) => [sum, dts - shift]),
          expectedSound.map(({ sum, dts }) => [sum, dts]),
        );
      });
    }
  }

  itBeside('GStreamer → ffmpeg: every picture', async () => {
    const file = clips.get('plain') ?? '';
    const publishing = publishers[1]?.[1](file, 'gst');
    await published('gst');
    const copy = join(folder, 'gst.flv');
    await Promise.all([publishing, players[0]?.[1]('gst', copy)]);
    const count = of(await packetsOf(copy), 'video').length;
    assert.equal(count, 120);
  });

  it('gives the first key frame at once on play, from a long group of pictures', async () => {
    const file = clips.get('plain') ?? '';
    const child = spawn('ffmpeg', [...quiet, '-re', '-i', file, '-c', 'copy', '-f', 'flv', url('quick')]);
    children.push(child);
    const { core } = running.server;
    await core.events.next(
      TrackAdded,
      core.scope,
      ({ stream, track }) => stream.name === 'quick' && track.kind === 'audio',
    );
    const { RtmpTestClient } = await import('../support/rtmp-client.ts');
    const player = await RtmpTestClient.connect({ port: running.port });
    const before = process.hrtime.bigint();
    await player.play('quick');
    await player.until(() => player.media('video').length > 1, 'the key frame');
    const millis = Number(process.hrtime.bigint() - before) / 1e6;
    // The goal is 100 ms, and `npm run bench -- rtmp` tells the figure; a server that waits for the next key frame is past this.
    assert.ok(millis < 1_000, `${millis} ms`);
    player.destroy();
    child.kill('SIGTERM');
    await once(child, 'exit');
  });

  itBeside('keeps ffmpeg playing while its publisher is killed and comes back', async () => {
    const again = await startRtmpServer({}, { reconnectGrace: '10s' });
    try {
      const target = `rtmp://127.0.0.1:${again.port}/live/back`;
      const file = clips.get('plain') ?? '';
      const first = spawn('ffmpeg', [...quiet, '-re', '-i', file, '-c', 'copy', '-f', 'flv', target]);
      children.push(first);
      const { core } = again.server;
      await core.events.next(TrackAdded, core.scope, ({ track }) => track.kind === 'audio');
      const copy = join(folder, 'back.flv');
      const recording = run('ffmpeg', [...quiet, '-i', target, '-c', 'copy', '-f', 'flv', copy]);
      const { SubscriberJoined } = await import('../../core/events/catalogue.ts');
      await core.events.next(SubscriberJoined, core.scope);
      first.kill('SIGKILL');
      await once(first, 'exit');
      await run('ffmpeg', [...quiet, '-re', '-i', file, '-t', '2', '-c', 'copy', '-f', 'flv', target]);
      await recording;
      const video = of(await packetsOf(copy), 'video');
      assert.ok(video.length >= 60, `${video.length} pictures`);
      const times = video.map(({ dts }) => dts);
      assert.deepEqual(
        times,
        [...times].sort((a, b) => a - b),
      );
    } finally {
      await again.stop();
    }
  });
});
