import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rtpModule } from '../../modules/rtp/index.ts';
import { webrtcModule } from '../../modules/webrtc/index.ts';
import { waitFor } from '../support/wait-for.ts';
import { WcsTestClient } from '../support/wcs-client.ts';
import { startWebSocketServer, type WebSocketTestServer } from '../support/websocket-server.ts';
import { offers } from '../vectors/webrtc/offers.ts';

const noCodecs = 'No common codecs';

/** The SDK's `stop()` asks again for ever while a stream is pending: whatever is asked has to end in a status. */
describe('WebSocket: every publish and every play ends in a status', () => {
  let running: WebSocketTestServer;
  let client: WcsTestClient;

  before(async () => {
    running = await startWebSocketServer(
      { mediaTimeout: '1s' },
      {
        modules: [rtpModule, webrtcModule] as never,
        config: { rtp: { peers: { addresses: ['127.0.0.1'], timeout: '1s' } }, streams: { reconnectGrace: '0' } },
      },
    );
  });

  beforeEach(async () => {
    client = await WcsTestClient.connect(running.port);
  });

  afterEach(async () => {
    await client.close();
    const { sessions, streams } = running.server.core;
    await waitFor('nothing to be left', () => sessions.count() === 0 && streams.count === 0);
  });

  after(async () => {
    await running.server.stop();
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  const without = (sdp: string, line: RegExp): string =>
    sdp
      .split(/\r?\n/)
      .filter((one) => !line.test(one))
      .join('\r\n');

  const offersToPublish: Readonly<Record<string, readonly [sdp: string, info: RegExp]>> = {
    nothing: ['', /./],
    'no SDP': ['hello', /./],
    'an SDP without media': ['v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n', /./],
    'no fingerprint': [without(offers.chromiumPublish, /^a=fingerprint/), /./],
    'no user fragment': [without(offers.chromiumPublish, /^a=ice-ufrag/), /./],
    'no rtcp-mux': [without(offers.chromiumPublish, /^a=rtcp-mux/), /./],
    'no codec that is known': [
      offers.chromiumPublish.replace(/(a=rtpmap:\d+ )[^/\r\n]+/g, '$1Unknown'),
      /No common codecs/,
    ],
    'nobody behind it': [offers.chromiumPublish, /^Failed by ICE timeout$/],
    'a great many lines': [`v=0\r\n${'a=x\r\n'.repeat(30_000)}`, /./],
  };

  for (const [what, [sdp, info]] of Object.entries(offersToPublish)) {
    it(`publishing with ${what} is FAILED`, async () => {
      const id = randomUUID();
      client.publish(id, 'room', { sdp });
      const told = await client.status(id, 'FAILED');
      assert.match(String(told['info']), info);
      assert.equal(client.heard.filter(({ message }) => message === 'notifyStreamStatusEvent').length, 1);
    });
  }

  for (const [what, request, info] of [
    ['a stream that is not there', { mediaProvider: 'WebRTC', sdp: offers.chromiumPlay }, 'Stream not found'],
    ['WSPlayer', { mediaProvider: 'WSPlayer' }, noCodecs],
    ['a provider that nobody knows', { mediaProvider: 'Smoke' }, noCodecs],
    ['no provider', { mediaProvider: '' }, noCodecs],
  ] as const) {
    it(`playing ${what} is FAILED`, async () => {
      const id = randomUUID();
      client.play(id, 'nothing', request);
      assert.equal((await client.status(id, 'FAILED'))['info'], info);
    });
  }

  it('a name that is too long is FAILED, published or played', async () => {
    const name = 'x'.repeat(5_000);
    client.publish('long', name, { sdp: offers.chromiumPublish });
    assert.equal((await client.status('long', 'FAILED'))['info'], 'Failed by error');
    client.play('longer', name, { mediaProvider: 'WebRTC', sdp: offers.chromiumPlay });
    await client.status('longer', 'FAILED');
  });

  it('a stream of no name and one of an id that is in use are FAILED', async () => {
    const id = randomUUID();
    client.play(id, '', { mediaProvider: 'WebRTC', sdp: offers.chromiumPlay });
    await client.status(id, 'FAILED');
    client.publish('twice', 'one', { sdp: offers.chromiumPublish });
    client.publish('twice', 'two', { sdp: offers.chromiumPublish });
    await client.status('twice', 'FAILED');
  });

  it('what is stopped while it is pending is UNPUBLISHED, and what was never there as well', async () => {
    const id = randomUUID();
    client.publish(id, 'room', { sdp: offers.chromiumPublish });
    await client.next('setRemoteSDP');
    client.send('unPublishStream', { mediaSessionId: id, name: 'room', published: true });
    assert.equal((await client.status(id, 'UNPUBLISHED'))['info'], 'Stopped by user');
    client.send('stopStream', { mediaSessionId: 'never', name: 'room', published: false });
    await client.status('never', 'STOPPED');
  });

  it('a session that ends takes its pending streams with it', async () => {
    client.publish(randomUUID(), 'room', { sdp: offers.chromiumPublish });
    client.publish(randomUUID(), 'hall', { sdp: offers.chromiumPublish });
    client.socket.terminate();
    await waitFor('the session to go', () => running.server.core.sessions.count() === 0);
  });
});
