import assert from 'node:assert/strict';
import { rtpModule } from '../../modules/rtp/index.ts';
import { webrtcModule } from '../../modules/webrtc/index.ts';
import { waitFor } from '../support/wait-for.ts';
import { WebsdkBrowser, type WebsdkClient, type WebsdkStream } from '../support/websdk-browser.ts';
import { startWebSocketServer, type WebSocketTestServer } from '../support/websocket-server.ts';

const has =
  (status: string) =>
  ({ statuses }: WebsdkStream): boolean =>
    statuses.some((told) => told.startsWith(status));

/** Checks 4, 5, 6, 7, 9, 10 and 20 of the reference's part k, with the SDK as it is. */
describe('WebRTC with the client SDK of WCS in Chromium', function () {
  this.timeout(60_000);
  let browser: WebsdkBrowser;
  let running: WebSocketTestServer;
  let publisher: WebsdkClient;
  let viewer: WebsdkClient;

  before(async () => {
    running = await startWebSocketServer(
      {},
      {
        modules: [rtpModule, webrtcModule] as never,
        config: { rtp: { peers: { addresses: ['127.0.0.1'] } } },
      },
    );
    browser = await WebsdkBrowser.start();
  });

  beforeEach(async () => {
    publisher = await browser.connect(running.port);
    viewer = await browser.connect(running.port);
  });

  afterEach(async () => {
    await publisher.close();
    await viewer.close();
    await waitFor('streams to end', () => running.server.core.streams.count === 0, 20);
  });

  after(async () => {
    await browser?.stop();
    await running?.server.stop();
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  it('publishes, plays with both tracks in one stream, and ends in the words that apps compare', async () => {
    await publisher.publish('out', { name: 'room' });
    await publisher.waitFor('out', has('PUBLISHING'));
    await viewer.play('in', { name: 'room' });
    await viewer.waitFor('in', has('PLAYING'));
    const playing = await viewer.waitFor('in', ({ width, currentTime }) => width > 0 && currentTime > 1);
    assert.deepEqual([playing.width, playing.height, playing.tracks], [640, 480, 2]);
    await publisher.stop('out');
    await publisher.waitFor('out', has('UNPUBLISHED'));
    const ended = await viewer.waitFor('in', has('STOPPED'));
    assert.equal(ended.statuses.at(-1), 'STOPPED Stopped by publisher stop');
  });

  it('publishes H.264 when the other codecs are stripped, over TCP', async () => {
    await publisher.publish('out', { name: 'tcp', stripCodecs: 'VP8,VP9,AV1', transport: 'TCP' });
    await publisher.waitFor('out', has('PUBLISHING'));
    const { streams } = running.server.core;
    await waitFor('the picture', () => streams.find('tcp')?.findTrack('video') !== undefined, 10);
    assert.equal(streams.find('tcp')?.findTrack('video')?.codec.name, 'h264');
    await viewer.play('in', { name: 'tcp', transport: 'TCP' });
    await viewer.waitFor('in', ({ width, currentTime }) => width > 0 && currentTime > 1);
  });

  it('is refused what is not there, and what is taken', async () => {
    await viewer.play('in', { name: 'nothing' });
    const refused = await viewer.waitFor('in', has('FAILED'));
    assert.equal(refused.statuses.at(-1), 'FAILED Stream not found');
    await publisher.publish('out', { name: 'taken' });
    await publisher.waitFor('out', has('PUBLISHING'));
    await viewer.publish('second', { name: 'taken' });
    const taken = await viewer.waitFor('second', has('FAILED'));
    assert.equal(taken.statuses.at(-1), 'FAILED Stream name is already in use');
  });

  it('may stop at once, and leaves nothing', async () => {
    await publisher.publish('out', { name: 'brief' });
    await publisher.stop('out');
    await publisher.waitFor('out', (stream) => has('UNPUBLISHED')(stream) || has('FAILED')(stream));
    await waitFor('the stream to go', () => running.server.core.streams.count === 0, 10);
  });

  it('takes a page that closes for a publisher that has left', async () => {
    await publisher.publish('out', { name: 'gone' });
    await publisher.waitFor('out', has('PUBLISHING'));
    await viewer.play('in', { name: 'gone' });
    await viewer.waitFor('in', ({ currentTime }) => currentTime > 0);
    await publisher.close();
    const ended = await viewer.waitFor('in', has('STOPPED'), 40);
    assert.equal(ended.statuses.at(-1), 'STOPPED Stopped by publisher stop');
    publisher = await browser.connect(running.port);
  });
});
