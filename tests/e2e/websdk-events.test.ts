import assert from 'node:assert/strict';
import { waitFor } from '../support/wait-for.ts';
import { has, plays, type WebsdkClient, type WebsdkStream } from '../support/websdk-browser.ts';
import { WebsdkPair } from '../support/websdk-pair.ts';

const hasEvent =
  (...types: readonly string[]) =>
  ({ events }: WebsdkStream): boolean =>
    types.every((type) => events.some((event) => event.type === type));

/** Checks 12 and 13 of the reference's part k, the quality of connections, and bounds of the bit rate. */
describe('The client SDK of WCS in Chromium: events', function () {
  this.timeout(60_000);
  const pair = WebsdkPair.use();

  it('12: viewers hear of mutes and data, and late ones what is muted', async () => {
    await pair.publish('events');
    await pair.viewer.play('in', { name: 'events' });
    const started = await pair.viewer.waitFor('in', plays(5));
    assert.deepEqual([started.audioMuted, started.videoMuted], [false, false]);
    await pair.publisher.tell('out', 'muteAudio');
    await pair.publisher.tell('out', 'muteVideo');
    await pair.publisher.tell('out', 'sendData', { count: 3, text: 'zażółć 🎥' });
    const muted = await pair.viewer.waitFor('in', hasEvent('audioMuted', 'videoMuted', 'data'));
    const told = muted.events.filter(({ type }) => type !== 'resize');
    assert.deepEqual(told, [
      { type: 'audioMuted', payload: { streamName: 'events' } },
      { type: 'videoMuted', payload: { streamName: 'events' } },
      { type: 'data', payload: { count: 3, text: 'zażółć 🎥' } },
    ]);
    await pair.viewer.play('late', { name: 'events' });
    const late = await pair.viewer.waitFor('late', has('PLAYING'));
    assert.deepEqual([late.audioMuted, late.videoMuted], [true, true]);
    await pair.publisher.tell('out', 'unmuteAudio');
    await pair.publisher.tell('out', 'unmuteVideo');
    for (const key of ['in', 'late']) await pair.viewer.waitFor(key, hasEvent('audioUnmuted', 'videoUnmuted'));
    const rest = await pair.running.ask('stream/find', { name: 'events', published: true });
    assert.equal(rest.status, 200);
  });

  for (const codec of ['H264', 'VP8'] as const) {
    it(`13: takes a snapshot of ${codec} for the publisher, the viewer, and one who does neither`, async () => {
      const stripCodecs = ['H264', 'VP8', 'VP9', 'AV1'].filter((name) => name !== codec).join(',');
      await pair.publish('picture', { stripCodecs });
      await pair.viewer.play('in', { name: 'picture' });
      await pair.viewer.waitFor('in', plays(5));
      await pair.viewer.call('open', 'none', { name: 'picture' });
      for (const [client, key] of [
        [pair.publisher, 'out'],
        [pair.viewer, 'in'],
        [pair.viewer, 'none'],
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
    await pair.viewer.call('open', 'none', { name: 'nothing' });
    await pair.viewer.tell('none', 'snapshot');
    const { events } = await pair.viewer.waitFor('none', hasEvent('snapshotFailed'));
    assert.deepEqual(events, [{ type: 'snapshotFailed', payload: { info: 'Stream not found' } }]);
  });

  it('tells both sides their rate of video once a second, and the SDK finds it perfect', async () => {
    await pair.publish('quality');
    await pair.viewer.play('in', { name: 'quality' });
    const isPerfect = ({ qualities }: WebsdkStream): boolean =>
      qualities.length >= 5 && qualities.slice(-3).every((quality) => quality === 'PERFECT');
    await pair.publisher.waitFor('out', isPerfect, 40);
    await pair.viewer.waitFor('in', isPerfect, 40);
    const rates = (client: WebsdkClient, message: string): number[] =>
      client.heard(message).map(([told]) => (told as { videoRate: number }).videoRate);
    assert.ok(rates(pair.publisher, 'inboundVideoRate').some((rate) => rate > 50_000));
    assert.ok(rates(pair.viewer, 'outboundVideoRate').some((rate) => rate > 50_000));
    assert.equal(rates(pair.publisher, 'outboundVideoRate').length + rates(pair.viewer, 'inboundVideoRate').length, 0);
  });

  it('keeps to the most bits a second that a publisher names', async () => {
    const video = { width: 640, height: 480, maxBitrate: 200 };
    await pair.publish('narrow', { constraints: { audio: true, video } });
    assert.equal(pair.publisher.said('publishStream')[0]?.['maxBitrate'], 200);
    const rates = (): number[] =>
      pair.publisher.heard('inboundVideoRate').map(([told]) => (told as { videoRate: number }).videoRate);
    await waitFor('ten rates', () => rates().length >= 10, 40);
    const out = await pair.publisher.look('out');
    assert.ok(out.targetBitrate > 0 && out.targetBitrate <= 200_000, `${out.targetBitrate}`);
    // A second of a busy machine may be a long one.
    const last = rates().slice(-4);
    assert.ok(Math.min(...last) > 50_000 && Math.max(...last) < 400_000, rates().join(' '));
  });

  it('lets an encoder aim at the least bits a second that a publisher names', async () => {
    const video = { width: 640, height: 480, minBitrate: 1_500, maxBitrate: 2_000 };
    await pair.publish('wide', { constraints: { audio: true, video }, stripCodecs: 'H264,VP9,AV1' });
    const out = await pair.publisher.waitFor('out', ({ targetBitrate }) => targetBitrate >= 1_450_000, 40);
    assert.ok(out.targetBitrate <= 2_000_000, `${out.targetBitrate}`);
  });
});
