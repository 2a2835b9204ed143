import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { allow, noCredentials, refuse } from '../../core/access/access-control.ts';
import type { PublishRequest } from '../../core/streams/requests.ts';
import { seconds } from '../../core/time/micros.ts';
import { transcoders } from '../../transcoders/index.ts';
import { TsDemuxer } from '../../wire/mpegts/demuxer.ts';
import { StreamType } from '../../wire/mpegts/packet.ts';
import type { TsPes } from '../../wire/mpegts/pes-assembler.ts';
import { eventually } from '../conformance/suite.ts';
import { readFrameTable } from '../support/frame-table.ts';
import { JsmpegBrowser } from '../support/jsmpeg-browser.ts';
import { type Clip, MediaSource, makeClip, run } from '../support/media-source.ts';
import { encodeUnits } from '../support/tone-source.ts';
import { startWebSocketServer, type WebSocketTestServer } from '../support/websocket-server.ts';

/** A viewer that keeps what it gets. */
class Viewer {
  readonly socket: WebSocket;
  readonly messages: Buffer[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(port: number, path: string) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/jsmpeg/${path}`);
    this.socket.on('message', (bytes: Buffer, isBinary) => {
      assert.ok(isBinary);
      this.messages.push(bytes);
    });
    this.closed = once(this.socket, 'close').then(([code, reason]: unknown[]) => ({
      code: code as number,
      reason: String(reason),
    }));
  }

  get bytes(): Buffer {
    return Buffer.concat(this.messages);
  }
}

function demux(bytes: Buffer): { demuxer: TsDemuxer; packets: TsPes[] } {
  const packets: TsPes[] = [];
  const demuxer = new TsDemuxer({}, { onProgram: () => undefined, onPes: (pes) => packets.push(pes) });
  demuxer.push(bytes);
  demuxer.flush();
  return { demuxer, packets };
}

/** Noise, a keyframe every half second. */
function heavyClip(): Clip {
  const noise = 'color=gray:size=640x360:rate=30,noise=alls=100:allf=t';
  const rate = ['-b:v', '30M', '-minrate', '30M', '-maxrate', '30M', '-bufsize', '4M'];
  const args = ['-f', 'lavfi', '-i', noise, '-t', '4', '-c:v', 'mpeg1video', '-g', '15', '-bf', '0', ...rate];
  return { units: encodeUnits('mpeg1', args), duration: seconds(4) };
}

const sequenceHeader = '000001b3';

describe('The JSMpeg view', function () {
  this.timeout(60_000);
  let test: WebSocketTestServer;
  let clip: Clip;
  let baseLine: number;
  let sources: MediaSource[];

  before(async () => {
    clip = await makeClip({ size: '320x180', frameRate: 25, seconds: 8, group: 25, bFrames: 2 });
  });

  beforeEach(async () => {
    sources = [];
    test = await startWebSocketServer(
      { ping: '200ms', limits: { idle: '20s' } },
      { modules: transcoders, config: { streams: { renditions: { linger: '0' }, drain: '1s' } } },
    );
    baseLine = test.server.core.scope.openScopes;
  });

  afterEach(async () => {
    for (const source of sources) await source.end();
    await eventually(
      'open scopes back at base line',
      () => test.server.core.scope.openScopes <= baseLine + sources.length,
      20,
    );
    await test.server.stop();
    assert.equal(test.server.core.scope.openScopes, 0);
  });

  async function publish(name: string, media: Clip = clip): Promise<MediaSource> {
    const { core } = test.server;
    const session = core.sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', parent: core.scope });
    const publishing = {
      clock: core.clock,
      publish: (stream: string, request: Partial<PublishRequest> = {}) =>
        core.streams.publish({ name: stream, session, credentials: noCredentials, onConflict: 'refuse', ...request }),
    };
    const source = await MediaSource.publish(publishing, name, media, { loop: true });
    sources.push(source);
    return source;
  }

  function fact(name: string): number {
    return (test.inspect()['jsmpeg'] as Record<string, number>)[name] ?? Number.NaN;
  }

  it('gives whole packets from tables and a keyframe on, which ffprobe reads as MPEG-1 and MP2', async () => {
    await publish('room');
    const viewer = new Viewer(test.port, 'room');
    await eventually('three seconds of packets', () => demux(viewer.bytes).packets.length > 170, 20);
    viewer.socket.terminate();
    const { bytes } = viewer;
    assert.ok(viewer.messages.every((message) => message.length % 188 === 0 && message[0] === 0x47));
    const { demuxer, packets } = demux(bytes);
    assert.deepEqual([demuxer.counters.continuityErrors, demuxer.counters.malformed], [0, 0]);
    const first = packets.find(({ streamType }) => streamType === StreamType.mpeg1Video);
    assert.equal(first?.payload.subarray(0, 4).toString('hex'), sequenceHeader);
    assert.ok(packets.some(({ streamType }) => streamType === StreamType.mpeg1Audio));
    const entries = 'stream=codec_name,width,height,r_frame_rate,sample_rate,channels';
    const told = await run(
      'ffprobe',
      ['-v', 'error', '-f', 'mpegts', '-show_entries', entries, '-of', 'json', '-'],
      bytes,
    );
    const { streams } = JSON.parse(told.toString()) as { streams: Record<string, unknown>[] };
    assert.deepEqual(
      streams.map(({ codec_name, width, sample_rate }) => [codec_name, width ?? sample_rate]),
      [
        ['mpeg1video', 320],
        ['mp2', '48000'],
      ],
    );
    assert.deepEqual(
      [streams[0]?.['height'], streams[0]?.['r_frame_rate'], streams[1]?.['channels']],
      [180, '25/1', 2],
    );
    const decoded = await run(
      'ffmpeg',
      ['-v', 'error', '-xerror', '-f', 'mpegts', '-i', '-', '-f', 'framemd5', '-'],
      bytes,
    );
    assert.ok(readFrameTable(decoded).of(0).length > 50);
  });

  it('keeps sound and picture within 40 ms of the source', async () => {
    await publish('room');
    const viewer = new Viewer(test.port, 'room');
    await eventually('packets', () => demux(viewer.bytes).packets.length > 120, 20);
    viewer.socket.terminate();
    const { packets } = demux(viewer.bytes);
    const times = (type: number): number[] =>
      packets.filter(({ streamType }) => streamType === type).map(({ pts }) => (pts ?? 0) / 90 - 1_000);
    const video = times(StreamType.mpeg1Video);
    // Pictures stand at multiples of 40 ms in the clip, behind the reordering of its B-frames.
    const source = clip.units.filter(({ codec }) => codec.kind === 'video').map(({ pts }) => (pts % 8e6) / 1_000);
    for (const time of video) {
      const nearest = Math.min(...source.map((one) => Math.abs(one - (time % 8_000))));
      assert.ok(nearest < 2, `a picture at ${time} ms, ${nearest} ms from any of the source`);
    }
    const audio = times(StreamType.mpeg1Audio);
    for (let index = 1; index < audio.length; index += 1) {
      const step = (audio[index] ?? 0) - (audio[index - 1] ?? 0);
      assert.ok(Math.abs(step - 24) < 1, `sound after ${step} ms`);
    }
  });

  it('plays in the JSMpeg player in Chromium: the picture moves and has its size', async () => {
    await publish('page');
    const browser = await JsmpegBrowser.start();
    try {
      const state = await browser.play(`ws://127.0.0.1:${test.port}/jsmpeg/page`, 40);
      assert.deepEqual([state.width, state.height], [320, 180]);
      assert.ok(state.sound > 1, `${state.sound} s of sound`);
      assert.ok(state.videoSeconds > 1, `${state.videoSeconds} s of pictures`);
    } finally {
      await browser.stop();
    }
  });

  it('is transcoded once for all viewers, and not at all when they have gone', async () => {
    await publish('room');
    const viewers = [1, 2, 3, 4].map(() => new Viewer(test.port, 'room'));
    await eventually('media for all', () => viewers.every(({ messages }) => messages.length > 5), 20);
    const { renditions } = test.server.core.streams;
    assert.equal([...renditions.all()].length, 2);
    assert.equal(fact('viewers'), 4);
    for (const { socket } of viewers) socket.terminate();
    await eventually('the end of the renditions', () => [...renditions.all()].length === 0);
    assert.equal(fact('viewers'), 0);
  });

  it('asks the policies with what the query shows, and says no in the close frame', async () => {
    const { access, scope } = test.server.core;
    access.add(
      {
        name: 'test',
        decide: ({ action, credentials }) =>
          action !== 'play' || credentials.token === 'good' ? allow : refuse('a token is missing'),
      },
      scope,
    );
    await publish('room');
    const refused = await new Viewer(test.port, 'room').closed;
    assert.equal(refused.code, 1008);
    assert.match(refused.reason, /a token is missing/);
    const admitted = new Viewer(test.port, 'room?token=good');
    await eventually('media', () => admitted.messages.length > 0, 20);
    admitted.socket.terminate();
    const missing = await new Viewer(test.port, 'nobody?token=good').closed;
    assert.deepEqual([missing.code, /no stream named "nobody"/.test(missing.reason)], [1008, true]);
    assert.equal(fact('refused'), 2);
  });

  it('lets a viewer who stalls jump to a keyframe, and nobody else notices', async () => {
    // What is published as MPEG-1 goes out as it is; 30 Mbit/s fill the system's buffers soon.
    await publish('room', heavyClip());
    const [slow, quick] = [new Viewer(test.port, 'room'), new Viewer(test.port, 'room')];
    await eventually('media', () => slow.messages.length > 3 && quick.messages.length > 3, 20);
    slow.socket.pause();
    await eventually('units dropped', () => fact('droppedUnits') > 0, 40);
    slow.socket.resume();
    const before = slow.bytes.length;
    const { packets: old } = demux(slow.bytes);
    const seen = old.at(-1)?.pts ?? 0;
    await eventually('media after the jump', () => slow.bytes.length > before + 20_000_000, 20);
    for (const { socket } of [slow, quick]) socket.terminate();
    const { demuxer, packets } = demux(slow.bytes);
    assert.equal(demuxer.counters.continuityErrors, 0, 'a jump is marked');
    const jumped = packets.find(
      ({ pts, discontinuity, streamType }) =>
        discontinuity && streamType === StreamType.mpeg1Video && (pts ?? 0) > seen,
    );
    assert.equal(jumped?.payload.subarray(0, 4).toString('hex'), sequenceHeader, 'it goes on at a keyframe');
    assert.equal(demux(quick.bytes).demuxer.counters.continuityErrors, 0);
  });

  it('ignores what a viewer says, cuts one who says too much, and refuses what is no name', async () => {
    await publish('room');
    const talker = new Viewer(test.port, 'room');
    await once(talker.socket, 'open');
    talker.socket.send('{"message":"connection"}');
    talker.socket.send(Buffer.alloc(1_000, 0x47));
    await eventually('media', () => talker.messages.length > 3, 20);
    for (let count = 0; count < 3_000; count += 1) talker.socket.send('x');
    assert.equal((await talker.closed).code, 1008);
    const big = new Viewer(test.port, 'room');
    await once(big.socket, 'open');
    big.socket.send(Buffer.alloc(300 * 1_024));
    assert.equal((await big.closed).code, 1009);
    for (const path of ['', '..%2f', 'a/b', '%ff', '%00', 'room%22']) {
      const answer = await rawUpgrade(test.port, `/jsmpeg/${path}`);
      assert.match(answer, /^HTTP\/1.1 404 /, path);
    }
  });

  it('ends in order with its stream', async () => {
    const source = await publish('room');
    const viewer = new Viewer(test.port, 'room');
    await eventually('media', () => viewer.messages.length > 3, 20);
    await source.end();
    assert.equal((await viewer.closed).code, 1000);
  });
});

/** The head of the answer to a handshake, whatever it is. */
async function rawUpgrade(port: number, target: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(
    `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return bytes.toString('latin1');
}
