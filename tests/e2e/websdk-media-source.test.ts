import assert from 'node:assert/strict';
import { sideBySide } from '../support/side-by-side.ts';
import { TcpRelay } from '../support/tcp-relay.ts';
import { waitFor } from '../support/wait-for.ts';
import { connectMedia } from '../support/wcs-client.ts';
import { has, plays, WebsdkBrowser, type WebsdkClient, type WebsdkStream } from '../support/websdk-browser.ts';
import { WebsdkServer } from '../support/websdk-server.ts';

const advancedTo =
  (seconds: number) =>
  ({ currentTime, readyState }: WebsdkStream): boolean =>
    currentTime >= seconds && readyState === 4;

/** What a test has for itself: a viewer, and whatever it opens until its end. */
class Stage {
  readonly viewer: WebsdkClient;
  readonly #running: WebsdkServer;
  readonly #open: (() => Promise<unknown>)[] = [];
  /** Of the streams that ffmpeg publishes for it. */
  readonly names = new Set<string>();

  constructor(viewer: WebsdkClient, at: WebsdkServer) {
    this.viewer = viewer;
    this.#running = at;
  }

  defer(close: () => Promise<unknown>): void {
    this.#open.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#open.reverse()) await close();
    await this.viewer.close();
  }

  /** ffmpeg by RTMP, with both of its tracks. */
  async live(name: string, options: readonly string[] = []): Promise<void> {
    this.names.add(name);
    const program = this.#running.publishRtmp(name, options);
    this.defer(() => program.kill());
    const { streams } = this.#running.server.core;
    await waitFor(`the stream ${name}`, () => (streams.find(name)?.tracks.length ?? 0) >= 2, 20);
  }

  /** Renditions of one stream. */
  renditions(name: string, kind?: 'video'): number {
    const { renditions } = this.#running.server.core.streams;
    const isMeant = ({ stream, source }: { stream: { name: string }; source: { kind: string } }): boolean =>
      stream.name === name && (kind === undefined || source.kind === kind);
    return [...renditions.all()].filter(isMeant).length;
  }

  /** Pictures that the element has shown: it decodes, and does not only move its time. */
  #shown(): Promise<number> {
    return this.viewer.page.evaluate("document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames");
  }

  /** The time goes on by `seconds` and pictures with it. */
  async goesOn(seconds: number): Promise<void> {
    const before = await this.viewer.look('in');
    const shown = await this.#shown();
    await this.viewer.waitFor('in', advancedTo(before.currentTime + seconds), 30);
    const after = await this.#shown();
    assert.ok(after - shown > seconds * 15, `${after - shown} pictures in ${seconds} s`);
  }
}

