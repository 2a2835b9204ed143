import assert from 'node:assert/strict';
import { launchFirefox } from '../support/firefox.ts';
import { waitFor } from '../support/wait-for.ts';
import { has, plays } from '../support/websdk-browser.ts';
import { WebsdkPair } from '../support/websdk-pair.ts';

/** So small that Firefox sends it as it is from the first picture on; of more it sends less until it knows the way. */
const constraints = { audio: true, video: { width: 320, height: 240 } };
const stripCodecs = 'H264,VP9,AV1';

/** Checks 4 and 6 of the reference's part k, which its check 20 asks of Firefox as well, and what they rest on. */
describe('The client SDK of WCS in Firefox', function () {
  this.timeout(90_000);
  const pair = WebsdkPair.use(launchFirefox);
  const codecsOf = (name: string): string[] =>
    (pair.running.server.core.streams.find(name)?.tracks ?? []).map(({ codec }) => codec.name).sort();

  it('4: publishes VP8 and Opus without a candidate in its offer, and both arrive', async () => {
    await pair.publish('vp8', { stripCodecs });
    const [offer] = pair.publisher.said('publishStream');
    assert.match(String(offer?.['sdp']), /^o=mozilla/m);
    assert.doesNotMatch(String(offer?.['sdp']), /a=candidate/);
    await pair.publisher.waitFor('out', ({ frames, audioPackets }) => frames > 20 && audioPackets > 20);
    const tracks = pair.running.server.core.streams.find('vp8')?.tracks ?? [];
    assert.deepEqual(codecsOf('vp8'), ['opus', 'vp8']);
    await waitFor('pictures and sound', () => tracks.every(({ counters }) => counters.units > 20), 10);
    const [status] = pair.publisher.heard('notifyStreamStatusEvent').at(-1) as [Record<string, unknown>];
    assert.deepEqual([status['status'], status['mediaType'], status['published']], ['PUBLISHING', 'publish', true]);
    const { answer } = await pair.running.ask('stream/find', { name: 'vp8', published: true });
    const [found] = answer as [Record<string, unknown>];
    assert.deepEqual([found['videoCodec'], found['audioCodec'], found['status']], ['VP8', 'OPUS', 'PUBLISHING']);
  });

  it('6: plays with both tracks in one stream, in the codecs of the source', async () => {
    await pair.publish('room', { stripCodecs, constraints });
    await pair.viewer.play('in', { name: 'room' });
    await pair.viewer.waitFor('in', has('PLAYING'));
    const before = await pair.viewer.waitFor('in', plays(10));
    assert.deepEqual([before.width, before.height, before.tracks], [320, 240, 2]);
    assert.deepEqual([before.videoCodec, before.audioCodec], ['video/VP8', 'audio/opus']);
    assert.deepEqual(before.resolution, { width: 320, height: 240 });
    const later = await pair.viewer.waitFor('in', (now) => now.frames > before.frames + 30);
    assert.ok(later.currentTime > before.currentTime && later.audioEnergy > before.audioEnergy);
  });

  it('6: plays H.264 and AAC from RTMP, which it has no decoders for, as VP8 and Opus', async () => {
    const publisher = pair.running.publishRtmp('tv');
    try {
      await waitFor('the stream', () => codecsOf('tv').length === 2, 20);
      await pair.viewer.play('in', { name: 'tv' });
      await pair.viewer.waitFor('in', has('PLAYING'), 40);
      const before = await pair.viewer.waitFor('in', plays(10), 40);
      assert.deepEqual([before.width, before.height, before.tracks], [640, 360, 2]);
      assert.deepEqual([before.videoCodec, before.audioCodec], ['video/VP8', 'audio/opus']);
      assert.deepEqual(codecsOf('tv'), ['aac', 'h264', 'opus', 'vp8']);
      const later = await pair.viewer.waitFor('in', (now) => now.frames > before.frames + 30);
      assert.ok(later.currentTime > before.currentTime && later.audioEnergy > before.audioEnergy);
    } finally {
      await publisher.interrupt();
    }
  });

  it('20: carries media over TCP alone where the client asks for it', async () => {
    await pair.publish('tcp', { transport: 'TCP', constraints });
    const out = await pair.publisher.waitFor('out', ({ frames, protocol }) => frames > 10 && protocol !== '');
    await pair.viewer.play('in', { name: 'tcp', transport: 'TCP' });
    const seen = await pair.viewer.waitFor('in', plays(30));
    assert.deepEqual([out.protocol, seen.protocol], ['tcp', 'tcp']);
  });

  it('20: plays sound alone, and a picture alone', async () => {
    await pair.publish('sound', { constraints: { audio: true, video: false } });
    await pair.viewer.play('sound', { name: 'sound' });
    await pair.viewer.waitFor('sound', ({ audioEnergy, audioPackets }) => audioEnergy > 0 && audioPackets > 50);
    await pair.viewer.stop('sound');
    await pair.publisher.stop('out');
    await pair.publisher.publish('mute', { name: 'picture', constraints: { ...constraints, audio: false } });
    await pair.publisher.waitFor('mute', has('PUBLISHING'));
    await pair.viewer.play('picture', { name: 'picture' });
    const seen = await pair.viewer.waitFor('picture', plays(30, false));
    assert.deepEqual([seen.width, seen.height, seen.tracks], [320, 240, 1]);
  });

  it('10: hears that its own stream has stopped, and that of the publisher', async () => {
    await pair.publish('stopping', { constraints });
    await pair.viewer.play('in', { name: 'stopping' });
    await pair.viewer.waitFor('in', plays(5));
    await pair.publisher.stop('out');
    const ended = await pair.publisher.waitFor('out', has('UNPUBLISHED'));
    assert.equal(ended.statuses.at(-1), 'UNPUBLISHED Stopped by user');
    const left = await pair.viewer.waitFor('in', has('STOPPED'));
    assert.equal(left.statuses.at(-1), 'STOPPED Stopped by publisher stop');
  });
});
