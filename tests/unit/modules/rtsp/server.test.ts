import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { refuse, showsPassword } from '../../../../core/access/access-control.ts';
import { silentLog } from '../../../../core/observe/log.ts';
import { createServer, type Server } from '../../../../core/server.ts';
import { rtpModule } from '../../../../modules/rtp/index.ts';
import { writeDescription } from '../../../../modules/rtsp/description.ts';
import { rtspModule } from '../../../../modules/rtsp/index.ts';
import { digestResponse } from '../../../../wire/digest/digest.ts';
import { type NumberedSource, publishNumbered } from '../../../conformance/numbered-media.ts';
import { eventually } from '../../../conformance/suite.ts';
import { openPair, RtspTestClient } from '../../../support/rtsp-client.ts';

const pcmu = { payloadType: 0, encoding: 'PCMU', clockRate: 8_000, channels: 1, parameters: new Map<string, string>() };

describe('modules/rtsp server', () => {
  let server: Server;
  let port: number;
  let source: NumberedSource;
  const clients: RtspTestClient[] = [];

  beforeEach(async () => {
    server = createServer({
      modules: [rtpModule, rtspModule],
      config: {
        rtsp: {
          listen: { host: '127.0.0.1', port: 0 },
          limits: { handshake: '500ms' },
          digest: { algorithms: ['SHA-256', 'MD5'] },
        },
        server: { drain: '500ms' },
      },
      log: silentLog,
    });
    await server.start();
    port = Number(/:(\d+)\//.exec(server.urls()[0]?.url ?? '')?.[1]);
    ({ source } = await publishNumbered(server.core, 'live'));
    source.write(3);
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await server.stop();
    assert.equal(server.core.scope.openScopes, 0);
  });

  const url = (name = 'live'): string => `rtsp://127.0.0.1:${port}/${name}`;

  async function open(localAddress?: string): Promise<RtspTestClient> {
    const client = await RtspTestClient.open(port, localAddress);
    clients.push(client);
    return client;
  }

  function counter(module: string, name: string): unknown {
    return server.inspect().modules.find((one) => one.module === module)?.detail[name];
  }

  it('says where each medium begins, for the same moment', async () => {
    const client = await open();
    await client.must('DESCRIBE', url());
    await client.must('SETUP', `${url()}/trackID=0`, { Transport: 'RTP/AVP/TCP;unicast;interleaved=4-5' });
    await client.must('SETUP', `${url()}/trackID=1`, { Transport: 'RTP/AVP/TCP;unicast;interleaved=6-7' });
    const first = new Map<number, Buffer>();
    client.onFrame = (channel, bytes) => {
      if (!first.has(channel)) first.set(channel, Buffer.from(bytes));
    };
    const { headers } = await client.must('PLAY', `${url()}/`);
    const info = headers.get('rtp-info') ?? '';
    const starts = [...info.matchAll(/trackID=(\d);seq=(\d+);rtptime=(\d+)/g)].map(([, ...numbers]) =>
      numbers.map(Number),
    );
    assert.equal(starts.length, 2);
    await eventually('both media', () => first.has(4) && first.has(6));
    assert.equal(first.get(4)?.readUInt16BE(2), starts[0]?.[1]);
    assert.equal(first.get(4)?.readUInt32BE(4), starts[0]?.[2]);
    assert.equal(first.get(6)?.readUInt16BE(2), starts[1]?.[1]);
  });

  it('pauses, and goes on at a key frame', async () => {
    const client = await open();
    await client.must('DESCRIBE', url());
    await client.must('SETUP', `${url()}/trackID=0`, { Transport: 'RTP/AVP/TCP;unicast' });
    let packets = 0;
    client.onFrame = (channel) => {
      if (channel === 0) packets += 1;
    };
    await client.must('PLAY', url());
    await eventually('media', () => packets > 0);
    await client.must('PAUSE', url());
    const before = packets;
    source.write(30);
    await client.must('GET_PARAMETER', url());
    assert.equal(packets, before);
    const { headers } = await client.must('PLAY', url());
    assert.match(headers.get('rtp-info') ?? '', /seq=/);
    await eventually('media again', () => packets > before);
    await client.must('TEARDOWN', url());
    assert.equal((await client.ask('PLAY', url())).status, 454);
  });

  it('answers RECORD before anything else is said, and lets a publisher pause', async () => {
    const client = await open();
    const media = [{ kind: 'audio' as const, track: 0, format: pcmu }];
    const description = writeDescription(media, { name: 'x', address: '127.0.0.1', id: 1 });
    await client.must('ANNOUNCE', url('new'), { 'Content-Type': 'application/sdp' }, description);
    await client.must('SETUP', `${url('new')}/trackID=0`, { Transport: 'RTP/AVP/TCP;unicast;mode=record' });
    let answersBefore: number | undefined;
    client.onFrame = () => {
      answersBefore ??= client.responses.length;
    };
    await client.must('RECORD', url('new'));
    await eventually('a receiver report', () => answersBefore !== undefined);
    assert.equal(answersBefore, 3);
    await client.must('PAUSE', url('new'));
    await client.must('RECORD', url('new'));
    await client.must('TEARDOWN', url('new'));
  });

  it('refuses what makes no sense in its state, unknown sessions, versions and transports', async () => {
    const client = await open();
    assert.equal((await client.ask('PLAY', url())).status, 454);
    assert.equal((await client.ask('PLAY', url(), { Session: 'guess' })).status, 454);
    assert.equal((await client.ask('RECORD', url(), { Session: 'guess' })).status, 454);
    assert.equal((await client.ask('FLY', url())).status, 501);
    assert.equal((await client.ask('SETUP', `${url()}/trackID=0`, { Transport: 'RTP/AVP;multicast' })).status, 461);
    assert.equal(
      (await client.ask('SETUP', `${url()}/trackID=0`, { Transport: 'RTP/SAVP;unicast;client_port=4-5' })).status,
      461,
    );
    assert.equal((await client.ask('SETUP', `${url()}/trackID=7`, { Transport: 'RTP/AVP/TCP' })).status, 404);
    assert.equal((await client.ask('DESCRIBE', url('%2e%2e%2fetc'))).status, 404);
    assert.equal((await client.ask('DESCRIBE', url('a%00b'))).status, 400);
    assert.equal((await client.ask('ANNOUNCE', url('x'), { 'Content-Type': 'text/html' }, 'x')).status, 415);
    const other = await open();
    const { headers } = await client.must('SETUP', `${url()}/trackID=0`, { Transport: 'RTP/AVP/TCP' });
    const session = headers.get('session')?.split(';')[0];
    assert.equal((await other.ask('PLAY', url(), { Session: session })).status, 454);
  });

  it('never sends to an address that did not open the connection', async () => {
    const victim = await openPair('127.0.0.2');
    let hit = 0;
    victim.media.on('message', () => {
      hit += 1;
    });
    const own = await openPair();
    let got = 0;
    own.media.on('message', () => {
      got += 1;
    });
    const client = await open();
    const ports = `${own.media.address().port}-${own.control.address().port}`;
    const Transport = `RTP/AVP;unicast;destination=127.0.0.2;client_port=${ports}`;
    const { headers } = await client.must('SETUP', `${url()}/trackID=0`, { Transport });
    assert.ok(!headers.get('transport')?.includes('127.0.0.2'));
    // Nor does a datagram of the victim's name turn media towards it.
    const serverPort = Number(/server_port=(\d+)/.exec(headers.get('transport') ?? '')?.[1]);
    victim.media.send(Buffer.alloc(12, 0x80), serverPort, '127.0.0.1');
    await client.must('PLAY', url());
    await eventually('media', () => got > 0);
    await eventually('the stranger is counted', () => counter('rtp', 'strangers') === 1);
    assert.equal(hit, 0);
    for (const socket of [victim.media, victim.control, own.media, own.control]) socket.close();
  });

  it('learns the ports of a player behind a translator once', async () => {
    const told = await openPair();
    const real = await openPair();
    const client = await open();
    const Transport = `RTP/AVP;unicast;client_port=${told.media.address().port}-${told.control.address().port}`;
    const { headers } = await client.must('SETUP', `${url()}/trackID=0`, { Transport });
    const serverPort = Number(/server_port=(\d+)/.exec(headers.get('transport') ?? '')?.[1]);
    let got = 0;
    real.media.on('message', () => {
      got += 1;
    });
    real.media.send(Buffer.alloc(12, 0x80), serverPort, '127.0.0.1');
    await new Promise((resolve) => setImmediate(resolve));
    await client.must('GET_PARAMETER', url());
    await client.must('PLAY', url());
    await eventually('media at the real port', () => got > 0);
    const late = await openPair();
    late.media.send(Buffer.alloc(12, 0x80), serverPort, '127.0.0.1');
    await eventually('a second one is a stranger', () => counter('rtp', 'strangers') === 1);
    for (const pair of [told, real, late]) {
      pair.media.close();
      pair.control.close();
    }
  });

  it('sets one medium up over and over within bounds', async () => {
    const client = await open();
    const pair = await openPair();
    const Transport = `RTP/AVP;unicast;client_port=${pair.media.address().port}-${pair.control.address().port}`;
    await client.must('DESCRIBE', url());
    const before = server.core.scope.openScopes;
    for (let turn = 0; turn < 200; turn += 1) await client.must('SETUP', `${url()}/trackID=0`, { Transport });
    assert.ok(server.core.scope.openScopes <= before + 3);
    assert.equal(counter('rtp', 'openPairs'), 1);
    const { detail } = server.inspect().modules.find(({ module }) => module === 'rtp') ?? {};
    assert.deepEqual(detail?.['ports'], { busy: 2, free: 998, quarantine: 0 });
    pair.media.close();
    pair.control.close();
  });

  it('asks for a password and takes digest and basic, but no replay, no other algorithm and no empty password', async () => {
    let password = 'geheim';
    const policy = server.core.scope.child('policy');
    server.core.access.add(
      {
        name: 'password',
        decide: ({ action, credentials }) =>
          action !== 'play' || (credentials.user === 'anna' && showsPassword(credentials, password))
            ? { allowed: true }
            : refuse('who are you?', true),
      },
      policy,
    );
    const client = await open();
    const challenged = await client.ask('DESCRIBE', url());
    assert.equal(challenged.status, 401);
    const offer = challenged.headers.get('www-authenticate') ?? '';
    assert.match(offer, /Basic realm=.*Digest.*algorithm=SHA-256.*Digest/);
    const nonce = /nonce="([0-9a-f]+)"/.exec(offer)?.[1] ?? '';
    const authorization = (given: string, algorithm: 'MD5' | 'SHA-256', named: string = algorithm): string => {
      const facts = {
        algorithm,
        user: 'anna',
        realm: 'Switchyard',
        password: given,
        method: 'DESCRIBE',
        uri: url(),
        nonce,
      };
      return `Digest username="anna", realm="Switchyard", nonce="${nonce}", uri="${url()}", response="${digestResponse(facts)}", algorithm=${named}`;
    };
    const status = async (Authorization: string, on = client): Promise<number> =>
      (await on.ask('DESCRIBE', url(), { Authorization })).status;
    assert.equal(await status(authorization('wrong', 'MD5')), 401);
    assert.equal(await status(authorization('geheim', 'MD5', 'MD5-sess')), 401);
    assert.equal(await status(authorization('geheim', 'MD5')), 200);
    assert.equal(await status(authorization('geheim', 'SHA-256')), 200);
    assert.equal(await status(`Basic ${Buffer.from('anna:geheim').toString('base64')}`), 200);
    assert.equal(await status(authorization('geheim', 'MD5'), await open()), 401, 'a nonce of another connection');
    password = '';
    assert.equal(await status(authorization('', 'MD5')), 401);
    await policy.close({ code: 'done' });
  });

  it('speaks through an HTTP tunnel, whose halves only their own peer can join', async () => {
    const cookie = 'abc';
    const get = connect({ port, host: '127.0.0.1' });
    let answer = '';
    get.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    get.write(`GET /live HTTP/1.0\r\nx-sessioncookie: ${cookie}\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n`);
    await eventually('the GET is answered', () => answer.includes('200 OK'));
    const stranger = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.3' });
    stranger.write(`POST /live HTTP/1.0\r\nx-sessioncookie: ${cookie}\r\n\r\n`);
    const [refusal] = (await once(stranger, 'data')) as [Buffer];
    assert.match(refusal.toString(), /404/);
    const post = connect({ port, host: '127.0.0.1' });
    const request = Buffer.from(`DESCRIBE ${url()} RTSP/1.0\r\nCSeq: 1\r\n\r\n`).toString('base64');
    post.write(
      `POST /live HTTP/1.0\r\nx-sessioncookie: ${cookie}\r\nContent-Length: 32767\r\n\r\n${request.slice(0, 7)}`,
    );
    post.write(request.slice(7));
    await eventually('a description comes out of the GET', () => answer.includes('m=video'));
    for (const socket of [get, post, stranger]) socket.destroy();
  });

  it('ends who sends nonsense, and nobody else', async () => {
    const good = await open();
    await good.must('OPTIONS', '*');
    for (const nonsense of [
      'DESCRIBE rtsp://x/live RTSP/1.0\r\nContent-Length: -1\r\n\r\n',
      'DESCRIBE rtsp://x/live RTSP/1.0\r\nContent-Length: 2147483648\r\n\r\n',
      'ANNOUNCE rtsp://x/live RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n',
      `OPTIONS * RTSP/1.0\r\n${'x: y\r\n'.repeat(100)}\r\n`,
      `OPTIONS * RTSP/1.0\r\nx: ${'y'.repeat(40_000)}`,
      'nonsense that never ends well\r\n\r\n',
    ]) {
      const bad = await open();
      bad.socket.write(nonsense);
      await bad.closed;
    }
    const frames = await open();
    await frames.must('DESCRIBE', url());
    const stray = Buffer.from([0x24, 9, 0, 1, 0]);
    frames.socket.write(Buffer.concat(new Array<Buffer>(1_100).fill(stray)));
    await frames.closed;
    await good.must('GET_PARAMETER', '*');
  });

  it('ends who says nothing', async () => {
    const silent = await open();
    silent.socket.write('OPT');
    await silent.closed;
    const slow = await open();
    slow.socket.write('OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n');
    await slow.closed;
  });

  it('takes no description of many media, nor one that names nothing usable', async () => {
    const client = await open();
    const announce = async (body: string): Promise<number> =>
      (await client.ask('ANNOUNCE', url('new'), { 'Content-Type': 'application/sdp' }, body)).status;
    const head = 'v=0\r\no=- 0 0 IN IP4 169.254.169.254\r\ns=x\r\nc=IN IP4 169.254.169.254\r\nt=0 0\r\n';
    assert.equal(await announce(head + 'm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n'.repeat(1_000)), 400);
    assert.equal(await announce(`${head}m=video 0 RTP/AVP 96\r\na=rtpmap:96 THEORA/90000\r\n`), 400);
    assert.equal(
      await announce(`${head}m=audio 0 RTP/AVP 96\r\na=rtpmap:96 MPEG4-GENERIC/48000\r\na=fmtp:96 config=zz\r\n`),
      400,
    );
    assert.equal(await announce(`${head}m=video 0 RTP/AVP 96\r\na=fmtp:96 ${'x'.repeat(20_000)}\r\n`), 400);
    assert.equal(server.core.streams.find('new'), undefined);
  });
});
