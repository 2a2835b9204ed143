import assert from 'node:assert/strict';
import { waitFor } from '../support/wait-for.ts';
import { WebRtcBrowser } from '../support/webrtc-browser.ts';
import { plays } from '../support/websdk-browser.ts';
import { WebsdkPair } from '../support/websdk-pair.ts';

/** Layers of 320 by 240 and 640 by 480: Chromium makes no more of such a picture. */
const rids = ['h', 'f'];

describe('The client SDK of WCS in Chromium: layers of a publisher', function () {
  this.timeout(90_000);
  const pair = WebsdkPair.use();
  let browser: WebRtcBrowser;

  before(async () => {
    browser = await WebRtcBrowser.start();
  });

  after(() => browser?.stop());

  it('a size that a viewer asks for is met by a layer, and nothing is transcoded', async () => {
    const { server } = pair.running;
    const origin = (server.urls().find(({ url }) => url.startsWith('http://'))?.url ?? '').replace('HOST', '127.0.0.1');
    const publisher = await browser.publish(`${origin}whip/layers`, { codec: 'video/VP8', rids });
    const tracks = (): readonly string[] => server.core.streams.find('layers')?.tracks.map(({ id }) => id) ?? [];
    const sizes = (): readonly string[] =>
      (server.core.streams.find('layers')?.tracks ?? []).flatMap(({ id, codec }) =>
        codec.kind === 'video' && id !== 'video' ? [`${codec.width}x${codec.height}`] : [],
      );
    // The largest comes last, as the publisher finds out what its way bears.
    await waitFor('the layers', () => sizes().includes('320x240') && sizes().includes('640x480'), 60);

    await pair.viewer.play('small', {
      name: 'layers',
      constraints: { audio: true, video: { width: 300, height: 200 } },
    });
    const small = await pair.viewer.waitFor('small', plays(30));
    assert.deepEqual([small.width, small.height], [320, 240]);
    await pair.viewer.play('full', { name: 'layers' });
    const full = await pair.viewer.waitFor('full', plays(30));
    assert.deepEqual([full.width, full.height], [640, 480]);

    const before = await pair.viewer.waitFor('small', plays(60));
    assert.deepEqual([before.width, before.height], [320, 240], 'and it stays so, whatever the way bears');
    assert.ok(!tracks().some((id) => id.startsWith('video~')), tracks().join());

    const read = await fetch(`${origin}?action=stat&format=json&groups=streams_stats,port_stats,connections_stats`);
    const told = (await read.json()) as Record<string, Record<string, number>>;
    const { streams_webrtc_in, streams_webrtc_out, streams_websocket_out } = told['streams_stats'] ?? {};
    assert.deepEqual([streams_webrtc_in, streams_webrtc_out, streams_websocket_out], [1, 2, 0]);
    // The UDP port and the TCP port of all browsers have one number.
    const { ports_media_busy, ports_media_free } = told['port_stats'] ?? {};
    assert.deepEqual([ports_media_busy, ports_media_free], [1, 999]);
    assert.equal(told['connections_stats']?.['connections_webrtc'], 1);
    await browser.end(publisher);
  });
});
