import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { StreamEnded, StreamPublished } from '../../../../core/events/catalogue.ts';
import { RtmpRelays } from '../../../../modules/rtmp/contract.ts';
import { RtmpTestClient } from '../../../support/rtmp-client.ts';
import { sendMovie, tagNumber } from '../../../support/rtmp-media.ts';
import { type RtmpTestServer, startRtmpServer } from '../../../support/rtmp-server.ts';

const client = { retryFirst: '20ms', retryLongest: '100ms', timeout: '2s' };

/** Turns the event loop until it is so; mocha's time-out bounds it. */
async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('modules/rtmp relays', function () {
  this.timeout(20_000);
  let near: RtmpTestServer;
  let far: RtmpTestServer;
  const clients: RtmpTestClient[] = [];

  const open = async (server: RtmpTestServer): Promise<RtmpTestClient> => {
    const opened = await RtmpTestClient.connect({ port: server.port });
    clients.push(opened);
    return opened;
  };
  const url = (server: RtmpTestServer, name: string): string => `rtmp://127.0.0.1:${server.port}/live/${name}`;
  const relays = (server: RtmpTestServer): RtmpRelays => server.server.core.services.get(RtmpRelays);

  beforeEach(async () => {
    far = await startRtmpServer();
  });

  afterEach(async () => {
    for (const opened of clients.splice(0)) opened.destroy();
    await near.stop();
    await far.stop();
    assert.equal(near.server.core.scope.openScopes + far.server.core.scope.openScopes, 0);
  });

  const numbers = (player: RtmpTestClient): number[] =>
    player
      .media('video')
      .map(({ payload }) => tagNumber(payload))
      .filter((number) => number >= 0);

  it('pushes a stream that is live, frame by frame, and says goodbye with it', async () => {
    near = await startRtmpServer({ client, push: [{ name: 'one', url: url(far, 'copy?token=x') }] });
    const arrived = far.server.core.events.next(StreamPublished, far.server.core.scope);
    const publisher = await open(near);
    const id = await publisher.publish('one');
    sendMovie(publisher, id, { count: 10 });
    assert.equal((await arrived)?.stream.name, 'copy');
    const player = await open(far);
    await player.play('copy');
    await player.until(() => numbers(player).length === 10, 'the frames');
    assert.deepEqual(
      player
        .media('audio')
        .slice(1, 4)
        .map(({ timestamp }) => timestamp),
      [5, 38, 71],
    );
    const [report] = relays(near).list();
    assert.equal(report?.state, 'running');
    assert.equal(report.target, `rtmp://127.0.0.1:${far.port}/live`, 'without name and token');
    const session = [...far.server.core.sessions.all()].find(({ agent }) => agent.includes('Switchyard'));
    assert.ok(session);
    const ended = far.server.core.events.next(StreamEnded, far.server.core.scope);
    publisher.command(0, 'FCUnpublish', 'one');
    assert.equal((await ended)?.reason.code, 'done');
    assert.equal(relays(near).list()[0]?.state, 'waiting');
  });

  it('connects from the configured range of ports', async () => {
    const target = createServer();
    target.listen(0, '127.0.0.1');
    await once(target, 'listening');
    const { port } = target.address() as AddressInfo;
    const dialled = once(target, 'connection') as Promise<[Socket]>;
    const push = [{ name: 'ports', url: `rtmp://127.0.0.1:${port}/live/x` }];
    near = await startRtmpServer({ client: { ...client, ports: '33501-33540' }, push });
    const publisher = await open(near);
    await publisher.publish('ports');
    const [socket] = await dialled;
    assert.ok((socket.remotePort ?? 0) >= 33_501 && (socket.remotePort ?? 0) <= 33_540, String(socket.remotePort));
    socket.destroy();
    target.close();
  });

  it('tries a push again after a growing pause, and shows why', async () => {
    const port = far.port;
    await far.stop();
    near = await startRtmpServer({ client, push: [{ name: 'again', url: `rtmp://127.0.0.1:${port}/live/x` }] });
    const publisher = await open(near);
    sendMovie(publisher, await publisher.publish('again'), { count: 3 });
    await eventually(() => (relays(near).list()[0]?.failures ?? 0) >= 2);
    const report = relays(near).list()[0];
    assert.ok((report?.failures ?? 0) >= 2);
    assert.match(report?.lastError ?? '', /ECONNREFUSED/);
    far = await startRtmpServer({ listen: { host: '127.0.0.1', port } });
    await far.server.core.events.next(StreamPublished, far.server.core.scope);
    await eventually(() => relays(near).list()[0]?.state === 'running');
    assert.equal(relays(near).list()[0]?.failures, 0);
  });

  it('pulls a stream when somebody wants it, and ends with it', async () => {
    near = await startRtmpServer({ client, pull: [{ name: 'here', url: url(far, 'there') }] });
    const publisher = await open(far);
    const id = await publisher.publish('there');
    sendMovie(publisher, id, { count: 10 });
    assert.equal(near.server.core.streams.find('here'), undefined);
    const player = await open(near);
    await player.play('here');
    await player.until(() => numbers(player).length === 10, 'the frames');
    assert.equal(relays(near).list()[0]?.state, 'running');
    publisher.command(0, 'FCUnpublish', 'there');
    await player.status('NetStream.Play.Stop');
  });

  it('comes back for a pull that broke while somebody watches', async () => {
    near = await startRtmpServer({ client, pull: [{ name: 'here', url: url(far, 'there') }] });
    const publisher = await open(far);
    sendMovie(publisher, await publisher.publish('there'), { count: 5 });
    const player = await open(near);
    await player.play('here');
    await player.until(() => numbers(player).length === 5, 'the first frames');
    const link = [...far.server.core.sessions.all()].find(({ agent }) => agent.includes('Switchyard'));
    await link?.scope.close({ code: 'peer-left' });
    sendMovie(publisher, 1, { from: 30, count: 5, group: 30, headers: false });
    await player.until(() => numbers(player).includes(34), 'the frames after');
    assert.equal(player.statuses.includes('NetStream.Play.Stop'), false);
  });

  it('says why a pull failed, and does not try again for everybody who asks', async () => {
    near = await startRtmpServer({
      client: { ...client, retryFirst: '5s' },
      pull: [{ name: 'here', url: url(far, 'nobody') }],
    });
    const player = await open(near);
    await assert.rejects(player.play('here'), /StreamNotFound/);
    const before = far.inspect()['connections'];
    await assert.rejects(player.play('here'), /StreamNotFound/);
    assert.equal(far.inspect()['connections'], before);
    assert.match(relays(near).list()[0]?.lastError ?? '', /NetStream\.Play\.StreamNotFound/);
  });

  it('pulls a URI only from hosts that the configuration names', async () => {
    near = await startRtmpServer({ client: { ...client, hosts: ['127.0.0.1'] } });
    const publisher = await open(far);
    sendMovie(publisher, await publisher.publish('there'), { count: 5 });
    const player = await open(near);
    await player.play(url(far, 'there'));
    await player.until(() => numbers(player).length === 5, 'the frames');
    await assert.rejects(player.play(`rtmp://localhost:${far.port}/live/there`), /StreamNotFound/);
  });

  it('lets no URI lead to an inner address through a name', async () => {
    near = await startRtmpServer({ client: { ...client, hosts: ['localhost'] } });
    const publisher = await open(far);
    sendMovie(publisher, await publisher.publish('there'), { count: 5 });
    const before = far.inspect()['connections'];
    const player = await open(near);
    await assert.rejects(player.play(`rtmp://localhost:${far.port}/live/there`), /StreamNotFound/);
    assert.equal(far.inspect()['connections'], before);
    assert.throws(() => relays(near).startPush({ stream: 'x', url: 'rtmp://example.org/live/x' }), {
      code: 'access-refused',
    });
    assert.throws(() => relays(near).startPull({ stream: 'x', url: 'http://localhost/' }), {
      code: 'protocol-violation',
    });
  });

  it('starts, lists and ends relays for other modules', async () => {
    near = await startRtmpServer({ client: { ...client, hosts: ['127.0.0.1'] } });
    const service = relays(near);
    const pull = service.startPull({ stream: 'a', url: url(far, 'there') });
    const push = service.startPush({ stream: 'b', url: url(far, 'copy') });
    assert.deepEqual(
      service.list().map(({ id }) => id),
      [pull.id, push.id],
    );
    assert.throws(() => service.startPull({ stream: 'a', url: url(far, 'other') }), { code: 'stream-name-taken' });
    assert.equal(service.end(push.id), true);
    assert.equal(service.end(push.id), false);
    assert.deepEqual(
      service.list().map(({ id }) => id),
      [pull.id],
    );
  });
});
