import assert from 'node:assert/strict';
import { launchFirefox } from '../support/firefox.ts';
import { ForeignProgram } from '../support/foreign-program.ts';
import { paintedColours, paintedInputs, paintedTone } from '../support/painted-source.ts';
import { UdpRelay, udpPortOf } from '../support/udp-relay.ts';
import { waitFor } from '../support/wait-for.ts';
import { type BrowserPeerState, WebRtcBrowser } from '../support/webrtc-browser.ts';
import { startWebRtcServer, type WebRtcTestServer } from '../support/webrtc-server.ts';

/** The picture has moved on by so many frames, and sound was heard. */
function plays(frames: number): (state: BrowserPeerState) => boolean {
  return (state) => state.frames >= frames && state.audioEnergy > 0.0001 && state.currentTime > 0;
}

/** Debian's Firefox codes and decodes VP8, VP9 and AV1; its H.264 for WebRTC is a download of its own. */
describe('WebRTC with Firefox', function () {
  this.timeout(120_000);
  let browser: WebRtcBrowser;
  let running: WebRtcTestServer;
  /** What a test has opened; closed whatever becomes of it. */
  const open: (() => unknown)[] = [];

  before(async () => {
    running = await startWebRtcServer();
    browser = await WebRtcBrowser.start(launchFirefox);
  });

  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  after(async () => {
    await browser?.stop();
    await running?.server.stop();
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  const whip = (name: string): string => `${running.origin}/whip/${name}`;
  const whep = (name: string): string => `${running.origin}/whep/${name}`;
  const tracksOf = (name: string): string[] =>
    (running.server.core.streams.find(name)?.tracks ?? []).map(({ codec }) => codec.name).sort();

  for (const codec of ['VP8', 'VP9', 'AV1']) {
    it(`publishes in ${codec} and plays it: size, colours and pitch are right`, async () => {
      const name = `painted-${codec}`;
      const publisher = await browser.publish(whip(name), { codec: `video/${codec}`, painted: true });
      await browser.waitFor(publisher, ({ connection, frames }) => connection === 'connected' && frames > 5);
      const viewer = await browser.play(whep(name));
      const state = await browser.waitFor(viewer, plays(60), 40);
      assert.deepEqual([state.width, state.height], [320, 240]);
      assert.deepEqual([state.videoCodec, state.audioCodec], [`video/${codec}`, 'audio/opus']);
      assert.deepEqual(tracksOf(name), [codec.toLowerCase(), 'opus'].sort());
      await looksPainted(viewer);
      const later = await browser.waitFor(viewer, ({ frames }) => frames >= state.frames + 40, 40);
      assert.ok(later.currentTime > state.currentTime && later.audioEnergy > state.audioEnergy);
      await browser.end(viewer);
      await browser.end(publisher);
      assert.equal(running.server.core.streams.find(name), undefined);
    });
  }

  it('publishes camera and microphone, in the codec that it names first', async () => {
    const publisher = await browser.publish(whip('camera'));
    await browser.waitFor(publisher, ({ connection, frames }) => connection === 'connected' && frames > 5);
    const viewer = await browser.play(whep('camera'));
    const state = await browser.waitFor(viewer, plays(30), 40);
    // It begins with less than the 640 by 480 of the camera, and comes up within its own time.
    assert.equal(state.width / state.height, 4 / 3);
    assert.deepEqual(tracksOf('camera'), ['opus', 'vp8']);
    await browser.end(viewer);
    await browser.end(publisher);
  });

  it('publishes layers of simulcast, and a viewer comes up to the largest of them', async () => {
    const publisher = await browser.publish(whip('layers'), { rids: ['l', 'm', 'h'] });
    const rids = (await browser.answer(publisher)).match(/^a=rid:[^\r]*/gm);
    assert.deepEqual(rids, ['a=rid:l recv', 'a=rid:m recv', 'a=rid:h recv']);
    const viewer = await browser.play(whep('layers'));
    const seen = await browser.waitFor(viewer, (state) => state.width === 640 && plays(30)(state), 60);
    assert.deepEqual([seen.height, seen.videoCodec], [480, 'video/VP8']);
    await browser.end(viewer);
    await browser.end(publisher);
  });

  it('plays what ffmpeg publishes by RTMP: H.264 as VP8, AAC as Opus', async () => {
    const publisher = new ForeignProgram('ffmpeg', [
      ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-re', ...paintedInputs, '-t', '90'],
      ...['-c:v', 'libx264', '-preset', 'veryfast', '-g', '25', '-pix_fmt', 'yuv420p'],
      ...['-c:a', 'aac', '-ac', '2', '-f', 'flv', running.url('rtmp', 'tv')],
    ]);
    open.push(() => publisher.kill());
    await waitFor('the stream', () => tracksOf('tv').length >= 2, 20);
    const viewer = await browser.play(whep('tv'));
    const state = await browser.waitFor(viewer, plays(60), 60);
    assert.deepEqual([state.width, state.height], [640, 360]);
    assert.deepEqual([state.videoCodec, state.audioCodec], ['video/VP8', 'audio/opus']);
    assert.deepEqual(tracksOf('tv'), ['aac', 'h264', 'opus', 'vp8']);
    await looksPainted(viewer);
    await browser.end(viewer);
  });

  it('goes over TCP alone', async () => {
    const publisher = await browser.publish(whip('tcp'), { painted: true, onlyTcp: true });
    const sending = await browser.waitFor(
      publisher,
      ({ connection, frames }) => connection === 'connected' && frames > 20,
    );
    const viewer = await browser.play(whep('tcp'), { onlyTcp: true });
    const state = await browser.waitFor(viewer, plays(60), 40);
    assert.deepEqual([sending.protocol, state.protocol], ['tcp', 'tcp']);
    assert.deepEqual([state.width, state.height, state.packetsLost], [320, 240, 0]);
    await browser.end(viewer);
    await browser.end(publisher);
  });

  it('plays on with 3 % of loss and 50 ms there and back: what is lost comes again', async () => {
    const publisher = await browser.publish(whip('viewed'), { painted: true });
    await browser.waitFor(publisher, ({ frames }) => frames > 10);
    const relay = await openRelay(publisher);
    const viewer = await browser.play(whep('viewed'), { relay: relay.port });
    const first = await browser.waitFor(viewer, plays(20), 40);
    const state = await browser.waitFor(viewer, ({ frames, nacks }) => frames >= first.frames + 200 && nacks > 0, 60);
    assert.ok(relay.lost > 5, `${relay.lost} were lost`);
    // By far the most pictures needed no key frame for their repair.
    assert.ok(state.keyframes < state.frames / 10, JSON.stringify(state));
    await looksPainted(viewer);
    await browser.end(viewer);
    await browser.end(publisher);
  });

  it('publishes on with 3 % of loss and 50 ms there and back: what is lost is asked for again', async () => {
    const first = await browser.publish(whip('first'), { painted: true });
    const relay = await openRelay(first);
    await browser.end(first);
    const publisher = await browser.publish(whip('sent'), { painted: true, relay: relay.port });
    await browser.waitFor(publisher, ({ frames }) => frames > 10, 40);
    const viewer = await browser.play(whep('sent'));
    const { frames: from } = await browser.waitFor(viewer, plays(20), 40);
    await browser.waitFor(viewer, ({ frames }) => frames >= from + 200, 60);
    assert.ok(relay.lost > 5, `${relay.lost} were lost`);
    // What was lost may have been sound, which is not asked for.
    await browser.waitFor(publisher, ({ nacks, retransmitted }) => nacks > 0 && retransmitted > 0, 60);
    await looksPainted(viewer);
    await browser.end(viewer);
    await browser.end(publisher);
  });

  it('restarts ICE and plays on', async () => {
    const publisher = await browser.publish(whip('restarted'), { painted: true });
    await browser.waitFor(publisher, ({ frames }) => frames > 5);
    const viewer = await browser.play(whep('restarted'));
    const before = await browser.waitFor(viewer, plays(20), 40);
    await browser.restart(viewer);
    await browser.restart(publisher);
    await browser.waitFor(
      viewer,
      ({ frames, connection }) => frames > before.frames + 60 && connection === 'connected',
      40,
    );
    await browser.end(viewer);
    await browser.end(publisher);
  });

  it('is told when the stream ends, and gives everything back', async () => {
    const { core } = running.server;
    await waitFor('rest', () => core.streams.count === 0 && core.sessions.count() === 0, 30);
    const openAtRest = core.scope.openScopes;
    const publisher = await browser.publish(whip('short'), { painted: true });
    await browser.waitFor(publisher, ({ frames }) => frames > 5);
    const viewer = await browser.play(whep('short'));
    await browser.waitFor(viewer, plays(10), 40);
    await browser.end(publisher);
    await browser.waitFor(viewer, ({ connection }) => connection !== 'connected', 40);
    await browser.end(viewer, false);
    await waitFor('scopes to close', () => core.scope.openScopes <= openAtRest, 30);
    assert.equal(core.sessions.count('whip') + core.sessions.count('whep'), 0);
  });

  it('and Chromium see each other', async () => {
    const other = await WebRtcBrowser.start();
    open.push(() => other.stop());
    for (const [from, to, codec] of [
      [browser, other, 'VP9'],
      [other, browser, 'AV1'],
    ] as const) {
      const publisher = await from.publish(whip(codec), { codec: `video/${codec}`, painted: true });
      await from.waitFor(publisher, ({ frames }) => frames > 5);
      const viewer = await to.play(whep(codec));
      const state = await to.waitFor(viewer, plays(40), 40);
      assert.deepEqual([state.width, state.height, state.videoCodec], [320, 240, `video/${codec}`]);
      await looksPainted(viewer, to);
      await to.end(viewer);
      await from.end(publisher);
    }
  });

  /** Within what coding and two ways of reckoning colours take away. */
  async function looksPainted(viewer: number, by = browser): Promise<void> {
    const colours = await by.colours(viewer);
    const off = colours.map((colour, at) =>
      Math.max(...colour.map((part, index) => Math.abs(part - (paintedColours[at]?.[index] ?? 0)))),
    );
    assert.ok(Math.max(...off) < 64, JSON.stringify(colours));
    const pitch = await by.pitch(viewer);
    assert.ok(Math.abs(pitch - paintedTone) < 12, `${pitch} Hz`);
  }

  async function openRelay(peer: number): Promise<UdpRelay> {
    const port = udpPortOf(await browser.answer(peer));
    const relay = await UdpRelay.open({ port, loss: 0.03, delay: 25, seed: 3 });
    open.push(() => relay.close());
    return relay;
  }
});
