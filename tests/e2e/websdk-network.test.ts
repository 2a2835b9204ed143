import assert from 'node:assert/strict';
import { has, plays, type WebsdkClient } from '../support/websdk-browser.ts';
import { WebsdkPair } from '../support/websdk-pair.ts';
import { WebsdkServer } from '../support/websdk-server.ts';

const orientation = 'urn:3gpp:video-orientation';

/** Check 20 of the reference's part k, and the answers of its part c. */
describe('The client SDK of WCS in Chromium: networks and answers', function () {
  this.timeout(60_000);
  const pair = WebsdkPair.use();

  /** Lines of the newest answer. */
  const answerTo = (client: WebsdkClient): readonly string[] => {
    const [id, sdp, isAnswer] = client.heard('setRemoteSDP').at(-1) ?? assert.fail('there was no answer');
    assert.equal(typeof id, 'string');
    assert.equal(isAnswer, true);
    return String(sdp).split('\r\n');
  };
  const starting = (lines: readonly string[], start: string): string[] =>
    lines.filter((line) => line.startsWith(start));

  it('20: carries media over TCP alone where the client asks for it', async () => {
    await pair.publish('tcp', { transport: 'TCP' });
    const out = await pair.publisher.waitFor('out', ({ frames, protocol }) => frames > 10 && protocol !== '');
    assert.equal(out.protocol, 'tcp');
    await pair.viewer.play('in', { name: 'tcp', transport: 'TCP' });
    const seen = await pair.viewer.waitFor('in', plays(30));
    assert.equal(seen.protocol, 'tcp');
    for (const client of [pair.publisher, pair.viewer]) {
      const candidates = starting(answerTo(client), 'a=candidate:');
      assert.ok(candidates.length > 0);
      for (const line of candidates) assert.match(line, / tcp .* typ host tcptype passive/i);
    }
  });

  it('20: answers as ICE-lite, with every candidate and one stream id for both tracks', async () => {
    await pair.publish('lite');
    await pair.viewer.play('in', { name: 'lite' });
    const seen = await pair.viewer.waitFor('in', plays(5));
    assert.equal(seen.protocol, 'udp');
    for (const client of [pair.publisher, pair.viewer]) {
      const lines = answerTo(client);
      assert.ok(lines.indexOf('a=ice-lite') > lines.findIndex((line) => line.startsWith('t=')));
      assert.ok(lines.indexOf('a=ice-lite') < lines.findIndex((line) => line.startsWith('m=')));
      assert.equal(starting(lines, 'a=rtcp-mux').length, 2);
      assert.deepEqual(starting(lines, 'a=group:BUNDLE'), ['a=group:BUNDLE 0 1']);
      assert.deepEqual(starting(lines, 'a=mid:'), ['a=mid:0', 'a=mid:1']);
      for (const line of starting(lines, 'a=setup:')) assert.match(line, /^a=setup:(active|passive)$/);
      assert.ok(starting(lines, 'a=candidate:').some((line) => / udp /i.test(line)));
      assert.equal(starting(lines, 'a=end-of-candidates').length, 2);
      for (const line of starting(lines, 'a=candidate:')) assert.doesNotMatch(line, / 0\.0\.0\.0 /);
    }
    const ids = starting(answerTo(pair.viewer), 'a=msid:').map((line) => line.slice('a=msid:'.length).split(' ')[0]);
    assert.equal(ids.length, 2);
    assert.equal(new Set(ids).size, 1);
    assert.notEqual(ids[0], '-');
  });

  it('20: publishes and plays sound alone', async () => {
    await pair.publish('sound', { constraints: { audio: true, video: false } });
    await pair.viewer.play('in', { name: 'sound', constraints: { audio: true, video: false } });
    await pair.viewer.waitFor('in', ({ audioEnergy, audioPackets }) => audioEnergy > 0 && audioPackets > 50);
    assert.deepEqual(
      pair.running.server.core.streams.find('sound')?.tracks.map(({ codec }) => codec.name),
      ['opus'],
    );
    // One who offers both is told no to the picture.
    await pair.viewer.play('both', { name: 'sound' });
    await pair.viewer.waitFor('both', ({ audioEnergy }) => audioEnergy > 0);
    assert.match(starting(answerTo(pair.viewer), 'm=video')[0] ?? '', /^m=video 0 /);
  });

  it('20: publishes and plays a picture alone', async () => {
    await pair.publish('picture', { constraints: { audio: false, video: { width: 640, height: 480 } } });
    await pair.viewer.play('in', { name: 'picture' });
    const seen = await pair.viewer.waitFor('in', plays(30, false));
    assert.deepEqual([seen.width, seen.height, seen.tracks], [640, 480, 1]);
    assert.match(starting(answerTo(pair.viewer), 'm=audio')[0] ?? '', /^m=audio 0 /);
  });

  for (const codec of ['H264', 'VP8'] as const) {
    it(`20: viewers of ${codec} hear of a new size of the picture, and see it`, async () => {
      const stripCodecs = ['H264', 'VP8', 'VP9', 'AV1'].filter((name) => name !== codec).join(',');
      await pair.publish('sizes', { stripCodecs });
      await pair.viewer.play('in', { name: 'sizes' });
      await pair.viewer.waitFor('in', plays(5));
      await pair.publisher.call('resize', 'out', 320, 240);
      const seen = await pair.viewer.waitFor(
        'in',
        ({ width, resolution }) => width === 320 && resolution.width === 320,
      );
      assert.deepEqual([seen.height, seen.resolution], [240, { width: 320, height: 240 }]);
      assert.deepEqual(
        seen.events.filter(({ type }) => type === 'resize').map(({ payload }) => payload['streamerVideoWidth']),
        [640, 320],
      );
    });
  }

  it('lets a publisher that could tell the orientation of its picture turn it by itself', async () => {
    await pair.publish('turned', { cvoExtension: true });
    assert.equal(pair.publisher.said('publishStream')[0]?.['cvoExtension'], true);
    await pair.viewer.play('in', { name: 'turned', cvoExtension: true });
    await pair.viewer.waitFor('in', plays(5));
    // So the picture is upright for every protocol, and for those who look by WebRTC as well.
    for (const client of [pair.publisher, pair.viewer]) {
      assert.ok(!starting(answerTo(client), 'a=extmap:').some((line) => line.includes(orientation)));
    }
  });

  it('ends in FAILED when no transport comes about', async () => {
    const peers = { addresses: ['127.0.0.1'], timeout: '1s' };
    const impatient = await WebsdkServer.start({}, { rtp: { peers } });
    const client = await pair.browser.connect(impatient.port);
    try {
      // The page's peer connections learn of no candidate, as behind a wall.
      await client.page.evaluate(`{
        const set = RTCPeerConnection.prototype.setRemoteDescription;
        RTCPeerConnection.prototype.setRemoteDescription = function (description) {
          const sdp = description.sdp.replace(/a=candidate.*\\r\\n/g, '');
          return set.call(this, { type: description.type, sdp });
        };
      }`);
      await client.publish('out', { name: 'walled' });
      const ended = await client.waitFor('out', has('FAILED'), 40);
      assert.equal(ended.statuses.at(-1), 'FAILED Failed by ICE timeout');
    } finally {
      await client.close();
      await impatient.stop();
    }
  });
});
