import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ForeignProgram, runForeign } from '../support/foreign-program.ts';
import { sideBySide } from '../support/side-by-side.ts';
import { waitFor } from '../support/wait-for.ts';
import { type BrowserPeerState, WebRtcBrowser } from '../support/webrtc-browser.ts';
import { startWebRtcServer, type WebRtcTestServer } from '../support/webrtc-server.ts';

const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];

/** The picture has moved on by so many frames, and sound was heard. */
function plays(frames: number, energy = 0.0001): (state: BrowserPeerState) => boolean {
  return (state) => state.frames >= frames && state.audioEnergy > energy && state.currentTime > 0;
}

describe('WebRTC with Chromium', function () {
  this.timeout(90_000);
  let browser: WebRtcBrowser;
  let running: WebRtcTestServer;
  let folder: string;
  const programs: ForeignProgram[] = [];
  const itBeside = sideBySide(2);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-webrtc-'));
    running = await startWebRtcServer();
    browser = await WebRtcBrowser.start();
  });

  after(async () => {
    for (const program of programs) await program.kill();
    await browser?.stop();
    await running?.server.stop();
    rmSync(folder, { recursive: true, force: true });
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  const whip = (name: string): string => `${running.origin}/whip/${name}`;
  const whep = (name: string): string => `${running.origin}/whep/${name}`;

  for (const codec of ['VP8', 'VP9', 'H264', 'AV1']) {
    itBeside(`publishes its camera in ${codec} and plays it: every kind of sound and picture, untouched`, async () => {
      const publisher = await browser.publish(whip(`cam-${codec}`), { codec: `video/${codec}` });
      await browser.waitFor(publisher, ({ connection, frames }) => connection === 'connected' && frames > 5);
      const viewer = await browser.play(whep(`cam-${codec}`));
      const state = await browser.waitFor(viewer, plays(60));
      assert.deepEqual([state.width, state.height], [640, 480]);
      assert.equal(state.videoCodec, `video/${codec}`);
      assert.equal(state.audioCodec, 'audio/opus');
      const later = await browser.waitFor(viewer, ({ frames }) => frames >= state.frames + 40);
      assert.ok(later.currentTime > state.currentTime);
      const stream = running.server.core.streams.find(`cam-${codec}`);
      assert.deepEqual(stream?.tracks.map(({ codec: { name } }) => name).sort(), [codec.toLowerCase(), 'opus'].sort());
      await browser.end(viewer);
      await browser.end(publisher);
      assert.equal(running.server.core.streams.find(`cam-${codec}`), undefined);
    });
  }

  itBeside('plays what ffmpeg publishes by RTMP: H.264 as it is, AAC as Opus', async () => {
    const publisher = publishRtmp('tv', ['-profile:v', 'baseline', '-bf', '0']);
    const viewer = await play('tv');
    const state = await browser.waitFor(viewer, plays(60), 40);
    assert.deepEqual([state.width, state.height], [640, 360]);
    assert.equal(state.videoCodec, 'video/H264');
    const tracks = running.server.core.streams.find('tv')?.tracks.map(({ id }) => id) ?? [];
    assert.deepEqual(
      tracks.filter((id) => id.startsWith('video')),
      ['video'],
      'the picture is not transcoded',
    );
    await browser.end(viewer);
    await publisher.interrupt();
  });

  itBeside('plays H.264 High as it is, and without its B-frames', async () => {
    const high = publishRtmp('high', ['-profile:v', 'high', '-bf', '0']);
    const viewer = await play('high');
    await browser.waitFor(viewer, plays(60), 40);
    const tracks = running.server.core.streams.find('high')?.tracks.map(({ id }) => id) ?? [];
    assert.deepEqual(
      tracks.filter((id) => id.startsWith('video')),
      ['video'],
    );
    await browser.end(viewer);
    await high.interrupt();
    const reordered = publishRtmp('reordered', ['-profile:v', 'high', '-bf', '2']);
    const other = await play('reordered');
    const state = await browser.waitFor(other, plays(60), 40);
    assert.deepEqual([state.width, state.height], [640, 360]);
    await browser.end(other);
    await reordered.interrupt();
  });

  itBeside('is seen by an RTSP player', async () => {
    const publisher = await browser.publish(whip('camera'), { codec: 'video/H264' });
    await browser.waitFor(publisher, ({ connection, frames }) => connection === 'connected' && frames > 5);
    const log = await runForeign('ffmpeg', [
      ...['-nostdin', '-rtsp_transport', 'tcp', '-i', running.url('rtsp', 'camera'), '-t', '3'],
      ...['-map', '0:v', '-map', '0:a', '-f', 'null', '-'],
    ]);
    assert.match(log, /Video: h264.*640x480/);
    assert.match(log, /Audio: opus, 48000 Hz/);
    const frames = Number(/frame= *(\d+)/g.exec(log.slice(log.lastIndexOf('frame=')))?.[1]);
    assert.ok(frames > 30, `${frames} frames`);
    await browser.end(publisher);
  });

  itBeside('restarts ICE and plays on', async () => {
    const publisher = await browser.publish(whip('restarted'), { codec: 'video/VP8' });
    await browser.waitFor(publisher, ({ frames }) => frames > 5);
    const viewer = await browser.play(whep('restarted'));
    const before = await browser.waitFor(viewer, plays(20));
    await browser.restart(viewer);
    await browser.restart(publisher);
    await browser.waitFor(
      viewer,
      ({ frames, connection }) => frames > before.frames + 60 && connection === 'connected',
    );
    await browser.end(viewer);
    await browser.end(publisher);
  });

  it('is told when the stream ends, and gives everything back', async () => {
    const { core } = running.server;
    // The first peer opens the doors of all.
    await browser.end(await browser.publish(whip('first')));
    await waitFor('rest', () => core.streams.count === 0 && core.sessions.count() === 0, 30);
    const openAtRest = core.scope.openScopes;
    const publisher = await browser.publish(whip('short'));
    await browser.waitFor(publisher, ({ frames }) => frames > 5);
    const viewer = await browser.play(whep('short'));
    await browser.waitFor(viewer, plays(10));
    await browser.end(publisher);
    await browser.waitFor(viewer, ({ connection }) => connection !== 'connected', 40);
    await browser.end(viewer, false);
    await waitFor('scopes to close', () => core.scope.openScopes <= openAtRest, 30);
    assert.equal(core.sessions.count('whip') + core.sessions.count('whep'), 0);
  });

  it('hears why it is refused', async () => {
    await assert.rejects(browser.play(whep('nothing')), /404/);
    const publisher = await browser.publish(whip('taken'));
    await assert.rejects(browser.publish(whip('taken')), /409/);
    await browser.end(publisher);
  });

  function publishRtmp(name: string, options: readonly string[]): ForeignProgram {
    const program = new ForeignProgram('ffmpeg', [
      ...[...quiet, '-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'],
      ...['-f', 'lavfi', '-i', 'sine=frequency=700:sample_rate=48000', '-t', '60'],
      ...['-c:v', 'libx264', '-preset', 'veryfast', '-g', '25', '-pix_fmt', 'yuv420p', ...options],
      ...['-c:a', 'aac', '-ac', '2', '-f', 'flv', running.url('rtmp', name)],
    ]);
    programs.push(program);
    return program;
  }

  /** Plays as soon as the stream is there. */
  async function play(name: string): Promise<number> {
    const { streams } = running.server.core;
    await waitFor(`the stream ${name}`, () => (streams.find(name)?.tracks.length ?? 0) >= 2, 20);
    return browser.play(whep(name));
  }
});
