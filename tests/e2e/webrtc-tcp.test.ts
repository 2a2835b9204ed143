import assert from 'node:assert/strict';
import { sideBySide } from '../support/side-by-side.ts';
import { type BrowserPeerState, WebRtcBrowser } from '../support/webrtc-browser.ts';
import { startWebRtcServer, type WebRtcTestServer } from '../support/webrtc-server.ts';

/** The picture has moved on by so many frames, and sound was heard. */
function plays(frames: number): (state: BrowserPeerState) => boolean {
  return (state) => state.frames >= frames && state.audioEnergy > 0.0001;
}

describe('WebRTC over TCP alone, with Chromium', function () {
  this.timeout(60_000);
  let browser: WebRtcBrowser;
  let running: WebRtcTestServer;
  const itBeside = sideBySide(3);

  before(async () => {
    running = await startWebRtcServer();
    browser = await WebRtcBrowser.start();
  });

  after(async () => {
    await browser?.stop();
    await running?.server.stop();
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  for (const codec of ['VP8', 'H264']) {
    itBeside(`publishes and plays ${codec}`, async () => {
      const url = (what: string): string => `${running.origin}/${what}/tcp-${codec}`;
      const publisher = await browser.publish(url('whip'), { codec: `video/${codec}`, onlyTcp: true });
      const sending = await browser.waitFor(
        publisher,
        ({ connection, frames }) => connection === 'connected' && frames > 20,
      );
      const viewer = await browser.play(url('whep'), { onlyTcp: true });
      const state = await browser.waitFor(viewer, plays(60));
      assert.deepEqual([sending.protocol, state.protocol], ['tcp', 'tcp']);
      assert.deepEqual([state.width, state.height, state.packetsLost], [640, 480, 0]);
      // One over UDP sees the same stream.
      const other = await browser.play(url('whep'));
      const beside = await browser.waitFor(other, plays(40));
      assert.equal(beside.protocol, 'udp');
      for (const peer of [other, viewer, publisher]) await browser.end(peer);
    });
  }

  itBeside('keeps the session over a restart of ICE', async () => {
    const publisher = await browser.publish(`${running.origin}/whip/restarted`, { onlyTcp: true });
    await browser.waitFor(publisher, ({ frames }) => frames > 5);
    const viewer = await browser.play(`${running.origin}/whep/restarted`, { onlyTcp: true });
    const before = await browser.waitFor(viewer, plays(20));
    await browser.restart(viewer);
    await browser.restart(publisher);
    const later = await browser.waitFor(
      viewer,
      ({ frames, connection }) => frames > before.frames + 60 && connection === 'connected',
    );
    assert.equal(later.protocol, 'tcp');
    for (const peer of [viewer, publisher]) await browser.end(peer);
  });
});
