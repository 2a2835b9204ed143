import assert from 'node:assert/strict';
import { noCredentials, refuse } from '../../../../core/access/access-control.ts';
import { isError } from '../../../../core/errors.ts';
import type { Scope } from '../../../../core/lifecycle/scope.ts';
import type { CodecDescriptor } from '../../../../core/media/codecs/codec-descriptor.ts';
import type { Publication } from '../../../../core/streams/publication.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { millis, seconds } from '../../../../core/time/micros.ts';
import { webrtcConfig } from '../../../../modules/webrtc/config.ts';
import type { WebRtcOffer } from '../../../../modules/webrtc/contract.ts';
import { WebRtcCounters } from '../../../../modules/webrtc/metrics.ts';
import { Peers } from '../../../../modules/webrtc/peers.ts';
import { audioFrame, fakeAac, fakeH264, fakeOpus, videoFrame } from '../../../support/fake-media.ts';
import { FakePeerPlane, fakeRtpPlane } from '../../../support/fake-peer-plane.ts';
import { readSection, TestCore } from '../../../support/test-core.ts';
import { offers } from '../../../vectors/webrtc/offers.ts';

describe('webrtc: peers', () => {
  let clock: ManualClock;
  let core: TestCore;
  let plane: FakePeerPlane;
  let counters: WebRtcCounters;
  let parent: Scope;
  let openAtRest: number;

  beforeEach(() => {
    clock = new ManualClock();
    core = new TestCore({ clock });
    plane = new FakePeerPlane();
    counters = new WebRtcCounters();
    parent = core.openSession('whip').scope;
    openAtRest = core.scope.openScopes;
  });

  afterEach(async () => {
    await core.close();
    assert.deepEqual(core.failures, []);
  });

  function peers(config: object = {}): Peers {
    const dependencies = { core: core as never, rtp: fakeRtpPlane, plane, counters };
    return new Peers(readSection(webrtcConfig, config), dependencies);
  }

  function offer(sdp: string, overrides: Partial<WebRtcOffer> = {}): WebRtcOffer {
    const session = overrides.session ?? core.openSession('whip');
    return { sdp, name: 'room', session, credentials: noCredentials, parent, label: 'label', ...overrides };
  }

  async function live(...codecs: readonly CodecDescriptor[]): Promise<Publication> {
    const publication = await core.publish('room', { expects: codecs.map(({ kind }) => kind) });
    for (const codec of codecs) {
      const writer = publication.addTrack(codec);
      if (codec.name === 'h264') writer.write(videoFrame(codec, 0));
      if (codec.name === 'opus' || codec.name === 'aac') writer.write(audioFrame(codec, 0));
    }
    return publication;
  }

  it('publishes under the name, and asks for key frames by way of the plane', async () => {
    const peer = await peers().publish(offer(offers.chromiumPublish));
    assert.equal(core.streams.find('room')?.publication, peer.publication);
    const [request] = plane.ingests;
    assert.deepEqual(
      request?.media.map(({ kind, mid }) => [kind, mid]),
      [
        ['audio', '0'],
        ['video', '1'],
      ],
    );
    core.streams.find('room')?.requestKeyframe();
    assert.equal(plane.keyframeRequests, 1);
    assert.equal(plane.transports[0]?.request.remote.setup, 'actpass');
    assert.deepEqual(counters.peers, { publish: 1, play: 0 });
    await peer.scope.close({ code: 'done' });
    assert.equal(core.streams.find('room'), undefined);
    assert.deepEqual(counters.peers, { publish: 0, play: 0 });
  });

  it('tells a publisher how much it may send', async () => {
    const peer = await peers().publish(offer(offers.chromiumPublish, { bitrate: { maximum: 300_500 } }));
    assert.match(peer.answer, /m=video [^]*b=AS:301\r\nb=TIAS:300500\r\n/);
    assert.deepEqual(plane.ingests[0]?.bitrate, { minimum: 30_000, maximum: 300_500 });
    assert.doesNotMatch((await peers().publish(offer(offers.chromiumPublish, { name: 'b' }))).answer, /^b=/m);
  });

  it('connects, and tells the bytes', async () => {
    const peer = await peers().publish(offer(offers.chromiumPublish));
    plane.videoBytes = 5;
    plane.transports[0]?.connect();
    assert.equal(await peer.connected, undefined);
    assert.equal(peer.failure, undefined);
    assert.equal(peer.videoBytes, 5);
  });

  for (const failure of ['ice-timeout', 'ice-keep-alive', 'dtls-error', 'dtls-fingerprint'] as const) {
    it(`closes with what kept the transport: ${failure}`, async () => {
      const peer = await peers().publish(offer(offers.chromiumPublish));
      plane.transports[0]?.fail(failure);
      assert.equal(await peer.connected, failure);
      assert.equal(peer.failure, failure);
      assert.equal(peer.scope.closed, true);
      assert.equal(peer.publication.scope.closed, true);
      assert.equal(counters.failures.get(failure), 1);
    });
  }

  it('keeps the stream for a publisher that was lost, and takes it back', async () => {
    const first = await peers().publish(offer(offers.chromiumPublish));
    plane.transports[0]?.connect();
    await first.connected;
    plane.transports[0]?.fail('ice-keep-alive');
    await first.scope.close({ code: 'done' });
    const stream = core.streams.find('room');
    assert.equal(stream?.state, 'interrupted');
    const second = await peers().publish(offer(offers.chromiumPublish));
    assert.equal(second.publication.stream, stream);
  });

  it('cuts a publisher that is connected and sends nothing, not one that sends', async () => {
    const peer = await peers({ mediaTimeout: '8s' }).publish(offer(offers.chromiumPublish));
    clock.advance(seconds(30));
    assert.equal(peer.scope.closed, false, 'not connected: the transport has a patience of its own');
    plane.transports[0]?.connect();
    await peer.connected;
    for (let second = 0; second < 20; second += 1) {
      plane.lastMedia = clock.now();
      clock.advance(seconds(1));
    }
    assert.equal(peer.scope.closed, false);
    clock.advance(seconds(11));
    assert.equal(peer.failure, 'no-media');
    assert.equal(peer.scope.reason?.code, 'timeout');
  });

  it('refuses a name that is live, and replaces it where configured', async () => {
    await peers().publish(offer(offers.chromiumPublish));
    await assert.rejects(peers().publish(offer(offers.chromiumPublish)), (error) =>
      isError(error, 'stream-name-taken'),
    );
    await peers({ onConflict: 'replace' }).publish(offer(offers.chromiumPublish));
  });

  it('leaves nothing open after a refusal, wherever it comes from', async () => {
    const rested = (): void => assert.equal(core.scope.openScopes, openAtRest);
    const session = core.openSession('whip');
    openAtRest += 1;
    const attempt = (sdp: string, name = 'room') => peers().publish(offer(sdp, { session, name }));
    await assert.rejects(attempt('hello'), (error) => isError(error, 'protocol-violation'));
    rested();
    await assert.rejects(attempt(offers.chromiumPublish, 'a/b'), (error) => isError(error, 'stream-name-invalid'));
    rested();
    plane.failsWith = new Error('no port');
    await assert.rejects(attempt(offers.chromiumPublish), /no port/);
    await core.streams.find('room')?.scope.close({ code: 'done' });
    rested();
    core.access.add({ name: 'no', decide: () => refuse('no') }, core.scope);
    await assert.rejects(attempt(offers.chromiumPublish), (error) => isError(error, 'access-refused'));
    rested();
    assert.equal(counters.refusals.get('access-refused'), 1);
  });

  it('plays what the stream has, untouched, and refuses the rest of the offer', async () => {
    const h264 = fakeH264({ profile: 66, constraints: 0xc0 });
    await live(h264);
    const peer = await peers().play(offer(offers.chromiumPlay, { transport: 'tcp' }));
    assert.equal(peer.subscription.tracks[0]?.codec, h264);
    assert.match(peer.answer, /^m=audio 0 /m);
    assert.match(peer.answer, /^m=video 31001 UDP\/TLS\/RTP\/SAVPF 108 /m);
    assert.match(peer.answer, /a=ssrc-group:FID 1111 2222/);
    assert.equal(plane.transports[0]?.request.only, 'tcp');
    assert.doesNotMatch(peer.answer, / udp /);
    assert.equal(peer.videoBytes, 7);
    await peer.scope.close({ code: 'done' });
    assert.equal(core.streams.find('room')?.subscriptions.size, 0);
  });

  it('ends with its publisher', async () => {
    const publication = await live(fakeH264({ profile: 66 }), fakeOpus());
    const peer = await peers().play(offer(offers.chromiumPlay));
    await publication.scope.close({ code: 'done' });
    clock.advance(seconds(10));
    assert.equal(peer.scope.reason?.code, 'publisher-left');
  });

  it('ends the playback before the way to the viewer, whoever ends the session', async () => {
    await live(fakeH264({ profile: 66 }), fakeOpus());
    const peer = await peers().play(offer(offers.chromiumPlay));
    const ends: string[] = [];
    peer.subscription.scope.defer(({ code }) => void ends.push(`playback ${code}`));
    plane.transports[0]?.onEnd(() => ends.push('way'));
    await parent.close({ code: 'shutdown' });
    assert.deepEqual(ends, ['playback shutdown', 'way']);
  });

  it('says which codecs do not match where nothing transcodes', async () => {
    await live(fakeH264({ bFrames: true, profile: 66 }));
    await assert.rejects(peers().play(offer(offers.chromiumPlay)), (error) => isError(error, 'codecs-do-not-match'));
  });

  it('does without sound that it cannot have', async () => {
    await live(fakeH264({ profile: 77 }), fakeAac());
    const peer = await peers().play(offer(offers.chromiumPlay));
    assert.deepEqual(
      peer.subscription.tracks.map(({ kind }) => kind),
      ['video'],
    );
  });

  it('trusts a viewer with what it does not list when nothing can transcode, but not with B-frames', async () => {
    await live(fakeH264({ profile: 88, bFrames: undefined }));
    const peer = await peers().play(offer(offers.chromiumPlay));
    assert.equal(plane.plays[0]?.media[0]?.formats[0]?.encoding, 'H264');
    assert.equal(peer.subscription.tracks.length, 1);
  });

  it('gives up for a peer that leaves while its source is waited for', async () => {
    core.streams.addSource(
      { name: 'slow', claims: (name) => name === 'slow', open: () => new Promise(() => undefined) },
      core.scope,
    );
    const session = core.openSession('whep');
    const waiting = peers().play(offer(offers.chromiumPlay, { name: 'slow', session, parent: session.scope }));
    clock.advance(millis(100));
    await session.scope.close({ code: 'peer-left' });
    clock.advance(seconds(20));
    await assert.rejects(waiting, (error) => isError(error, 'closed') || isError(error, 'timed-out'));
    assert.equal(plane.transports.length, 0);
  });
});
