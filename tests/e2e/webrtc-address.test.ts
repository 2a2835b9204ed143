import assert from 'node:assert/strict';
import { UdpRelay, udpPortOf } from '../support/udp-relay.ts';
import { WebRtcBrowser } from '../support/webrtc-browser.ts';
import { startWebRtcServer, type WebRtcTestServer } from '../support/webrtc-server.ts';

/** A translator between client and server gives the client another port: no session is to notice. */
describe('WebRTC and a change of the address, with Chromium', function () {
  this.timeout(90_000);
  let browser: WebRtcBrowser;
  let running: WebRtcTestServer;
  const relays: UdpRelay[] = [];

  before(async () => {
    running = await startWebRtcServer();
    browser = await WebRtcBrowser.start();
  });

  after(async () => {
    await browser?.stop();
    for (const relay of relays) relay.close();
    await running?.server.stop();
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  it('media go on to and from the new port, by consent alone and over a restart of ICE', async () => {
    const url = (what: string, name = 'moving'): string => `${running.origin}/${what}/${name}`;
    const first = await browser.publish(url('whip', 'first'));
    const port = udpPortOf(await browser.answer(first));
    await browser.end(first);
    const open = async (): Promise<UdpRelay> => {
      const relay = await UdpRelay.open({ port, loss: 0, delay: 5, seed: 1 });
      relays.push(relay);
      return relay;
    };
    const [up, down] = [await open(), await open()];
    const publisher = await browser.publish(url('whip'), { codec: 'video/VP8', relay: up.port });
    await browser.waitFor(publisher, ({ frames }) => frames > 5);
    const viewer = await browser.play(url('whep'), { relay: down.port });
    let { frames } = await browser.waitFor(viewer, (state) => state.frames > 20);
    const session = running.server.core.streams.find('moving');
    for (const change of ['consent', 'restart'] as const) {
      for (const [relay, peer] of [[down, viewer] as const, [up, publisher] as const]) {
        const before = relay.farPort;
        await relay.rebind();
        assert.notEqual(relay.farPort, before);
        if (change === 'restart') await browser.restart(peer);
        ({ frames } = await browser.waitFor(
          viewer,
          (state) => state.frames > frames + 60 && state.connection === 'connected',
          40,
        ));
      }
    }
    assert.equal(running.server.core.streams.find('moving'), session, 'the stream is still the same');
    await browser.end(viewer);
    await browser.end(publisher);
  });
});
