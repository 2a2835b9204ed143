import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net';
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
import { RtspAgents } from '../../../../modules/rtsp/contract.ts';
import { rtspModule } from '../../../../modules/rtsp/index.ts';
import { digestResponse } from '../../../../wire/digest/digest.ts';
import { formatResponse, type RtspRequest } from '../../../../wire/rtsp/message.ts';
import { RtspReader } from '../../../../wire/rtsp/message-reader.ts';
import { publishNumbered } from '../../../conformance/numbered-media.ts';
import { eventually } from '../../../conformance/suite.ts';
import { openPair, RtspTestClient } from '../../../support/rtsp-client.ts';

async function startServer(rtsp: Record<string, unknown>): Promise<Server> {
  const server = createServer({
    modules: [rtpModule, rtspModule],
    config: {
      rtsp: { listen: { host: '127.0.0.1', port: 0 }, limits: { handshake: '500ms' }, ...rtsp },
      streams: { drain: '500ms', sourceLinger: '100ms' },
    },
    log: silentLog,
  });
  await server.start();
  return server;
}

function portOf(server: Server): number {
  return Number(/:(\d+)\//.exec(server.urls()[0]?.url ?? '')?.[1]);
}

describe('modules/rtsp: hostile clients', () => {
  let server: Server;
  const clients: RtspTestClient[] = [];
  const sockets: Socket[] = [];

  const url = (name = 'live'): string => `rtsp://127.0.0.1:${portOf(server)}/${name}`;

  async function begin(rtsp: Record<string, unknown> = {}): Promise<void> {
    server = await startServer(rtsp);
    const { source } = await publishNumbered(server.core, 'live');
    source.write(3);
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.stop();
    assert.equal(server.core.scope.openScopes, 0);
  });

  async function open(localAddress?: string): Promise<RtspTestClient> {
    const client = await RtspTestClient.open(portOf(server), localAddress);
    clients.push(client);
    return client;
  }

  function counter(name: string): unknown {
    return server.inspect().modules.find(({ module }) => module === 'rtsp')?.detail[name];
  }

  it('13: bodies that are shorter or longer than they say', async () => {
    await begin();
    const short = await open();
    // What is behind the told length is the next message, and is none.
    short.socket.write(`GET_PARAMETER ${url()} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabcdef\r\n\r\n`);
    await short.closed;
    const long = await open();
    long.socket.write(`ANNOUNCE ${url('x')} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 60000\r\n\r\nv=0\r\n`);
    await long.closed; // it was waited for, as long as for a first word
    assert.equal(server.core.streams.find('x'), undefined);
    for (const length of ['', '1e3', '0x10', '+5', '1 2', '5, 5']) {
      const odd = await open();
      odd.socket.write(`GET_PARAMETER ${url()} RTSP/1.0\r\nContent-Length: ${length}\r\n\r\nabcde`);
      await odd.closed;
    }
  });

  it('14: a frame of 65535 bytes that never comes', async () => {
    await begin();
    const client = await open();
    client.socket.write(Buffer.of(0x24, 0, 0xff, 0xff, 1, 2, 3));
    await client.closed;
    const publisher = await open();
    const description = 'v=0\r\nm=audio 0 RTP/AVP 0\r\n';
    await publisher.must('ANNOUNCE', url('new'), { 'Content-Type': 'application/sdp' }, description);
    // Neither on channels before SETUP, nor on those of nobody: such frames are counted, no more.
    publisher.socket.write(Buffer.concat([Buffer.of(0x24, 0, 0, 2, 0x80, 0), Buffer.of(0x24, 255, 0, 0)]));
    await publisher.must('SETUP', `${url('new')}/trackID=0`, {
      Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1;mode=record',
    });
    assert.equal(counter('strayFrames'), 2);
    await publisher.must('RECORD', url('new'));
    publisher.socket.write(Buffer.from([0x24, 0, 0, 3, 0x80, 0xff, 0xff]));
    publisher.socket.write(Buffer.of(0x24, 1, 0, 1, 0));
    await publisher.must('GET_PARAMETER', url('new'));
  });

  it('15: ports and channels that cannot be', async () => {
    await begin();
    for (const Transport of [
      'RTP/AVP;unicast;client_port=0-1',
      'RTP/AVP;unicast;client_port=65536-65537',
      'RTP/AVP;unicast;client_port=-1--2',
      'RTP/AVP;unicast',
      'RTP/AVP/TCP;unicast;interleaved=256-257',
      'RAW/RAW/UDP;unicast;client_port=5000-5001',
      '',
    ]) {
      const { status } = await (await open()).ask('SETUP', `${url()}/trackID=0`, { Transport });
      assert.ok(status === 461 || status === 400, `${Transport}: ${status}`);
    }
  });

  it('16: ten thousand SETUPs in one session', async function () {
    this.timeout(20_000);
    await begin();
    const pair = await openPair();
    const udp = `RTP/AVP;unicast;client_port=${pair.media.address().port}-${pair.control.address().port}`;
    for (const Transport of ['RTP/AVP/TCP;unicast', udp]) {
      const client = await open();
      await client.must('DESCRIBE', url());
      const before = server.core.scope.openScopes;
      for (let turn = 0; turn < 1_000; turn += 1) {
        // As many at a time as may wait.
        const answers = Array.from({ length: 10 }, () => client.ask('SETUP', `${url()}/trackID=0`, { Transport }));
        for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
        assert.ok(
          server.core.scope.openScopes <= before + 4,
          `${server.core.scope.openScopes} scopes, ${before} before`,
        );
      }
    }
    pair.media.close();
    pair.control.close();
    const flood = await open();
    // It is cut before most are answered.
    for (let turn = 0; turn < 100; turn += 1) flood.ask('DESCRIBE', url()).catch(() => undefined);
    await flood.closed;
  });

  it('16: a session that is guessed or heard of elsewhere', async () => {
    await begin();
    const owner = await open();
    const { headers } = await owner.must('SETUP', `${url()}/trackID=0`, { Transport: 'RTP/AVP/TCP;unicast' });
    const session = headers.get('session')?.split(';')[0] ?? '';
    assert.match(session, /^[0-9a-f]{32}$/, '128 random bits');
    const thief = await open('127.0.0.2');
    for (const method of ['PLAY', 'PAUSE', 'TEARDOWN', 'RECORD'])
      assert.equal((await thief.ask(method, url(), { Session: session })).status, 454, method);
    const own = `${url()}/trackID=0`;
    // Nor can a session be given its name by others.
    assert.equal((await thief.ask('SETUP', own, { Transport: 'RTP/AVP/TCP', Session: 'fixed' })).status, 454);
    await owner.must('PLAY', url());
  });

  it('18: halves of tunnels that belong to nobody', async () => {
    await begin();
    const ask = async (text: string): Promise<string> => {
      const socket = connect({ port: portOf(server), host: '127.0.0.1' });
      sockets.push(socket);
      socket.write(text);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      return answer.toString('latin1').split('\r\n')[0] ?? '';
    };
    const head = (method: string, cookie: string): string =>
      `${method} /live HTTP/1.0\r\nx-sessioncookie: ${cookie}\r\n\r\n`;
    assert.match(await ask(head('POST', 'none')), /404/);
    assert.match(await ask(head('GET', 'one')), /200/);
    assert.match(await ask(head('GET', 'one')), /400/, 'a cookie that is taken');
    assert.match(await ask(head('POST', 'One')), /404/, 'another cookie');
    assert.match(await ask('GET /live HTTP/1.0\r\n\r\n'), /400/, 'no cookie');
    assert.match(await ask(head('GET', 'x'.repeat(129))), /400/);
    assert.match(await ask(head('GET', 'a b')), /400/);
    assert.match(await ask(`GET /live HTTP/1.0\r\nx: ${'y'.repeat(9_000)}`), /400/, 'a head without end');
    const post = connect({ port: portOf(server), host: '127.0.0.1' });
    sockets.push(post);
    const errorsBefore = counter('protocolErrors');
    post.write(head('POST', 'one') + Buffer.from('nonsense\r\n\r\n').toString('base64'));
    await once(post, 'close'); // the tunnel ends with what broke it
    assert.notDeepEqual(counter('protocolErrors'), errorsBefore);
  });

  it('20: what proved a password once proves nothing again, and nobody talks us down', async () => {
    await begin({ digest: { algorithms: ['SHA-256'], basic: false } });
    const decide = ({ action, credentials }: AccessRequest): Decision =>
      action !== 'play' || (credentials.user === 'anna' && showsPassword(credentials, 'geheim'))
        ? allow
        : refuse('who are you?', true);
    server.core.access.add({ name: 'password', decide }, server.core.scope);
    const client = await open();
    const challenged = await client.ask('DESCRIBE', url());
    const offer = challenged.headers.get('www-authenticate') ?? '';
    assert.ok(!/Basic|MD5/.test(offer), offer);
    const nonce = /nonce="([0-9a-f]{32})"/.exec(offer)?.[1] ?? '';
    const proof = (algorithm: 'MD5' | 'SHA-256', count: string, uri = url()): string => {
      const facts = {
        algorithm,
        user: 'anna',
        realm: 'Switchyard',
        password: 'geheim',
        method: 'DESCRIBE',
        uri,
        nonce,
      };
      const response = digestResponse({ ...facts, counted: { count, clientNonce: 'abc' } });
      return `Digest username="anna", realm="Switchyard", nonce="${nonce}", uri="${uri}", response="${response}", algorithm=${algorithm}, qop=auth, nc=${count}, cnonce="abc"`;
    };
    const status = async (Authorization: string): Promise<number> =>
      (await client.ask('DESCRIBE', url(), { Authorization })).status;
    const second = proof('SHA-256', '00000002');
    assert.equal(await status(second), 200);
    assert.equal(await status(second), 401, 'the same again');
    assert.equal(await status(proof('SHA-256', '00000001')), 401, 'a count that went before');
    assert.equal(await status(proof('SHA-256', '00000003', url('other'))), 401, 'signed for something else');
    assert.equal(await status(proof('MD5', '00000004')), 401, 'a weaker algorithm');
    assert.equal(await status(`Basic ${Buffer.from('anna:geheim').toString('base64')}`), 401, 'in the clear');
    assert.equal(await status(proof('SHA-256', '00000005')), 200);
    for (let turn = 0; turn < 20; turn += 1) await status('Digest username="anna"');
    assert.equal(await status(proof('SHA-256', '00000006')), 403, 'too many wrong ones from this address');
  });
});

