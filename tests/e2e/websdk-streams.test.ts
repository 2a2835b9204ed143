import assert from 'node:assert/strict';
import { waitFor } from '../support/wait-for.ts';
import { has, plays } from '../support/websdk-browser.ts';
import { WebsdkPair } from '../support/websdk-pair.ts';

/** Checks 4 to 11 of the reference's part k. */
describe('The client SDK of WCS in Chromium: streams', function () {
  this.timeout(60_000);
  const pair = WebsdkPair.use();

  it('4: publishes VP8 and Opus without a candidate in its offer, and both arrive', async () => {
    await pair.publish('vp8', { stripCodecs: 'H264,VP9,AV1' });
    const [offer] = pair.publisher.said('publishStream');
    assert.doesNotMatch(String(offer?.['sdp']), /a=candidate/);
    await pair.publisher.waitFor('out', ({ frames, audioPackets }) => frames > 20 && audioPackets > 20);
    const tracks = pair.running.server.core.streams.find('vp8')?.tracks ?? [];
    assert.deepEqual(tracks.map(({ codec }) => codec.name).sort(), ['opus', 'vp8']);
    await waitFor('pictures and sound', () => tracks.every(({ counters }) => counters.units > 20), 10);
    const [status] = pair.publisher.heard('notifyStreamStatusEvent').at(-1) as [Record<string, unknown>];
    assert.deepEqual([status['status'], status['mediaType'], status['published']], ['PUBLISHING', 'publish', true]);
  });

  it('5: publishes H.264 when the other codecs are stripped, and REST says so', async () => {
    await pair.publish('h264', { stripCodecs: 'VP8,VP9,AV1' });
    const out = await pair.publisher.waitFor('out', ({ frames }) => frames > 10);
    assert.equal(out.videoCodec, 'video/H264');
    const { answer } = await pair.running.ask('stream/find', { name: 'h264', published: true });
    const [found] = answer as [Record<string, unknown>];
    assert.deepEqual([found['videoCodec'], found['audioCodec'], found['status']], ['H264', 'OPUS', 'PUBLISHING']);
  });

  it('6: plays with both tracks in one stream, in the codecs of the source', async () => {
    await pair.publish('room', { stripCodecs: 'H264,VP9,AV1' });
    await pair.viewer.play('in', { name: 'room' });
    await pair.viewer.waitFor('in', has('PLAYING'));
    const before = await pair.viewer.waitFor('in', plays(10));
    assert.deepEqual([before.width, before.height, before.tracks], [640, 480, 2]);
    assert.deepEqual([before.videoCodec, before.audioCodec], ['video/VP8', 'audio/opus']);
    assert.deepEqual(before.resolution, { width: 640, height: 480 });
    const later = await pair.viewer.waitFor('in', (now) => now.frames > before.frames + 30);
    assert.ok(later.currentTime > before.currentTime && later.audioEnergy > before.audioEnergy);
  });

  it('7: is refused what is not there, and a name that is taken', async () => {
    await pair.viewer.play('in', { name: 'nothing' });
    assert.equal((await pair.viewer.waitFor('in', has('FAILED'))).statuses.at(-1), 'FAILED Stream not found');
    await pair.publish('taken');
    await pair.viewer.publish('second', { name: 'taken' });
    const refused = await pair.viewer.waitFor('second', has('FAILED'));
    assert.equal(refused.statuses.at(-1), 'FAILED Stream name is already in use');
    await pair.viewer.play('first', { name: 'taken' });
    await pair.viewer.waitFor('first', plays(5));
  });

  it('8: tells what is available', async () => {
    assert.match(await pair.viewer.call('ask', 'before', 'live'), /^not available: Stream not found/);
    await pair.publish('live');
    assert.equal(await pair.viewer.call('ask', 'after', 'live'), 'available');
    const answers = pair.viewer.heard('availableStream') as { status: unknown }[][];
    assert.deepEqual(
      answers.map(([told]) => told?.status),
      ['false', 'true'],
    );
  });

  it('9: may stop at once, and leaves nothing', async () => {
    await pair.publisher.publish('brief', { name: 'brief' });
    await pair.publisher.stop('brief');
    await pair.publisher.waitFor('brief', (stream) => has('UNPUBLISHED')(stream) || has('FAILED')(stream));
    await pair.publish('lasting');
    await pair.viewer.play('in', { name: 'lasting' });
    await pair.viewer.stop('in');
    await pair.viewer.waitFor('in', (stream) => has('STOPPED')(stream) || has('FAILED')(stream));
    await pair.publisher.stop('out');
    const ended = await pair.publisher.waitFor('out', has('UNPUBLISHED'));
    assert.equal(ended.statuses.at(-1), 'UNPUBLISHED Stopped by user');
    const left = await pair.running.ask('stream/find_all');
    assert.equal(left.status, 404, JSON.stringify(left.answer));
  });

  it('10: viewers hear that the publisher has stopped, or that its page has closed', async () => {
    await pair.publish('stopping');
    await pair.viewer.play('in', { name: 'stopping' });
    await pair.viewer.waitFor('in', plays(5));
    await pair.publisher.stop('out');
    assert.equal(
      (await pair.viewer.waitFor('in', has('STOPPED'))).statuses.at(-1),
      'STOPPED Stopped by publisher stop',
    );
    await pair.publisher.publish('again', { name: 'closing' });
    await pair.publisher.waitFor('again', has('PUBLISHING'));
    await pair.viewer.play('other', { name: 'closing' });
    await pair.viewer.waitFor('other', plays(5));
    await pair.publisher.close();
    const ended = await pair.viewer.waitFor('other', has('STOPPED'), 40);
    assert.equal(ended.statuses.at(-1), 'STOPPED Stopped by publisher stop');
    pair.publisher = await pair.browser.connect(pair.running.port);
  });

  it('11: hears that REST has terminated the publisher, or the viewer alone', async () => {
    await pair.publish('ended');
    await pair.viewer.play('in', { name: 'ended' });
    await pair.viewer.waitFor('in', plays(5));
    assert.equal((await pair.running.ask('stream/terminate', { name: 'ended', published: false })).status, 200);
    assert.equal(
      (await pair.viewer.waitFor('in', has('STOPPED'))).statuses.at(-1),
      'STOPPED Stopped by rest /terminate',
    );
    assert.equal((await pair.running.ask('stream/terminate', { name: 'ended' })).status, 200);
    const out = await pair.publisher.waitFor('out', has('UNPUBLISHED'));
    assert.equal(out.statuses.at(-1), 'UNPUBLISHED Stopped by rest /terminate');
  });
});
