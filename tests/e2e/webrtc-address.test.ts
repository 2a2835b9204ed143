import assert from 'node:assert/strict';
import { sideBySide } from '../support/side-by-side.ts';
import { UdpRelay, udpPortOf } from '../support/udp-relay.ts';
import { WebRtcBrowser } from '../support/webrtc-browser.ts';
import { startWebRtcServer, type WebRtcTestServer } from '../support/webrtc-server.ts';

/** A translator between client and server gives the client another port: no session is to notice. */
describe('WebRTC and a change of the address, with Chromium', function () {
  this.timeout(90_000);
  let browser: WebRtcBrowser;
  let running: WebRtcTestServer;
  let serverPort: number;
  const relays: UdpRelay[] = [];
  const itBeside = sideBySide(2);

  before(async () => {
    running = await startWebRtcServer();
    browser = await WebRtcBrowser.start();
    // All peers share one port, so a first peer tells it.
    const first = await browser.publish(url('whip', 'first'));
    serverPort = udpPortOf(await browser.answer(first));
    await browser.end(first);
  });

  after(async () => {
    await browser?.stop();
    for (const relay of relays) relay.close();
    await running?.server.stop();
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  for (const change of ['consent alone', 'a restart of ICE'] as const) {
    itBeside(`media go on to and from the new port, by ${change}`, async () => {
      const name = change.replaceAll(' ', '-');
      const [up, down] = [await openRelay(), await openRelay()];
      const publisher = await browser.publish(url('whip', name), { codec: 'video/VP8', relay: up.port });
      await browser.waitFor(publisher, ({ frames }) => frames > 5);
      const viewer = await browser.play(url('whep', name), { relay: down.port });
      let { frames } = await browser.waitFor(viewer, (state) => state.frames > 20);
      const stream = running.server.core.streams.find(name);
      for (const [relay, peer] of [[down, viewer] as const, [up, publisher] as const]) {
        const before = relay.farPort;
        await relay.rebind();
        assert.notEqual(relay.farPort, before);
        if (change === 'a restart of ICE') await browser.restart(peer);
        ({ frames } = await browser.waitFor(
          viewer,
          (state) => state.frames > frames + 60 && state.connection === 'connected',
          40,
        ));
      }
      assert.equal(running.server.core.streams.find(name), stream, 'the stream is still the same');
      await browser.end(viewer);
      await browser.end(publisher);
    });
  }

  const url = (what: string, name: string): string => `${running.origin}/${what}/${name}`;

  async function openRelay(): Promise<UdpRelay> {
    const relay = await UdpRelay.open({ port: serverPort, loss: 0, delay: 5, seed: 1 });
    relays.push(relay);
    return relay;
  }
});
