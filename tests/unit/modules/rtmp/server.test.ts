import assert from 'node:assert/strict';
import { refuse } from '../../../../core/access/access-control.ts';
import { StreamInterrupted } from '../../../../core/events/catalogue.ts';
import { AmfEcmaArray, amfObject, findAmfNumber, findAmfString } from '../../../../wire/amf/value.ts';
import { splitAggregate } from '../../../../wire/rtmp/aggregate.ts';
import { RtmpTestClient } from '../../../support/rtmp-client.ts';
import { aacConfig, audioTag, avcConfig, sendMovie, tagNumber, videoTag } from '../../../support/rtmp-media.ts';
import { type RtmpTestServer, startRtmpServer } from '../../../support/rtmp-server.ts';

describe('modules/rtmp server', () => {
  let running: RtmpTestServer;
  const clients: RtmpTestClient[] = [];

  const connect = async (options: Partial<Parameters<typeof RtmpTestClient.connect>[0]> = {}) => {
    const client = await RtmpTestClient.connect({ port: running.port, ...options });
    clients.push(client);
    return client;
  };
  const start = async (rtmp: Record<string, unknown> = {}, streams: Record<string, unknown> = {}) => {
    running = await startRtmpServer(rtmp, streams);
  };

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await running.stop();
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  it('takes a publisher and gives a player the same frames, audio offset and order', async () => {
    await start();
    const publisher = await connect();
    const id = await publisher.publish('one');
    sendMovie(publisher, id, { count: 20, group: 30 });
    const player = await connect();
    await player.play('one');
    await player.until(() => player.media('audio').length >= 21, '20 audio frames');
    const video = player.media('video');
    assert.deepEqual(video[0]?.payload, avcConfig);
    assert.deepEqual(
      video.slice(1).map(({ payload }) => tagNumber(payload)),
      Array.from({ length: 20 }, (_, index) => index),
    );
    assert.deepEqual(video[5]?.payload, videoTag(4, false));
    assert.deepEqual(
      video.slice(1, 4).map(({ timestamp }) => timestamp),
      [0, 33, 66],
    );
    const audio = player.media('audio');
    assert.deepEqual(audio[0]?.payload, aacConfig);
    assert.deepEqual(audio[1]?.payload, audioTag(0));
    assert.deepEqual(
      audio.slice(1, 4).map(({ timestamp }) => timestamp),
      [5, 38, 71],
    );
    assert.deepEqual(player.statuses.slice(0, 2), ['NetStream.Play.Reset', 'NetStream.Play.Start']);
    const metadata = player.facts.find(([name]) => name === 'onMetaData')?.[1];
    assert.equal(findAmfNumber(metadata, 'width'), 1920);
    assert.equal(findAmfNumber(metadata, 'videocodecid'), 7);
    assert.equal(findAmfNumber(metadata, 'audiocodecid'), 10);
  });

  it('begins a late player at the cached group of pictures', async () => {
    await start();
    const publisher = await connect();
    const id = await publisher.publish('late');
    sendMovie(publisher, id, { count: 75, group: 30 });
    const first = await connect();
    await first.play('late');
    await first.until(() => first.media('video').length >= 15, 'the group');
    assert.equal(tagNumber(first.media('video')[1]?.payload ?? Buffer.alloc(0)), 60);
  });

  it('answers the digest handshake, a connect without tcUrl, and AMF3', async () => {
    await start();
    await connect({ digest: true });
    await connect({ tcUrl: null });
    const client = await connect({ object: { objectEncoding: 3 } });
    assert.equal(await client.createStream(), 1);
    assert.equal(await client.createStream(), 2);
  });

  it('answers what Flash-era clients ask', async () => {
    await start();
    const client = await connect();
    for (const name of ['releaseStream', 'FCPublish', '_checkbw', 'getStreamLength']) {
      assert.equal((await client.call(name, null, 'x')).name, '_result', name);
    }
    const unknown = await client.call('nonsense', null);
    assert.equal(unknown.name, '_error');
    client.command(1, 'seek', 10);
    await client.status('NetStream.Seek.Failed');
    client.command(1, 'pause', true, 0);
    await client.status('NetStream.Pause.Notify');
    assert.equal(client.closed, false);
  });

  it('refuses a name that is live, and says so', async () => {
    await start();
    const first = await connect();
    await first.publish('name');
    const second = await connect();
    await assert.rejects(second.publish('name'), /NetStream\.Publish\.BadName/);
    await assert.rejects(second.publish('../../etc'), /NetStream\.Publish\.BadName/);
    await assert.rejects(second.publish('a%2e%2e'), /NetStream\.Publish\.BadName/);
    await assert.rejects(second.publish('nul\0'), /NetStream\.Publish\.BadName/);
    await assert.rejects(second.play('nobody'), /NetStream\.Play\.StreamNotFound/);
    assert.equal(first.closed, false);
  });

  it('replaces the publisher when told to, and keeps its players', async () => {
    await start({ onConflict: 'replace' });
    const first = await connect();
    sendMovie(first, await first.publish('name'), { count: 3 });
    const player = await connect();
    await player.play('name');
    await player.until(() => player.media('video').length >= 4, 'the first frames');
    const second = await connect();
    sendMovie(second, await second.publish('name'), { count: 5 });
    await first.status('NetStream.Publish.Failed');
    await player.until(() => player.media('video').length >= 9, 'the second publisher');
    const dts = player.media('video').map(({ timestamp }) => timestamp);
    assert.deepEqual(
      dts,
      [...dts].sort((a, b) => a - b),
    );
  });

  it('hands name, query of all three places and the application to the policies', async () => {
    await start();
    const seen: string[] = [];
    running.server.core.access.add(
      {
        name: 'test',
        decide: ({ action, stream, credentials }) => {
          seen.push(`${action} ${stream ?? '-'} ${[...credentials.query].sort().join('&')} ${credentials.token ?? ''}`);
          return action === 'play' ? refuse('not today') : { allowed: true };
        },
      },
      running.server.core.scope,
    );
    const client = await connect({ app: 'live/room?a=1', tcUrl: 'rtmp://127.0.0.1/live/room?b=2' });
    await client.publish('folder/key?token=secret');
    await assert.rejects(client.play('key'), /NetStream\.Play\.Failed/);
    assert.deepEqual(seen, ['connect - a,1&b,2 ', 'publish key a,1&b,2&token,secret secret', 'play key a,1&b,2 ']);
  });

  it('rejects a connect that a policy refuses, in words', async () => {
    await start();
    running.server.core.access.add({ name: 'no', decide: () => refuse('go away') }, running.server.core.scope);
    await assert.rejects(connect(), /NetConnection\.Connect\.Rejected/);
  });

  it('takes no media before the publish is admitted, nor from a second client', async () => {
    await start();
    let open: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      running.server.core.access.add(
        {
          name: 'slow',
          decide: ({ action }) => {
            if (action !== 'publish') return { allowed: true };
            resolve();
            return new Promise((done) => {
              open = () => done({ allowed: true });
            });
          },
        },
        running.server.core.scope,
      );
    });
    const early = await connect();
    const id = await early.createStream();
    early.command(id, 'publish', 'early', 'live');
    await asked;
    sendMovie(early, id, { count: 2 });
    const stranger = await connect();
    const other = await stranger.createStream();
    sendMovie(stranger, other, { count: 2 });
    await stranger.call('_checkbw', null);
    await early.call('_checkbw', null);
    open();
    await early.status('NetStream.Publish.Start');
    const stream = running.server.core.streams.find('early');
    assert.equal(stream?.tracks.length, 0);
    assert.equal(running.inspect()['mediaRefused'], 12);
    sendMovie(stranger, other, { count: 200 });
    await stranger.ended();
    assert.equal(stream?.tracks.length, 0);
    assert.equal(early.closed, false);
  });

  it('serves several streams on one connection', async () => {
    await start();
    const publisher = await connect();
    const a = await publisher.publish('a');
    const b = await publisher.publish('b');
    assert.notEqual(a, b);
    sendMovie(publisher, a, { count: 3 });
    sendMovie(publisher, b, { count: 3, size: 300 });
    const player = await connect();
    const playsA = await player.play('a');
    const playsB = await player.play('b');
    await player.until(() => player.media('video').length === 8, 'both streams');
    const of = (id: number) => player.media('video').filter(({ streamId }) => streamId === id);
    assert.deepEqual(of(playsA)[1]?.payload, videoTag(0, true));
    assert.deepEqual(of(playsB)[3]?.payload, videoTag(2, false, 300));
    player.command(0, 'deleteStream', playsA);
    assert.equal(await player.createStream(), playsA);
  });

  it('tells players of the end when the publisher says goodbye, by any of its words', async () => {
    await start();
    for (const goodbye of ['FCUnpublish', 'closeStream', 'deleteStream'] as const) {
      const publisher = await connect();
      const id = await publisher.publish('end');
      sendMovie(publisher, id, { count: 3 });
      const player = await connect();
      await player.play('end');
      if (goodbye === 'FCUnpublish') publisher.command(0, goodbye, 'end');
      else if (goodbye === 'closeStream') publisher.command(id, goodbye);
      else publisher.command(0, goodbye, id);
      await player.status('NetStream.Play.UnpublishNotify');
      assert.deepEqual(player.statuses.slice(-1), ['NetStream.Play.Stop']);
      assert.ok(player.controls.some(({ kind }) => kind === 'stream-eof'));
      assert.equal(player.media('video').length, 4, 'what was left is read before the end');
    }
  });

  it('keeps players while a publisher that dropped comes back', async () => {
    await start({}, { reconnectGrace: '5s' });
    const first = await connect();
    sendMovie(first, await first.publish('grace'), { count: 3 });
    const player = await connect();
    await player.play('grace');
    await player.until(() => player.media('video').length === 4, 'the first frames');
    const { events, scope } = running.server.core;
    const lost = events.next(StreamInterrupted, scope);
    first.destroy();
    assert.equal((await lost)?.stream.name, 'grace');
    const second = await connect();
    const id = await second.publish('grace');
    sendMovie(second, id, { count: 3 });
    await player.until(() => player.media('video').length >= 7, 'the frames after');
    assert.equal(player.statuses.includes('NetStream.Play.Stop'), false);
    const times = player.media('video').map(({ timestamp }) => timestamp);
    assert.ok((times.at(-1) ?? 0) > (times[3] ?? 0));
  });

  it('learns from metadata what will come, and passes the rest on', async () => {
    await start();
    const publisher = await connect();
    const id = await publisher.publish('meta');
    publisher.sendMetadata(
      id,
      new AmfEcmaArray([
        ['audiocodecid', 10],
        ['encoder', 'a\u0007b'],
        ['deep', amfObject({ x: 1 })],
      ]),
    );
    publisher.sendMedia('audio', id, 0, aacConfig);
    publisher.sendMedia('audio', id, 5, audioTag(1));
    const player = await connect();
    await player.play('meta'); // at once: only audio was announced
    await player.until(() => player.facts.some(([name]) => name === 'onMetaData'), 'metadata');
    const facts = player.facts.find(([name]) => name === 'onMetaData')?.[1];
    assert.equal(findAmfString(facts, 'encoder'), 'a?b');
    assert.equal(running.server.core.streams.find('meta')?.publication?.metadata['deep'], undefined);
  });

  it('takes aggregates', async () => {
    await start();
    const publisher = await connect();
    const id = await publisher.publish('aggregate');
    const parts = [avcConfig, videoTag(0, true), videoTag(1, false)].map((payload, index) => {
      const head = Buffer.alloc(11);
      head[0] = 9;
      head.writeUIntBE(payload.length, 1, 3);
      head.writeUIntBE(index * 33, 4, 3);
      return Buffer.concat([head, payload, Buffer.alloc(4)]);
    });
    const payload = Buffer.concat(parts);
    splitAggregate({ type: 22, streamId: id, timestamp: 0, csid: 6, payload }, () => undefined);
    publisher.send({ type: 22, streamId: id, timestamp: 0, csid: 6, payload: [payload] });
    const player = await connect();
    await player.play('aggregate');
    await player.until(() => player.media('video').length === 3, 'both frames');
  });

  it('gives other codecs only to players that announced them', async () => {
    await start();
    const publisher = await connect();
    const id = await publisher.publish('opus');
    const opus = Buffer.concat([Buffer.from([0x91]), Buffer.from('Opus'), Buffer.from([0xf8, 0xff, 0xfe])]);
    publisher.sendMedia('audio', id, 0, opus);
    const old = await connect();
    await assert.rejects(old.play('opus'), /NetStream\.Play\.Failed/);
    for (const object of [{ fourCcList: ['Opus'] }, { audioFourCcInfoMap: amfObject({ '*': 1 }) }]) {
      const modern = await connect({ object });
      await modern.play('opus');
      publisher.sendMedia('audio', id, 20, opus);
      await modern.until(() => modern.media('audio').length === 2, 'Opus');
      assert.deepEqual(modern.media('audio')[1]?.payload, opus);
    }
  });

  it('follows a change of parameters with a new sequence header', async () => {
    await start();
    const publisher = await connect();
    const id = await publisher.publish('change');
    sendMovie(publisher, id, { count: 3 });
    const player = await connect();
    await player.play('change');
    await player.until(() => player.media('video').length === 4, 'the first codec');
    const other = Buffer.from(avcConfig);
    publisher.sendMedia('video', id, 99, other); // the same again: nothing is sent
    // Another PPS of the same SPS: another descriptor.
    const changed = Buffer.from(avcConfig);
    changed[avcConfig.length - 5] = 0xc4;
    publisher.sendMedia('video', id, 120, changed);
    publisher.sendMedia('video', id, 120, videoTag(4, true));
    await player.until(() => player.media('video').length === 6, 'the second codec');
    assert.equal(tagNumber(player.media('video')[4]?.payload ?? Buffer.alloc(0)), -1);
    assert.equal(tagNumber(player.media('video')[5]?.payload ?? Buffer.alloc(0)), 4);
  });
});
