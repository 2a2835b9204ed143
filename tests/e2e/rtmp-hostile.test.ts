import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { StreamInterrupted, SubscriberLagging } from '../../core/events/catalogue.ts';
import { AmfEcmaArray, type AmfValue, amfObject } from '../../wire/amf/value.ts';
import { chunkMessage } from '../../wire/rtmp/chunk-writer.ts';
import { setBufferLength, windowAckSize } from '../../wire/rtmp/control-messages.ts';
import { collectGarbage } from '../support/collect-garbage.ts';
import { RtmpTestClient } from '../support/rtmp-client.ts';
import { avcConfig, sendMovie, tagNumber, videoTag } from '../support/rtmp-media.ts';
import { type RtmpTestServer, startRtmpServer } from '../support/rtmp-server.ts';

/** The items of the list of hostile inputs that concern RTMP: the peer alone pays, and a good stream beside it goes on. */
describe('RTMP against hostile peers', function () {
  this.timeout(30_000);
  let running: RtmpTestServer;
  let good: RtmpTestClient;
  let goodStream: number;
  let goodPlayer: RtmpTestClient;
  const clients: RtmpTestClient[] = [];
  let sent = 0;

  const open = async (): Promise<RtmpTestClient> => {
    const client = await RtmpTestClient.connect({ port: running.port });
    clients.push(client);
    return client;
  };
  const start = async (rtmp: Record<string, unknown> = {}, streams: Record<string, unknown> = {}): Promise<void> => {
    running = await startRtmpServer(rtmp, streams);
    good = await open();
    goodStream = await good.publish('good');
    sendMovie(good, goodStream, { count: 3 });
    sent = 3;
    goodPlayer = await open();
    await goodPlayer.play('good');
  };

  afterEach(async () => {
    // Nobody else noticed anything.
    sendMovie(good, goodStream, { from: sent, count: 3, group: 30 });
    await goodPlayer.until(
      () => tagNumber(goodPlayer.media('video').at(-1)?.payload ?? Buffer.alloc(20)) === sent + 2,
      'the good stream',
    );
    for (const client of clients.splice(0)) client.destroy();
    await running.stop();
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  const rawMessage = (type: number, payload: Buffer, streamId = 0, csid = 3): Buffer =>
    chunkMessage({ type, streamId, timestamp: 0, csid, payload: [payload] }, 128);
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };

  it('1: chunk sizes 0, 1, 2^31 - 1 and 2^31', async () => {
    await start();
    for (const size of [0, 1, 0x80000000]) {
      const client = await open();
      client.socket.write(rawMessage(1, u32(size), 0, 2));
      await client.ended();
    }
    const large = await open();
    large.socket.write(rawMessage(1, u32(0x7fffffff), 0, 2));
    assert.equal((await large.call('_checkbw', null)).name, '_result');
  });

  it('2: messages of 16 MB announced on 64 chunk streams, and large ones never completed', async () => {
    await start();
    const announcer = await open();
    const header = Buffer.from([0x04, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0]);
    announcer.socket.write(header);
    await announcer.ended();
    const before = process.memoryUsage().arrayBuffers;
    const hoarders = await Promise.all(Array.from({ length: 20 }, open));
    for (const hoarder of hoarders) {
      for (let csid = 4; csid < 64; csid += 1) {
        const head = Buffer.from([csid, 0, 0, 0, 0x01, 0xff, 0xf0, 9, 1, 0, 0, 0]);
        hoarder.socket.write(Buffer.concat([head, Buffer.alloc(128)]));
      }
    }
    await Promise.all(hoarders.map((hoarder) => hoarder.ended()));
    assert.ok(process.memoryUsage().arrayBuffers - before < 40_000_000);
  });

  it('3: continuation headers without a beginning', async () => {
    await start();
    for (const first of [0xc4, 0x84, 0x44]) {
      const client = await open();
      client.socket.write(Buffer.concat([Buffer.from([first]), Buffer.alloc(12)]));
      await client.ended();
    }
  });

  it('4: AMF nested 10000 deep, counts of 2^32 - 1, strings longer than the message', async () => {
    await start();
    const name = Buffer.concat([Buffer.from([2, 0, 1]), Buffer.from('x'), Buffer.from([0]), Buffer.alloc(8)]);
    const nested = Buffer.alloc(30_000);
    for (let at = 0; at + 3 <= nested.length; at += 3) nested.set([3, 0, 0], at);
    const bodies = [
      Buffer.concat([name, nested]),
      Buffer.concat([name, Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff])]),
      Buffer.concat([name, Buffer.from([2, 0xff, 0xff, 0x41])]),
      Buffer.concat([Buffer.from([0]), name, Buffer.from([0x11, 9, 0xff, 0xff, 0xff, 0xff])]),
    ];
    for (const [index, body] of bodies.entries()) {
      const client = await open();
      client.socket.write(rawMessage(index === 3 ? 17 : 20, body));
      await client.ended();
    }
  });

  it('5: connect with a tcUrl of 1 MB, an app that climbs, names with NUL and %2e%2e', async () => {
    await start();
    const huge = await RtmpTestClient.dial(running.port);
    clients.push(huge);
    await huge.shakeHands();
    // It is cut instead of being answered.
    huge.connectCommand({ tcUrl: `rtmp://${'x'.repeat(1_000_000)}` }).catch(() => undefined);
    await huge.ended();
    const climbing = await RtmpTestClient.connect({ port: running.port, app: '../../etc', tcUrl: null });
    clients.push(climbing);
    for (const name of ['a\0b', '%2e%2e', '..\\..', '../../etc/passwd', 'x'.repeat(5_000), '']) {
      await assert.rejects(climbing.publish(name), /BadName/, JSON.stringify(name.slice(0, 20)));
    }
    const control = await RtmpTestClient.dial(running.port);
    clients.push(control);
    await control.shakeHands();
    assert.equal((await control.connectCommand({ app: 'li\0ve' })).name, '_error');
  });

  it('6: a thousand handshakes that stall at some byte', async () => {
    await start({ limits: { handshake: '1s', perAddress: 1_100 } });
    const sockets = await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) => {
        const socket = connect({ host: '127.0.0.1', port: running.port });
        socket.on('error', () => undefined);
        await new Promise((resolve) => socket.once('connect', resolve));
        const bytes = Buffer.alloc(3_074);
        bytes[0] = 3;
        if (index % 7 > 0) socket.write(bytes.subarray(0, Math.floor((index * 3_073) / 1_000)));
        return socket;
      }),
    );
    const late = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of sockets) socket.resume();
    assert.equal((await good.call('_checkbw', null)).name, '_result');
    await Promise.all(late);
    await good.call('_checkbw', null);
    assert.equal(running.inspect()['connectionsOpen'], 2);
  });

  it('6: more connections than one address may have', async () => {
    await start({ limits: { perAddress: 10 } });
    const more: Socket[] = [];
    const closed: Promise<unknown>[] = [];
    for (let index = 0; index < 12; index += 1) {
      const socket = connect({ host: '127.0.0.1', port: running.port });
      socket.on('error', () => undefined);
      closed.push(new Promise((resolve) => socket.once('close', resolve)));
      more.push(socket.resume());
      await new Promise((resolve) => socket.once('connect', resolve));
    }
    await Promise.all(closed.slice(8));
    assert.equal(more.filter((socket) => socket.closed).length, 4);
    assert.equal(running.inspect()['connectionsRefused'], 4);
    for (const socket of more) socket.destroy();
  });

  it('7: abort, acknowledgement and window size 0, floods of pings, user control that nobody knows', async () => {
    await start();
    const client = await open();
    client.socket.write(rawMessage(2, u32(0), 0, 2));
    client.socket.write(rawMessage(3, u32(0), 0, 2));
    client.send(windowAckSize(0), windowAckSize(1), setBufferLength(1, 0));
    for (let event = 8; event < 64; event += 1)
      client.socket.write(rawMessage(4, Buffer.from([0, event, 0, 0, 0, 0]), 0, 2));
    const ping = rawMessage(4, Buffer.from([0, 6, 0, 0, 0, 1]), 0, 2);
    for (let count = 0; count < 100; count += 1) client.socket.write(Buffer.concat(new Array<Buffer>(100).fill(ping)));
    assert.equal((await client.call('_checkbw', null)).name, '_result');
    const answered = client.controls.filter(({ kind }) => kind === 'ping-response').length;
    assert.ok(answered > 0 && answered <= 40, `${answered} pongs`);
  });

  it('8: metadata with every frame, and metadata without end', async () => {
    await start();
    const client = await open();
    const id = await client.publish('bomb');
    const members = new AmfEcmaArray(
      Array.from({ length: 900 }, (_, index): [string, AmfValue] => [`key${index}`, 'x'.repeat(40)]),
    );
    for (let number = 0; number < 50; number += 1) {
      if (number === 0) client.sendMedia('video', id, 0, avcConfig);
      client.sendMetadata(id, members);
      client.sendMedia('video', id, number * 33, videoTag(number, number === 0));
    }
    client.sendMetadata(id, amfObject({ long: 'x'.repeat(100_000) }));
    await client.call('_checkbw', null);
    const stream = running.server.core.streams.find('bomb');
    assert.equal(Object.keys(stream?.publication?.metadata ?? {}).length, 64);
    assert.equal(stream?.findTrack('video')?.counters.units, 50);
    assert.ok(Number(running.inspect()['metadataRefused']) >= 40);
  });

  it('9: timestamps that wrap, go back, and composition times below zero', async () => {
    await start();
    const client = await open();
    const id = await client.publish('times');
    client.sendMedia('video', id, 0xffffff00, avcConfig);
    const at = [0xffffff00, 0xffffff80, 0x00000000, 0x00000080, 0x00000040, 0x00000100];
    for (const [number, timestamp] of at.entries()) {
      client.sendMedia('video', id, timestamp, videoTag(number, number === 0, 50, number === 3 ? -20 : 0));
    }
    const player = await open();
    await player.play('times');
    await player.until(() => player.media('video').length === 7, 'all frames');
    const times = player.media('video').map(({ timestamp }) => timestamp);
    assert.deepEqual(times.slice(1), [0, 128, 256, 384, 384, 512]);
    assert.equal(player.media('video')[4]?.payload.readIntBE(2, 3), -20);
    // A clock that leaps by a day: the stream goes on.
    client.sendMedia('video', id, 86_400_000, videoTag(6, true));
    client.sendMedia('video', id, 50, videoTag(7, true));
    await player.until(() => player.media('video').length === 9, 'the frames after the leaps');
    const after = player.media('video').map(({ timestamp }) => timestamp);
    assert.ok((after[7] ?? 0) - 512 < 10_000 && (after[8] ?? 0) >= (after[7] ?? 0), String(after));
  });

  it('10: NAL units longer than their tag, FourCC garbage, an HEVC configuration of 255 arrays', async () => {
    await start();
    const client = await open();
    const id = await client.publish('tags');
    client.sendMedia('video', id, 0, avcConfig);
    client.sendMedia('video', id, 0, videoTag(0, true));
    const broken = videoTag(1, false);
    broken.writeUInt32BE(0xffffff, 5);
    client.sendMedia('video', id, 33, broken);
    client.sendMedia('video', id, 66, videoTag(2, false)); // refers to what was lost
    client.sendMedia('video', id, 70, Buffer.from('90deadbeef0102', 'hex'));
    const arrays = Buffer.alloc(23 + 255 * 3);
    arrays[0] = 1;
    arrays[22] = 255;
    client.sendMedia('video', id, 71, Buffer.concat([Buffer.from([0x90]), Buffer.from('hvc1'), arrays]));
    client.sendMedia('video', id, 72, Buffer.from([0x17]));
    client.sendMedia('audio', id, 73, Buffer.from([0xaf]));
    client.sendMedia('video', id, 99, videoTag(3, true));
    const player = await open();
    await player.play('tags');
    await player.until(
      () => player.media('video').some(({ payload }) => tagNumber(payload) === 3),
      'the next key frame',
    );
    assert.equal(running.inspect()['mediaMalformed'], 5);
    const numbers = running.server.core.streams.find('tags')?.findTrack('video')?.counters.units;
    assert.equal(numbers, 2);
    for (let count = 0; count < 120; count += 1) client.sendMedia('video', id, 100, broken);
    await client.ended();
  });

  it('12: a second publisher of a live name gets nothing in', async () => {
    await start();
    const thief = await open();
    const id = await thief.createStream();
    thief.command(id, 'publish', 'good', 'live');
    for (let number = 0; number < 20; number += 1) thief.sendMedia('video', id, number, videoTag(1_000 + number, true));
    await thief.status('NetStream.Publish.BadName');
    assert.equal(goodPlayer.media('video').filter(({ payload }) => tagNumber(payload) >= 1_000).length, 0);
  });

  it('media before connect, commands before connect, a second connect, and what is no RTMP', async () => {
    await start();
    for (const wrong of [
      (client: RtmpTestClient): void => client.sendMedia('video', 1, 0, videoTag(0, true)),
      // These are cut instead of being answered.
      (client: RtmpTestClient): void => void client.createStream().catch(() => undefined),
      (client: RtmpTestClient): void => {
        client.connectCommand({}).catch(() => undefined);
        client.connectCommand({}).catch(() => undefined);
      },
    ]) {
      const client = await RtmpTestClient.dial(running.port);
      clients.push(client);
      await client.shakeHands();
      wrong(client);
      await client.ended();
    }
    for (const first of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01', '\x06']) {
      const client = await RtmpTestClient.dial(running.port);
      clients.push(client);
      client.socket.write(first);
      await client.ended();
    }
  });

  it('a player that stops reading jumps to a key frame, in bounded memory, and nobody else notices', async () => {
    await start({}, { queue: { duration: '2s' } });
    const lagged = running.server.core.events.next(SubscriberLagging, running.server.core.scope);
    const sloth = await open();
    await sloth.play('good');
    sloth.socket.pause();
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    let number = sent;
    while (running.inspect()['droppedUnits'] === 0 && number < 4_000) {
      sendMovie(good, goodStream, { from: number, count: 30, group: 30, size: 40_000, headers: false });
      number += 30;
      const last = number - 1;
      await goodPlayer.until(
        () => tagNumber(goodPlayer.media('video').at(-1)?.payload ?? Buffer.alloc(20)) === last,
        'the good player',
      );
      goodPlayer.messages.length = 0;
    }
    sent = number;
    await lagged;
    collectGarbage();
    assert.ok(process.memoryUsage().arrayBuffers - before < 60_000_000);
    const from = sloth.media('video').length;
    sloth.socket.resume();
    sendMovie(good, goodStream, { from: number, count: 31, group: 30, size: 4_000, headers: false });
    sent += 31;
    const end = sent - 1;
    await sloth.until(() => tagNumber(sloth.media('video').at(-1)?.payload ?? Buffer.alloc(20)) === end, 'the end');
    const numbers = sloth
      .media('video')
      .slice(from)
      .map(({ payload }) => tagNumber(payload));
    const gaps = numbers.filter((value, index) => index > 0 && value !== (numbers[index - 1] ?? 0) + 1);
    assert.ok(gaps.length >= 1, 'it jumped');
    assert.deepEqual(
      gaps.filter((value) => value % 30 !== 0),
      [],
      'to key frames only',
    );
  });

  it('a publisher that sends nothing, and a peer that says nothing, are cut', async () => {
    await start({ publishIdle: '1s', limits: { idle: '2s' } });
    const silent = await open();
    await silent.publish('silent');
    const interrupted = running.server.core.events.next(
      StreamInterrupted,
      running.server.core.scope,
      ({ stream }) => stream.name === 'silent',
    );
    const feed = setInterval(() => {
      sendMovie(good, goodStream, { from: sent, count: 1, group: 30 });
      sent += 1;
      void goodPlayer.call('_checkbw', null);
    }, 200);
    const mute = await RtmpTestClient.connect({ port: running.port });
    clients.push(mute);
    try {
      await silent.ended();
      assert.equal((await interrupted)?.reason.code, 'timeout');
      await mute.ended();
      assert.ok(
        mute.controls.some(({ kind }) => kind === 'ping-request'),
        'it was asked first',
      );
    } finally {
      clearInterval(feed);
    }
  });
});
