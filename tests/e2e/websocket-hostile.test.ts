import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { noCredentials } from '../../core/access/access-control.ts';
import type { Publication } from '../../core/streams/publication.ts';
import { audioFrame, fakeAac, fakeH264, videoFrame } from '../support/fake-media.ts';
import { waitFor } from '../support/wait-for.ts';
import { connectMedia, WcsTestClient } from '../support/wcs-client.ts';
import { startWebSocketServer, type WebSocketTestServer } from '../support/websocket-server.ts';

const gigabyte = 2 ** 30;
const text = 0x81;
const openText = 0x01;
const openContinuation = 0x00;
const compressedText = 0xc1;

/** The head of a client's frame, masked with zeros (RFC 6455 5.2). */
function frameHead(first: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, 0x80 | length, 0, 0, 0, 0]);
  const head = Buffer.alloc(14);
  head[0] = first;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

/** A WebSocket by hand, to write frames that no library writes. */
class RawWebSocket {
  readonly socket: Socket;
  readonly #heard: Buffer[] = [];
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => this.#heard.push(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static async open(port: number, headers: readonly string[] = []): Promise<RawWebSocket> {
    const raw = new RawWebSocket(connect(port, '127.0.0.1'));
    const lines = [
      ...['GET / HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Upgrade: websocket', 'Connection: Upgrade'],
      ...[`Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`, 'Sec-WebSocket-Version: 13', ...headers],
    ];
    raw.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    await waitFor('the answer', () => raw.closed || raw.answer.includes('\r\n\r\n'));
    return raw;
  }

  /** The head of the answer to the upgrade. */
  get answer(): string {
    return Buffer.concat(this.#heard).toString('latin1');
  }

  /** The code of the close frame at the end of what was heard (RFC 6455 5.5.1). */
  get closeCode(): number | undefined {
    const heard = Buffer.concat(this.#heard);
    const at = heard.lastIndexOf(0x88);
    return at < 0 || heard.length < at + 4 ? undefined : heard.readUInt16BE(at + 2);
  }
}

/** Item 48 of the hostile inputs, and its neighbours: who does this is cut, and nobody else notices. */
describe('WebSocket: hostile clients', () => {
  let running: WebSocketTestServer;
  let witness: WcsTestClient;

  beforeEach(async () => {
    running = await startWebSocketServer({ messagesPerSecond: 50, mediaTimeout: '2s' });
    witness = await WcsTestClient.connect(running.port);
  });

  afterEach(async () => {
    const seen = randomUUID();
    witness.send('sendData', { operationId: seen, payload: 'still there' });
    await witness.next('DataStatusEvent', ({ operationId }) => operationId === seen);
    await witness.close();
    await running.server.stop();
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  const isAlone = () =>
    waitFor('only the witness is left', () => running.server.core.sessions.count('websocket') === 1, 8);

  async function publishFake(name: string): Promise<Publication> {
    const { sessions, streams, scope } = running.server.core;
    const session = sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', parent: scope });
    const publication = await streams.publish({ name, session, credentials: noCredentials, onConflict: 'refuse' });
    const video = publication.addTrack(fakeH264());
    const audio = publication.addTrack(fakeAac());
    for (let index = 0; index < 90; index += 1) video.write(videoFrame(fakeH264(), index, { size: 1_000 }));
    for (let index = 0; index < 150; index += 1) audio.write(audioFrame(fakeAac(), index));
    return publication;
  }

  it('cuts one who announces a frame of 1 GB, before it is read', async () => {
    const raw = await RawWebSocket.open(running.port);
    raw.socket.write(Buffer.concat([frameHead(text, gigabyte), Buffer.alloc(64 * 1_024)]));
    await waitFor('the close frame', () => raw.closeCode === 1009);
    await waitFor('the end', () => raw.closed);
    // RFC 6455 5.2: the longest length that can be written, and one that no number holds.
    for (const length of [Number.MAX_SAFE_INTEGER, 2 ** 62]) {
      const other = await RawWebSocket.open(running.port);
      other.socket.write(frameHead(text, length));
      await waitFor('the end', () => other.closed);
    }
    await isAlone();
  });

  it('takes no compression, so that a bomb is a violation of the protocol and is never inflated', async () => {
    const raw = await RawWebSocket.open(running.port, ['Sec-WebSocket-Extensions: permessage-deflate']);
    assert.match(raw.answer, /^HTTP\/1\.1 101 /);
    assert.doesNotMatch(raw.answer, /permessage-deflate/i);
    const bomb = deflateRawSync(Buffer.alloc(64 << 20, 0x20));
    raw.socket.write(Buffer.concat([frameHead(compressedText, bomb.length), bomb]));
    await waitFor('the close frame', () => raw.closeCode === 1002);
    await waitFor('the end', () => raw.closed);
    await isAlone();
  });

  for (const [what, length] of [
    ['tiny', 1],
    ['empty', 0],
    ['large', 32 * 1_024],
  ] as const) {
    it(`cuts one who sends ${what} fragments for ever`, async () => {
      const raw = await RawWebSocket.open(running.port);
      raw.socket.write(Buffer.concat([frameHead(openText, length), Buffer.alloc(length, 0x20)]));
      const fragment = Buffer.concat([frameHead(openContinuation, length), Buffer.alloc(length, 0x20)]);
      let sent = 0;
      while (!raw.closed && sent < 10_000) {
        raw.socket.write(fragment);
        sent += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
      await waitFor('the end', () => raw.closed);
      assert.ok(sent < 10_000);
      await isAlone();
    });
  }

  it('takes pages of named sites alone, when sites are named', async () => {
    const strict = await startWebSocketServer({ origins: ['https://player.example'] });
    try {
      for (const origin of [
        'https://evil.example',
        'null',
        'https://player.example.evil.example',
        'http://player.example',
      ]) {
        const raw = await RawWebSocket.open(strict.port, [`Origin: ${origin}`]);
        assert.match(raw.answer, /^HTTP\/1\.1 403 /, origin);
        await waitFor('the end', () => raw.closed);
      }
      for (const headers of [['Origin: https://player.example'], []]) {
        const raw = await RawWebSocket.open(strict.port, headers);
        assert.match(raw.answer, /^HTTP\/1\.1 101 /);
        raw.socket.destroy();
      }
    } finally {
      await strict.server.stop();
    }
  });

  it("reaches no stream of another session by that stream's id, and none of its sockets without its token", async () => {
    const publication = await publishFake('cam');
    const id = randomUUID();
    witness.play(id, 'cam');
    await witness.next('setRemoteSDP');
    const media = await connectMedia(running.port, witness.token);
    await witness.status(id, 'PLAYING');
    await waitFor('media', () => media.frames.length > 0);

    const thief = await WcsTestClient.connect(running.port);
    for (const message of ['stopStream', 'unPublishStream'] as const) {
      thief.send(message, { mediaSessionId: id, name: 'cam', published: false });
      await thief.status(id, message === 'stopStream' ? 'STOPPED' : 'UNPUBLISHED');
    }
    for (const type of ['data', 'audioMuted', 'videoMuted']) {
      thief.send('sendStreamEvent', { mediaSessionId: id, type, payload: { forged: true } });
    }
    await thief.next('fail', ({ apiMethod }) => apiMethod === 'sendStreamEvent');
    // A second stream of the same id could take what is meant for the first.
    thief.play(id, 'cam');
    const refused = await thief.status(id, 'FAILED');
    assert.equal(refused['info'], 'MediaSessionId is already in use');
    thief.send('webRTCMetricsClientDescription', {
      mediaSessionId: id,
      headers: 'inbound-rtp.1.packetsLost',
      compression: 'none',
    });
    thief.send('webRTCMetricsBatch', { mediaSessionId: id, metrics: '["1000000"]' });
    for (const token of [witness.sessionId, `${witness.token}x`, '__proto__', 'constructor']) {
      const stolen = await connectMedia(running.port, token);
      await waitFor('the end', () => stolen.closed);
      assert.equal(stolen.frames.length, 0);
    }

    const before = media.frames.length;
    publication.addTrack(fakeH264()).write(videoFrame(fakeH264(), 90, { size: 1_000 }));
    await waitFor('more media', () => media.frames.length > before);
    const statuses = witness.heard
      .filter(({ message }) => message === 'notifyStreamStatusEvent')
      .map(({ data }) => (data[0] as Record<string, unknown>)['status']);
    assert.deepEqual(statuses, ['PLAYING']);
    assert.equal(
      witness.find('notifyStreamEvent', ({ type }) => type !== 'resize'),
      undefined,
    );
    await thief.close();
    await media.close();
    await publication.scope.close({ code: 'done' });
    await isAlone();
  });

  it('says what is wrong with a message, and cuts one who says nothing else', async () => {
    const client = await WcsTestClient.connect(running.port);
    const deep = `{"message":"sendData","data":[${'['.repeat(100_000)}${']'.repeat(100_000)}]}`;
    const wide = `{"message":"sendData","data":[${'0,'.repeat(100_000)}0]}`;
    const polluted =
      '{"message":"sendData","data":[{"operationId":"1","payload":{"__proto__":{"polluted":true}},"__proto__":{"polluted":true}}]}';
    for (const message of [deep, wide, polluted, '', 'null', '[]', '{"message":7}', '{"data":[]}', '\u0000', '{']) {
      client.socket.send(message);
    }
    await client.next('fail', ({ apiMethod }) => apiMethod === 'unknown');
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
    assert.ok(!client.closed);
    for (let count = 0; count < 30; count += 1) client.socket.send(randomBytes(16), { binary: true });
    await waitFor('the end', () => client.closed);
    assert.equal(client.closeCode, 1008);
    await isAlone();
  });

  it('cuts one who floods, with messages or with pings', async () => {
    const talker = await WcsTestClient.connect(running.port);
    for (let count = 0; count < 2_000 && !talker.closed; count += 1) talker.send('pong', null);
    await waitFor('the end of the talker', () => talker.closed);
    const pinger = await WcsTestClient.connect(running.port);
    for (let count = 0; count < 2_000; count += 1) pinger.socket.ping('', true, () => undefined);
    await waitFor('the end of the pinger', () => pinger.closed);
    await isAlone();
  });

  it('bounds the streams and media sockets of one session', async () => {
    const bounded = await startWebSocketServer({ streamsPerSession: 4 });
    try {
      const client = await WcsTestClient.connect(bounded.port);
      const media = await Promise.all(Array.from({ length: 20 }, () => connectMedia(bounded.port, client.token)));
      await waitFor('the rest to be refused', () => media.filter(({ closed }) => closed).length === 14);
      const { core } = bounded.server;
      const session = core.sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', parent: core.scope });
      await core.streams.publish({ name: 'idle', session, credentials: noCredentials, onConflict: 'refuse' });
      const ids = Array.from({ length: 20 }, () => randomUUID());
      for (const id of ids) client.play(id, 'idle');
      const failed = (): number => client.heard.filter(({ message }) => message === 'notifyStreamStatusEvent').length;
      await waitFor('the rest to fail', () => failed() >= 16);
      await client.close();
    } finally {
      await bounded.server.stop();
    }
  });

  it('cuts one who opens a socket and says nothing, or never answers a ping', async () => {
    const patient = await startWebSocketServer({ ping: '100ms', limits: { handshake: '1s', idle: '1s' } });
    try {
      const mute = await WcsTestClient.dial(patient.port);
      const deaf = await WcsTestClient.connect(patient.port);
      deaf.answers = false;
      const half = connect(patient.port, '127.0.0.1');
      half.on('error', () => undefined);
      half.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: webso');
      const gone = once(half, 'close');
      half.resume();
      await waitFor('the end of both', () => mute.closed && deaf.closed, 8);
      await gone;
      await waitFor('no session', () => patient.server.core.sessions.count() === 0);
    } finally {
      await patient.server.stop();
    }
  });
});
