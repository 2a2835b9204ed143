import assert from 'node:assert/strict';
import type { ForeignProgram } from '../support/foreign-program.ts';
import { TcpRelay } from '../support/tcp-relay.ts';
import { waitFor } from '../support/wait-for.ts';
import { connectMedia } from '../support/wcs-client.ts';
import { has, plays, WebsdkBrowser, type WebsdkClient, type WebsdkStream } from '../support/websdk-browser.ts';
import { WebsdkServer } from '../support/websdk-server.ts';

/** Check 15 of the reference's part k. */
describe('The client SDK of WCS in Chromium: Media Source', function () {
  this.timeout(90_000);
  let browser: WebsdkBrowser;
  let running: WebsdkServer;
  let viewer: WebsdkClient;
  const programs: ForeignProgram[] = [];
  const relays: TcpRelay[] = [];

  before(async () => {
    running = await WebsdkServer.start();
    browser = await WebsdkBrowser.start();
  });

  beforeEach(async () => {
    viewer = await browser.connect(running.port);
  });

  afterEach(async () => {
    await viewer.close();
    for (const program of programs.splice(0)) await program.kill();
    for (const relay of relays.splice(0)) await relay.stop();
    await waitFor('streams to end', () => running.server.core.streams.count === 0, 20);
  });

  after(async () => {
    await browser?.stop();
    await running?.stop();
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  /** ffmpeg by RTMP, with both of its tracks. */
  async function live(name: string, options: readonly string[] = []): Promise<void> {
    const program = running.publishRtmp(name, options);
    programs.push(program);
    const { streams } = running.server.core;
    await waitFor(`the stream ${name}`, () => (streams.find(name)?.tracks.length ?? 0) >= 2, 20);
  }

  const advancedTo =
    (seconds: number) =>
    ({ currentTime, readyState }: WebsdkStream): boolean =>
      currentTime >= seconds && readyState === 4;

  /** Pictures that the element has shown: it decodes, and does not only move its time. */
  const shownBy = (): Promise<number> =>
    viewer.page.evaluate("document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames");

  /** The time goes on by `seconds` and pictures with it. */
  async function goesOn(seconds: number): Promise<void> {
    const before = await viewer.look('in');
    const shown = await shownBy();
    await viewer.waitFor('in', advancedTo(before.currentTime + seconds), 30);
    const after = await shownBy();
    assert.ok(after - shown > seconds * 15, `${after - shown} pictures in ${seconds} s`);
  }

  it('15: plays H.264 and AAC of RTMP untouched', async () => {
    await live('film');
    await viewer.play('in', { name: 'film', mediaProvider: 'MSE' });
    await viewer.waitFor('in', has('PLAYING'));
    const seen = await viewer.waitFor('in', advancedTo(0.5), 40);
    assert.deepEqual([seen.width, seen.height, seen.resolution], [640, 360, { width: 640, height: 360 }]);
    await goesOn(5);
    assert.equal([...running.server.core.streams.renditions.all()].length, 0);
    assert.deepEqual(viewer.errors, []);
    await viewer.stop('in');
    const { events } = await viewer.waitFor('in', has('STOPPED'));
    assert.deepEqual(
      events.map(({ type }) => type),
      ['resize'],
    );
  });

  it('15: takes B-frames out for it', async () => {
    await live('frames', ['-bf', '2', '-b_strategy', '0']);
    await viewer.play('in', { name: 'frames', mediaProvider: 'MSE' });
    await viewer.waitFor('in', advancedTo(0.5), 40);
    await goesOn(5);
    assert.equal([...running.server.core.streams.renditions.all()].length, 1);
  });

  it('15: goes on at a key frame when a lost media socket is replaced', async () => {
    await live('lost');
    const relay = await TcpRelay.start(running.port);
    relays.push(relay);
    const client = await browser.connect(relay.port);
    await client.play('in', { name: 'lost', mediaProvider: 'MSE' });
    await client.waitFor('in', advancedTo(0.5), 40);
    relay.cutNewest();
    // The SDK's player opens none again: another takes its place, with the session's token.
    const { authToken } = await client.page.evaluate<{ authToken: string }>('echo');
    const media = await connectMedia(running.port, authToken);
    await waitFor('pictures', () => media.frames.filter(({ kind }) => kind === 'video').length > 30, 20);
    const [configuration, picture] = media.frames.filter(({ kind }) => kind === 'video');
    assert.deepEqual([configuration?.payload[0], configuration?.payload[1]], [0x17, 0]);
    assert.deepEqual([picture?.payload[0], picture?.payload[1]], [0x17, 1]);
    assert.ok(!has('FAILED')(await client.look('in')));
    await media.close();
    const ended = await client.waitFor('in', has('FAILED'), 40);
    assert.equal(ended.statuses.at(-1), 'FAILED Terminated by keep-alive');
    await client.play('again', { name: 'lost', mediaProvider: 'MSE' });
    await client.waitFor('again', advancedTo(0.5), 40);
    await client.close();
  });

  it('15: plays what a browser publishes by WebRTC, with AAC made of its Opus', async () => {
    const publisher = await browser.connect(running.port);
    await publisher.publish('out', { name: 'camera', stripCodecs: 'VP8,VP9,AV1' });
    await publisher.waitFor('out', has('PUBLISHING'));
    await viewer.play('in', { name: 'camera', mediaProvider: 'MSE' });
    const seen = await viewer.waitFor('in', advancedTo(0.5), 40);
    assert.deepEqual([seen.width, seen.height], [640, 480]);
    await goesOn(3);
    await publisher.stop('out');
    assert.equal((await viewer.waitFor('in', has('STOPPED'))).statuses.at(-1), 'STOPPED Stopped by publisher stop');
    await publisher.close();
  });

  it('plays RTMP over WebRTC, with Opus made of its AAC', async () => {
    await live('crossing');
    await viewer.play('in', { name: 'crossing' });
    const seen = await viewer.waitFor('in', plays(30), 40);
    assert.deepEqual(
      [seen.width, seen.height, seen.videoCodec, seen.audioCodec],
      [640, 360, 'video/H264', 'audio/opus'],
    );
  });

  it('plays in the size that a viewer asks for, and in the size of the source without transcoding', async () => {
    await live('sizes');
    await viewer.play('small', { name: 'sizes', playWidth: 320, playHeight: 180 });
    const small = await viewer.waitFor('small', plays(10), 40);
    assert.deepEqual([small.width, small.height], [320, 180]);
    await viewer.play('same', { name: 'sizes', playWidth: 640, playHeight: 360 });
    const same = await viewer.waitFor('same', plays(10), 40);
    assert.deepEqual([same.width, same.height], [640, 360]);
    const video = [...running.server.core.streams.renditions.all()].filter(({ source }) => source.kind === 'video');
    assert.equal(video.length, 1);
  });

  it('plays within the bit rate that a viewer asks for', async () => {
    await live('rates', ['-b:v', '2M', '-maxrate', '2M', '-bufsize', '1M', '-tune', 'zerolatency']);
    await viewer.play('in', { name: 'rates', constraints: { audio: true, video: { bitrate: 300 } } });
    await viewer.waitFor('in', plays(10), 40);
    const rates = (): number[] =>
      viewer.heard('outboundVideoRate').map(([told]) => (told as { videoRate: number }).videoRate);
    await waitFor('six rates', () => rates().length >= 6, 30);
    const last = rates().slice(-4);
    const mean = last.reduce((sum, rate) => sum + rate, 0) / last.length;
    // Headers, a key frame more or less, and a second of a busy machine that is a long one.
    assert.ok(mean > 100_000 && mean < 600_000, last.join(' '));
  });
});
