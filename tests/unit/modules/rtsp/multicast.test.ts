import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  type AccessRequest,
  allow,
  type Decision,
  refuse,
  showsPassword,
} from '../../../../core/access/access-control.ts';
import { silentLog } from '../../../../core/observe/log.ts';
import { createServer, type Server } from '../../../../core/server.ts';
import { rtpModule } from '../../../../modules/rtp/index.ts';
import { rtspModule } from '../../../../modules/rtsp/index.ts';
import { multicastProtocol } from '../../../../modules/rtsp/multicast.ts';
import { readTransports } from '../../../../wire/rtsp/transport.ts';
import { type NumberedSource, publishNumbered } from '../../../conformance/numbered-media.ts';
import { eventually } from '../../../conformance/suite.ts';
import { RtspTestClient } from '../../../support/rtsp-client.ts';

const groups = '239.255.77.0/30';

describe('modules/rtsp multicast', () => {
  let server: Server;
  let port: number;
  const sources = new Map<string, NumberedSource>();
  const clients: RtspTestClient[] = [];
  const sockets: Socket[] = [];

  beforeEach(async () => {
    const transports = { multicast: { enabled: true, groups, ports: '36001-36012', ttl: 1 } };
    server = createServer({
      modules: [rtpModule, rtspModule],
      config: { rtsp: { listen: { host: '127.0.0.1', port: 0 }, transports }, streams: { drain: '500ms' } },
      log: silentLog,
    });
    await server.start();
    port = Number(/:(\d+)\//.exec(server.urls()[0]?.url ?? '')?.[1]);
    await publish('live');
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const socket of sockets.splice(0)) socket.close();
    await server.stop();
    assert.equal(server.core.scope.openScopes, 0);
  });

  const url = (name = 'live'): string => `rtsp://127.0.0.1:${port}/${name}`;

  async function publish(name: string): Promise<void> {
    const { source } = await publishNumbered(server.core, name);
    source.write(3);
    sources.set(name, source);
  }

  async function open(): Promise<RtspTestClient> {
    const client = await RtspTestClient.open(port);
    clients.push(client);
    return client;
  }

  /** Sets a medium up; the answer's Transport. */
  async function setUp(client: RtspTestClient, name = 'live', track = 0): Promise<string> {
    const { headers } = await client.must('SETUP', `${url(name)}/trackID=${track}`, { Transport: 'RTP/AVP;multicast' });
    return headers.get('transport') ?? '';
  }

  function senders(): number {
    return [...server.core.sessions.all()].filter(({ protocol }) => protocol === multicastProtocol).length;
  }

  function multicasts(): unknown {
    return server.inspect().modules.find(({ module }) => module === 'rtsp')?.detail['multicasts'];
  }

  async function listen(group: string, at: number): Promise<Buffer[]> {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    sockets.push(socket);
    const packets: Buffer[] = [];
    socket.on('message', (bytes) => packets.push(bytes));
    socket.bind(at, group);
    await once(socket, 'listening');
    socket.addMembership(group, '127.0.0.1');
    return packets;
  }

  it('sends a stream once, to one group, however many ask', async () => {
    const [first, second] = [await open(), await open()];
    const transport = await setUp(first);
    assert.equal(
      transport,
      'RTP/AVP;multicast;destination=239.255.77.0;source=127.0.0.1;port=36002-36003;ttl=1;mode="PLAY"',
    );
    assert.match(await setUp(first, 'live', 1), /destination=239\.255\.77\.0;.*port=36004-36005/);
    assert.equal(await setUp(second), transport);
    assert.equal(senders(), 1);
    assert.equal(multicasts(), 1);
    const packets = await listen('239.255.77.0', 36_002);
    const reports = await listen('239.255.77.0', 36_003);
    await first.must('PLAY', url());
    await eventually('media', () => packets.length > 0);
    await eventually('a report', () => reports.length > 0);
    await second.must('PLAY', url());
    sources.get('live')?.write(20);
    await eventually('all of it', () => packets.some((bytes) => bytes.length > 0 && packets.length >= 23));
    const numbers = packets.map((bytes) => bytes.readUInt16BE(2));
    assert.deepEqual(numbers, [...new Set(numbers)], 'each packet came once');
    assert.equal(new Set(packets.map((bytes) => bytes.readUInt32BE(8))).size, 1, 'one source');
    // Nobody lags: what the group got counts as taken.
    for (const session of server.core.sessions.all()) assert.ok(Number(session.inspect()['droppedUnits'] ?? 0) === 0);
    await first.must('TEARDOWN', url());
    assert.equal(senders(), 1);
    await second.must('TEARDOWN', url());
    await eventually('the sender goes with the last', () => senders() === 0);
    assert.equal(multicasts(), 0);
  });

  it('gives each stream a group and ports of its own, within bounds, and takes them back', async () => {
    for (const name of ['b', 'c']) await publish(name);
    const [a, b, c] = [await open(), await open(), await open()];
    assert.match(await setUp(a), /destination=239\.255\.77\.0;.*port=36002-/);
    assert.match(await setUp(b, 'b'), /destination=239\.255\.77\.1;.*port=36006-/);
    // An odd first port is passed over: there is room for two times four.
    const Transport = 'RTP/AVP;multicast';
    assert.equal((await c.ask('SETUP', `${url('c')}/trackID=0`, { Transport })).status, 453);
    a.close();
    await eventually('the first sender is gone', () => senders() === 1);
    assert.match(await setUp(c, 'c'), /destination=239\.255\.77\.0;.*port=36002-/);
  });

  it('hangs up when the stream ends', async () => {
    const client = await open();
    await setUp(client);
    await client.must('PLAY', url());
    for (const session of server.core.sessions.all())
      if (session.protocol === 'test') void session.scope.close({ code: 'done' });
    await client.closed;
    await eventually('the sender is gone', () => senders() === 0);
  });

  it('lets nobody name a group, nor publish by multicast', async () => {
    const client = await open();
    await client.must('DESCRIBE', url());
    for (const group of ['224.0.0.1', '239.255.77.0', '255.255.255.255', '10.0.0.1', 'ff02::1']) {
      const Transport = `RTP/AVP;multicast;destination=${group};port=36002-36003;ttl=255`;
      assert.equal((await client.ask('SETUP', `${url()}/trackID=0`, { Transport })).status, 461, group);
    }
    const publisher = await open();
    await publisher.must(
      'ANNOUNCE',
      url('new'),
      { 'Content-Type': 'application/sdp' },
      'v=0\r\nc=IN IP4 224.0.0.1\r\nm=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n',
    );
    assert.equal((await publisher.ask('SETUP', url('new'), { Transport: 'RTP/AVP;multicast' })).status, 461);
    assert.equal(senders(), 0);
  });

  it('asks the policies for each player', async () => {
    const decide = ({ action, credentials }: AccessRequest): Decision =>
      action !== 'play' || showsPassword(credentials, 'secret') ? allow : refuse('wrong password', true);
    server.core.access.add({ name: 'test', decide }, server.core.scope);
    const Transport = 'RTP/AVP;multicast';
    const stranger = await open();
    assert.equal((await stranger.ask('SETUP', `${url()}/trackID=0`, { Transport })).status, 401);
    assert.equal(senders(), 0);
    const friend = await open();
    await friend.must('SETUP', `${url()}/trackID=0?password=secret`, { Transport });
    assert.equal(senders(), 1);
    assert.equal((await stranger.ask('SETUP', `${url()}/trackID=0`, { Transport })).status, 401);
  });

  it('sends to no group by unicast either, though it may send anywhere', async () => {
    await server.stop();
    const transports = { anyDestination: true };
    server = createServer({
      modules: [rtpModule, rtspModule],
      config: { rtsp: { listen: { host: '127.0.0.1', port: 0 }, transports }, streams: { drain: '500ms' } },
      log: silentLog,
    });
    await server.start();
    port = Number(/:(\d+)\//.exec(server.urls()[0]?.url ?? '')?.[1]);
    await publish('live');
    for (const [named, taken] of [
      ['127.0.0.2', true],
      ['224.0.0.1', false],
      ['239.255.77.0', false],
      ['255.255.255.255', false],
      ['0.0.0.0', false],
      ['ff02::1', false],
      ['::ffff:224.0.0.1', false],
    ] as const) {
      const client = await open();
      const Transport = `RTP/AVP;unicast;client_port=5000-5001;destination=${named}`;
      const { headers } = await client.must('SETUP', `${url()}/trackID=0`, { Transport });
      const [offer] = readTransports(headers.get('transport') ?? '');
      assert.equal(offer?.destination, taken ? named : undefined, named);
    }
  });

  it('takes no groups that others use from its configuration', () => {
    for (const reserved of ['224.0.0.0/24', '232.0.0.0/8', '239.0.0.0/4', '10.0.0.0/8', '239.1.2.3', 'ff02::/16']) {
      const transports = { multicast: { groups: reserved } };
      assert.throws(
        () => createServer({ modules: [rtpModule, rtspModule], config: { rtsp: { transports } }, log: silentLog }),
        /a network within 239\.0\.0\.0\/8/,
        reserved,
      );
    }
  });
});
