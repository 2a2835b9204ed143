import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ForeignProgram } from '../support/foreign-program.ts';
import { H264Recorder, md5OfPictures } from '../support/h264-units.ts';
import { run } from '../support/media-source.ts';
import { sideBySide } from '../support/side-by-side.ts';
import { behindRelay, UdpRelay, udpPortOf } from '../support/udp-relay.ts';
import { waitFor } from '../support/wait-for.ts';
import { type BrowserPeerState, WebRtcBrowser } from '../support/webrtc-browser.ts';
import { startWebRtcServer, type WebRtcTestServer } from '../support/webrtc-server.ts';
import { WeriftClient } from '../support/werift-client.ts';

const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];
const shareOf = (loss: number): string => `${loss * 100} % and 50 ms there and back`;
/** Each way, so 50 ms there and back. */
const delay = 25;
const lossyWays = [
  { loss: 0.02, seed: 2 },
  { loss: 0.05, seed: 5 },
];

describe('WebRTC over a bad network', function () {
  this.timeout(90_000);
  let browser: WebRtcBrowser;
  let running: WebRtcTestServer;
  let folder: string;
  let serverPort: number;
  let clip: string;
  let sums: readonly string[];
  /** Three cameras, or two that count packets, are nothing to a machine of two cores. */
  const itWithChromium = sideBySide(3);
  const itWithWerift = sideBySide(2);
  const relays: UdpRelay[] = [];
  const programs: ForeignProgram[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-loss-'));
    running = await startWebRtcServer();
    browser = await WebRtcBrowser.start();
    serverPort = await findServerPort();
    ({ clip, sums } = await makeClip());
  });

  after(async () => {
    for (const relay of relays) relay.close();
    for (const program of programs) await program.kill();
    await browser?.stop();
    await running?.server.stop();
    rmSync(folder, { recursive: true, force: true });
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  const whip = (name: string): string => `${running.origin}/whip/${name}`;
  const whep = (name: string): string => `${running.origin}/whep/${name}`;

  for (const { loss, seed } of lossyWays) {
    const share = shareOf(loss);

    itWithChromium(`Chromium plays on with ${share}: what is lost comes again`, async () => {
      const publisher = await browser.publish(whip(`view-${seed}`), { codec: 'video/VP8' });
      await browser.waitFor(publisher, ({ frames }) => frames > 10);
      const relay = await open(loss, seed);
      const viewer = await browser.play(whep(`view-${seed}`), { relay: relay.port });
      const first = await browser.waitFor(viewer, plays(20), 30);
      const state = await browser.waitFor(viewer, ({ frames }) => frames >= first.frames + 200, 60);
      assert.ok(relay.lost > 5, `${relay.lost} were lost`);
      assert.ok(state.retransmitted > 0 && state.nacks > 0, JSON.stringify(state));
      // By far the most pictures needed no key frame for their repair.
      assert.ok(state.keyframes < state.frames / 10, JSON.stringify(state));
      await browser.end(viewer);
      await browser.end(publisher);
    });

    itWithChromium(`Chromium without RTX plays on with ${share}: the same packets come again`, async () => {
      const name = `bare-${seed}`;
      const publisher = await browser.publish(whip(name), { codec: 'video/VP8' });
      await browser.waitFor(publisher, ({ frames }) => frames > 10);
      const relay = await open(loss, seed);
      const viewer = await browser.play(whep(name), { relay: relay.port, codec: 'video/VP8', rtx: false });
      assert.doesNotMatch(await browser.answer(viewer), / rtx\/90000/);
      const first = await browser.waitFor(viewer, plays(20), 30);
      const state = await browser.waitFor(viewer, ({ frames }) => frames >= first.frames + 200, 60);
      assert.ok(relay.lost > 5, `${relay.lost} were lost`);
      assert.ok(state.nacks > 0, JSON.stringify(state));
      assert.ok(state.keyframes < state.frames / 10, JSON.stringify(state));
      await browser.end(viewer);
      await browser.end(publisher);
    });

    itWithChromium(`Chromium publishes on with ${share}: what is lost is asked for again`, async () => {
      const relay = await open(loss, seed);
      const name = `send-${seed}`;
      const publisher = await browser.publish(whip(name), { codec: 'video/VP8', relay: relay.port });
      await browser.waitFor(publisher, ({ frames }) => frames > 10, 30);
      const viewer = await browser.play(whep(name));
      const first = await browser.waitFor(viewer, plays(20), 30);
      await browser.waitFor(viewer, ({ frames }) => frames >= first.frames + 200, 60);
      const sent = await browser.state(publisher);
      assert.ok(relay.lost > 5, `${relay.lost} were lost`);
      assert.ok(sent.retransmitted > 0 && sent.nacks > 0, JSON.stringify(sent));
      await browser.end(viewer);
      await browser.end(publisher);
    });
  }

  for (const { loss, seed } of lossyWays) {
    const share = shareOf(loss);

    itWithWerift(`werift gets nearly every picture bit by bit with ${share}`, () => recordsAll(loss, seed, true));

    itWithWerift(`werift without RTX gets them too with ${share}: the same packets again`, () =>
      recordsAll(loss, seed, false),
    );
  }

  async function recordsAll(loss: number, seed: number, rtx: boolean): Promise<void> {
    const name = `exact-${seed}-${rtx}`;
    const publisher = new ForeignProgram('ffmpeg', [
      ...[...quiet, '-re', '-i', clip, '-c', 'copy', '-f', 'flv', running.url('rtmp', name)],
    ]);
    programs.push(publisher);
    await waitFor('the stream', () => (running.server.core.streams.find(name)?.tracks.length ?? 0) === 1, 20);
    const relay = await open(loss, seed);
    const recorder = new H264Recorder();
    const viewer = await WeriftClient.play(whep(name), {
      audio: false,
      rtx,
      rewrite: (answer) => behindRelay(answer, relay.port),
      onRtp: (_kind, { header, payload }) => recorder.take(header.sequenceNumber, header.timestamp, payload),
    });
    assert.equal(/ rtx\/90000/.test(viewer.answer), rtx);
    try {
      await waitFor('most pictures', () => recorder.units().length > 120, 30);
      relay.mend();
      await publisher.succeeds();
      await waitFor('the last picture', () => recorder.units().at(-1)?.md5 === sums.at(-1), 20);
    } finally {
      await viewer.close();
    }
    const places = recorder.units().map(({ md5 }) => sums.indexOf(md5));
    const whole = places.filter((place) => place >= 0);
    assert.ok(relay.lost > 5, `${relay.lost} were lost`);
    // It asks for 50 ms and no longer: what is lost twice, or the asking with it, stays away.
    assert.ok(recorder.missing < relay.lost / 3, `${recorder.missing} of ${relay.lost} stayed away`);
    assert.ok(whole.length > places.length * 0.9, `${whole.length} of ${places.length} pictures are whole`);
    assert.deepEqual(
      whole,
      [...new Set(whole)].sort((a, b) => a - b),
    );
  }

  function plays(frames: number): (state: BrowserPeerState) => boolean {
    return (state) => state.frames >= frames && state.audioEnergy > 0.0001;
  }

  async function open(loss: number, seed: number): Promise<UdpRelay> {
    const relay = await UdpRelay.open({ port: serverPort, loss, delay, seed });
    relays.push(relay);
    return relay;
  }

  /** All peers share one, so a first peer tells it. */
  async function findServerPort(): Promise<number> {
    const publisher = await browser.publish(whip('first'));
    const answer = await browser.answer(publisher);
    await browser.end(publisher);
    return udpPortOf(answer);
  }

  async function makeClip(): Promise<{ clip: string; sums: readonly string[] }> {
    const clip = join(folder, 'clip.mp4');
    await run('ffmpeg', [
      ...[...quiet, '-y', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25', '-t', '10', '-c:v', 'libx264'],
      ...['-preset', 'veryfast', '-profile:v', 'baseline', '-g', '25', '-b:v', '1500k', '-pix_fmt', 'yuv420p', clip],
    ]);
    const bytes = await run('ffmpeg', [...quiet, '-i', clip, '-c', 'copy', '-f', 'h264', 'pipe:1']);
    return { clip, sums: md5OfPictures(bytes) };
  }
});
