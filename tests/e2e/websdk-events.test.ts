import assert from 'node:assert/strict';
import { waitFor } from '../support/wait-for.ts';
import { has, plays, WebsdkBrowser, type WebsdkClient, type WebsdkStream } from '../support/websdk-browser.ts';
import { WebsdkServer } from '../support/websdk-server.ts';

const hasEvent =
  (...types: readonly string[]) =>
  ({ events }: WebsdkStream): boolean =>
    types.every((type) => events.some((event) => event.type === type));

/** Checks 12 and 13 of the reference's part k, the quality of connections, and bounds of the bit rate. */
describe('The client SDK of WCS in Chromium: events', function () {
  this.timeout(60_000);
  let browser: WebsdkBrowser;
  let running: WebsdkServer;
  let publisher: WebsdkClient;
  let viewer: WebsdkClient;

  before(async () => {
    running = await WebsdkServer.start();
    browser = await WebsdkBrowser.start();
  });

  beforeEach(async () => {
    publisher = await browser.connect(running.port);
    viewer = await browser.connect(running.port);
  });

  afterEach(async () => {
    assert.deepEqual([...publisher.errors, ...viewer.errors], []);
    await publisher.close();
    await viewer.close();
    await waitFor('streams to end', () => running.server.core.streams.count === 0, 20);
  });

  after(async () => {
    await browser?.stop();
    await running?.stop();
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  const publish = async (name: string, options: object = {}): Promise<void> => {
    await publisher.publish('out', { name, ...options });
    await publisher.waitFor('out', has('PUBLISHING'));
  };

  it('12: viewers hear of mutes and data, and late ones what is muted', async () => {
    await publish('events');
    await viewer.play('in', { name: 'events' });
    const started = await viewer.waitFor('in', plays(5));
    assert.deepEqual([started.audioMuted, started.videoMuted], [false, false]);
    await publisher.tell('out', 'muteAudio');
    await publisher.tell('out', 'muteVideo');
    await publisher.tell('out', 'sendData', { count: 3, text: 'zażółć 🎥' });
    const muted = await viewer.waitFor('in', hasEvent('audioMuted', 'videoMuted', 'data'));
    const told = muted.events.filter(({ type }) => type !== 'resize');
    assert.deepEqual(told, [
      { type: 'audioMuted', payload: { streamName: 'events' } },
      { type: 'videoMuted', payload: { streamName: 'events' } },
      { type: 'data', payload: { count: 3, text: 'zażółć 🎥' } },
    ]);
    await viewer.play('late', { name: 'events' });
    const late = await viewer.waitFor('late', has('PLAYING'));
    assert.deepEqual([late.audioMuted, late.videoMuted], [true, true]);
    await publisher.tell('out', 'unmuteAudio');
    await publisher.tell('out', 'unmuteVideo');
    for (const key of ['in', 'late']) await viewer.waitFor(key, hasEvent('audioUnmuted', 'videoUnmuted'));
    const rest = await running.ask('stream/find', { name: 'events', published: true });
    assert.equal(rest.status, 200);
  });

  for (const codec of ['H264', 'VP8'] as const) {
    it(`13: takes a snapshot of ${codec} for the publisher, the viewer, and one who does neither`, async () => {
      const stripCodecs = ['H264', 'VP8', 'VP9', 'AV1'].filter((name) => name !== codec).join(',');
      await publish('picture', { stripCodecs });
      await viewer.play('in', { name: 'picture' });
      await viewer.waitFor('in', plays(5));
      await viewer.call('open', 'none', { name: 'picture' });
      for (const [client, key] of [
        [publisher, 'out'],
        [viewer, 'in'],
        [viewer, 'none'],
      ] as const) {
        await client.tell(key, 'snapshot');
        const { events } = await client.waitFor(key, hasEvent('snapshotCompleted'));
        const taken = events.find(({ type }) => type === 'snapshotCompleted')?.payload['snapshot'];
        const { colours, ...size } = await client.call<Record<string, number>>('pictureSize', taken);
        assert.deepEqual(size, { width: 640, height: 480 });
        assert.ok((colours ?? 0) > 50, `${colours} colours`);
      }
    });
  }

  it('13: says why there is no snapshot', async () => {
    await viewer.call('open', 'none', { name: 'nothing' });
    await viewer.tell('none', 'snapshot');
    const { events } = await viewer.waitFor('none', hasEvent('snapshotFailed'));
    assert.deepEqual(events, [{ type: 'snapshotFailed', payload: { info: 'Stream not found' } }]);
  });

  it('tells both sides their rate of video once a second, and the SDK finds it perfect', async () => {
    await publish('quality');
    await viewer.play('in', { name: 'quality' });
    const isPerfect = ({ qualities }: WebsdkStream): boolean =>
      qualities.length >= 5 && qualities.slice(-3).every((quality) => quality === 'PERFECT');
    await publisher.waitFor('out', isPerfect, 40);
    await viewer.waitFor('in', isPerfect, 40);
    const rates = (client: WebsdkClient, message: string): number[] =>
      client.heard(message).map(([told]) => (told as { videoRate: number }).videoRate);
    assert.ok(rates(publisher, 'inboundVideoRate').some((rate) => rate > 50_000));
    assert.ok(rates(viewer, 'outboundVideoRate').some((rate) => rate > 50_000));
    assert.equal(rates(publisher, 'outboundVideoRate').length + rates(viewer, 'inboundVideoRate').length, 0);
  });

  it('keeps to the most bits a second that a publisher names', async () => {
    const video = { width: 640, height: 480, maxBitrate: 200 };
    await publish('narrow', { constraints: { audio: true, video } });
    assert.equal(publisher.said('publishStream')[0]?.['maxBitrate'], 200);
    const rates = (): number[] =>
      publisher.heard('inboundVideoRate').map(([told]) => (told as { videoRate: number }).videoRate);
    await waitFor('ten rates', () => rates().length >= 10, 40);
    const out = await publisher.look('out');
    assert.ok(out.targetBitrate > 0 && out.targetBitrate <= 200_000, `${out.targetBitrate}`);
    // A second of a busy machine may be a long one.
    const last = rates().slice(-4);
    assert.ok(Math.min(...last) > 50_000 && Math.max(...last) < 400_000, rates().join(' '));
  });

  it('lets an encoder aim at the least bits a second that a publisher names', async () => {
    const video = { width: 640, height: 480, minBitrate: 1_500, maxBitrate: 2_000 };
    await publish('wide', { constraints: { audio: true, video }, stripCodecs: 'H264,VP9,AV1' });
    const out = await publisher.waitFor('out', ({ targetBitrate }) => targetBitrate >= 1_450_000, 40);
    assert.ok(out.targetBitrate <= 2_000_000, `${out.targetBitrate}`);
  });
});