describe('modules/rtsp: hostile cameras', () => {
  let server: Server;
  let camera: TcpServer;
  const sockets: Socket[] = [];
  const requests: RtspRequest[] = [];

  afterEach(async () => {
    await server.stop();
    for (const socket of sockets.splice(0)) socket.destroy();
    camera.close();
    requests.length = 0;
    assert.equal(server.core.scope.openScopes, 0);
  });

  /** A camera that describes itself so, and grants whatever is asked; fetched over `transport` under the name `here`. */
  async function fetch(description: string, transport = 'tcp', granted = ''): Promise<string> {
    camera = createTcpServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      const answer = (request: RtspRequest): void => {
        requests.push(request);
        const body = request.method === 'DESCRIBE' ? Buffer.from(description) : undefined;
        const Transport = request.headers.get('transport');
        const fields = {
          CSeq: request.headers.get('cseq'),
          ...(Transport === undefined ? {} : { Transport: Transport + granted, Session: '1' }),
        };
        socket.write(formatResponse({ status: 200, reason: 'OK' }, fields, body));
      };
      const reader = new RtspReader(
        { headBytes: 65_536, bodyBytes: 65_536 },
        { onRequest: answer, onResponse: () => undefined, onFrame: () => undefined },
      );
      socket.on('data', (bytes) => reader.push(bytes));
    });
    camera.listen(0, '127.0.0.1');
    await once(camera, 'listening');
    const { port } = camera.address() as AddressInfo;
    const url = `rtsp://127.0.0.1:${port}/cam`;
    server = await startServer({
      pull: [{ name: 'here', url, transport }],
      client: { timeout: '2s', retryFirst: '10s' },
    });
    const agents = server.core.services.get(RtspAgents);
    const scope = server.core.scope.child('viewer');
    // The agent tells what became of it.
    server.core.streams.obtain('here', scope).catch(() => undefined);
    await eventually('an outcome', () => {
      const { state, lastError } = agents.list()[0] ?? {};
      return state === 'running' || lastError !== undefined;
    });
    return agents.list()[0]?.lastError ?? 'running';
  }

  it('17: descriptions of a thousand media, and of endless parameters', async () => {
    const media = 'm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n';
    assert.match(await fetch(`v=0\r\n${media.repeat(999)}`), /more than 16 media|too many lines/);
    await server.stop();
    camera.close();
    const sprop = `a=fmtp:96 packetization-mode=1;sprop-parameter-sets=${'A'.repeat(200_000)}\r\n`;
    assert.equal(await fetch(`v=0\r\n${media}${sprop}`), 'running');
    await server.stop();
    camera.close();
    assert.match(await fetch(`v=0\r\n${'a=x\r\n'.repeat(80_000)}`), /too long/);
    assert.equal(requests.at(-1)?.method, 'DESCRIBE');
  });

  it('17: addresses in a description lead nowhere', async () => {
    const victim = await openPair('127.0.0.2');
    const hits: Buffer[] = [];
    for (const socket of [victim.media, victim.control]) socket.on('message', (bytes) => hits.push(bytes));
    const own = await openPair('127.0.0.1');
    let came = 0;
    for (const socket of [own.media, own.control]) socket.on('message', () => (came += 1));
    const ports = `${own.media.address().port}-${own.control.address().port}`;
    const at = `IN IP4 127.0.0.2`;
    const outcome = await fetch(
      `v=0\r\no=- 1 1 IN IP4 169.254.169.254\r\ns=x\r\nc=IN IP4 169.254.169.254\r\nt=0 0\r\na=control:rtsp://169.254.169.254/all\r\n` +
        `m=audio ${victim.media.address().port} RTP/AVP 0\r\nc=${at}\r\na=rtcp:${victim.control.address().port} ${at}\r\na=control:rtsp://169.254.169.254/audio\r\n`,
      'udp',
      `;source=127.0.0.2;destination=127.0.0.2;server_port=${ports}`,
    );
    assert.equal(outcome, 'running');
    // It is asked for by the name that it gave, on the connection that there is; that name is never dialled.
    assert.deepEqual(
      requests.map(({ method, url }) => `${method} ${url.replace(/:\d+/, '')}`),
      ['DESCRIBE rtsp://127.0.0.1/cam', 'SETUP rtsp://169.254.169.254/audio', 'PLAY rtsp://169.254.169.254/all'],
    );
    assert.equal(sockets.length, 1);
    await eventually('the camera gets our reports', () => came > 0);
    assert.deepEqual(hits, []);
    for (const socket of [victim.media, victim.control, own.media, own.control]) socket.close();
  });
});