/** Check 15 of the reference's part k. */
describe('The client SDK of WCS in Chromium: Media Source', function () {
  this.timeout(90_000);
  let browser: WebsdkBrowser;
  let running: WebsdkServer;
  /** Gives a lost socket of media up soon. */
  let impatient: WebsdkServer;
  const itBeside = sideBySide(2);

  before(async () => {
    running = await WebsdkServer.start();
    impatient = await WebsdkServer.start({ mediaTimeout: '3s' });
    browser = await WebsdkBrowser.start();
  });

  after(async () => {
    await browser?.stop();
    for (const server of [running, impatient]) {
      await server?.stop();
      assert.equal(server.server.core.scope.openScopes, 0);
    }
  });

  function itShows(title: string, run: (stage: Stage) => Promise<void>, at = (): WebsdkServer => running): void {
    itBeside(title, async () => {
      const stage = new Stage(await browser.connect(at().port), at());
      try {
        await run(stage);
      } finally {
        await stage.close();
      }
      const { streams } = at().server.core;
      await waitFor('its streams to end', () => [...streams.all()].every(({ name }) => !stage.names.has(name)), 20);
    });
  }

  itShows('15: plays H.264 and AAC of RTMP untouched', async (stage) => {
    const { viewer } = stage;
    await stage.live('film');
    await viewer.play('in', { name: 'film', mediaProvider: 'MSE' });
    await viewer.waitFor('in', has('PLAYING'));
    const seen = await viewer.waitFor('in', advancedTo(0.5), 40);
    assert.deepEqual([seen.width, seen.height, seen.resolution], [640, 360, { width: 640, height: 360 }]);
    await stage.goesOn(5);
    assert.equal(stage.renditions('film'), 0);
    assert.deepEqual(viewer.errors, []);
    await viewer.stop('in');
    const { events } = await viewer.waitFor('in', has('STOPPED'));
    assert.deepEqual(
      events.map(({ type }) => type),
      ['resize'],
    );
  });

  itShows('15: takes B-frames out for it', async (stage) => {
    const { viewer } = stage;
    await stage.live('frames', ['-bf', '2', '-b_strategy', '0']);
    await viewer.play('in', { name: 'frames', mediaProvider: 'MSE' });
    await viewer.waitFor('in', advancedTo(0.5), 40);
    await stage.goesOn(5);
    assert.equal(stage.renditions('frames'), 1);
  });

  itShows(
    '15: goes on at a key frame when a lost media socket is replaced',
    async (stage) => {
      await stage.live('lost');
      const relay = await TcpRelay.start(impatient.port);
      stage.defer(() => relay.stop());
      const client = await browser.connect(relay.port);
      stage.defer(() => client.close());
      await client.play('in', { name: 'lost', mediaProvider: 'MSE' });
      await client.waitFor('in', advancedTo(0.5), 40);
      relay.cutNewest();
      // The SDK's player opens none again: another takes its place, with the session's token.
      const { authToken } = await client.page.evaluate<{ authToken: string }>('echo');
      const media = await connectMedia(impatient.port, authToken);
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
    },
    () => impatient,
  );

  itShows('15: plays what a browser publishes by WebRTC, with AAC made of its Opus', async (stage) => {
    const { viewer } = stage;
    const publisher = await browser.connect(running.port);
    stage.defer(() => publisher.close());
    await publisher.publish('out', { name: 'camera', stripCodecs: 'VP8,VP9,AV1' });
    await publisher.waitFor('out', has('PUBLISHING'));
    await viewer.play('in', { name: 'camera', mediaProvider: 'MSE' });
    const seen = await viewer.waitFor('in', advancedTo(0.5), 40);
    assert.deepEqual([seen.width, seen.height], [640, 480]);
    await stage.goesOn(3);
    await publisher.stop('out');
    assert.equal((await viewer.waitFor('in', has('STOPPED'))).statuses.at(-1), 'STOPPED Stopped by publisher stop');
  });

  itShows('plays RTMP over WebRTC, with Opus made of its AAC', async (stage) => {
    const { viewer } = stage;
    await stage.live('crossing');
    await viewer.play('in', { name: 'crossing' });
    const seen = await viewer.waitFor('in', plays(30), 40);
    assert.deepEqual(
      [seen.width, seen.height, seen.videoCodec, seen.audioCodec],
      [640, 360, 'video/H264', 'audio/opus'],
    );
  });

  itShows(
    'plays in the size that a viewer asks for, and in the size of the source without transcoding',
    async (stage) => {
      const { viewer } = stage;
      await stage.live('sizes');
      await viewer.play('small', { name: 'sizes', playWidth: 320, playHeight: 180 });
      const small = await viewer.waitFor('small', plays(10), 40);
      assert.deepEqual([small.width, small.height], [320, 180]);
      await viewer.play('same', { name: 'sizes', playWidth: 640, playHeight: 360 });
      const same = await viewer.waitFor('same', plays(10), 40);
      assert.deepEqual([same.width, same.height], [640, 360]);
      assert.equal(stage.renditions('sizes', 'video'), 1);
    },
  );

  itShows('plays within the bit rate that a viewer asks for', async (stage) => {
    const { viewer } = stage;
    await stage.live('rates', ['-b:v', '2M', '-maxrate', '2M', '-bufsize', '1M', '-tune', 'zerolatency']);
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
