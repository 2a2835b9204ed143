import assert from 'node:assert/strict';
import { Agent, get, request as httpRequest, type IncomingMessage } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { allow, refuse } from '../../core/access/access-control.ts';
import type { Micros } from '../../core/time/micros.ts';
import { HlsServer } from '../support/hls-server.ts';
import { type Clip, MediaSource, makeClip } from '../support/media-source.ts';

/** Inputs 41 to 45 of the hostile list: paths, directives, missing playlists, ranges, floods, the slow. */
describe('HLS: hostile clients', function () {
  this.timeout(30_000);
  let server: HlsServer;
  let source: MediaSource;
  let clip: Clip;

  before(async () => {
    clip = await makeClip({ seconds: 8 });
    server = await HlsServer.start({
      secure: { host: '127.0.0.1', port: 0 },
      limits: { handshake: '1s', perAddress: 50 },
      connections: { response: '1s', perAddress: 600 },
      blocked: { stream: 200, total: 300 },
    });
    source = await MediaSource.publish(server.core, 'live', clip, { loop: true });
    const first = await ask('/live/media.m3u8');
    assert.equal(first.status, 200);
  });

  after(async () => {
    await source.end();
    await server.stop();
    assert.deepEqual(server.core.failures, []);
    assert.equal(server.core.scope.openScopes, 0);
  });

  async function ask(target: string, headers: Record<string, string> = {}, method = 'GET') {
    // node:http sends the target as it stands; fetch would tidy it.
    return new Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }>((resolve, reject) => {
      const request = httpRequest({
        host: '127.0.0.1',
        port: server.port,
        path: target,
        method,
        headers,
        agent: false,
      });
      request.on('error', reject);
      request.on('response', (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
        );
      });
      request.end();
    });
  }

  async function somePart(): Promise<string> {
    const text = (await ask('/live/media.m3u8')).body.toString();
    return `/live/${/^s[^\n]*m4s$/m.exec(text)?.[0] ?? ''}`;
  }

  it('finds nothing outside of streams, however the path is written (41)', async () => {
    const names = [
      '..',
      '.',
      '..%2f..%2fetc%2fpasswd',
      '%2e%2e',
      '%2e%2e%2f',
      'a%00b',
      'a%5cb',
      'a\\b',
      '%c0%ae%c0%ae',
      '%ff',
      '%',
      'x'.repeat(4_000),
      '%F0%9F%98%80',
      'con',
    ];
    for (const name of names) {
      for (const file of ['index.m3u8', `${name}.m3u8`, '..%2f..%2fetc%2fpasswd', 'media.m3u8']) {
        const { status } = await ask(`/${name}/${file}`);
        assert.ok([400, 404].includes(status), `/${name}/${file} gave ${status}`);
      }
    }
    const targets = [
      '/',
      '//',
      '/live',
      '/live/',
      '/live//media.m3u8',
      '/live/media.m3u8/x',
      '/../live/media.m3u8',
      '*',
      '/live/%2e%2e/live/media.m3u8',
      `/live/${'y'.repeat(5_000)}`,
    ];
    for (const target of targets) {
      const { status } = await ask(target);
      assert.ok([400, 404].includes(status), `${target} gave ${status}`);
    }
    for (const file of ['constructor', '__proto__', 'toString', 'i1.mp4', 's1.m4s'])
      assert.equal((await ask(`/live/${file}`)).status, 404);
  });

  it('answers other methods, bodies and long queries with a refusal', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE']) {
      const { status, headers } = await ask('/live/media.m3u8', {}, method);
      assert.equal(status, 405);
      assert.equal(headers.allow, 'GET, HEAD, OPTIONS');
    }
    assert.equal((await ask('/live/media.m3u8', { 'content-length': '5' })).status, 413);
    assert.equal((await ask(`/live/media.m3u8?${'q'.repeat(5_000)}`)).status, 414);
    assert.equal((await ask(`/live/media.m3u8?x=${'q'.repeat(20_000)}`)).status, 431);
    assert.equal((await ask('/live/media.m3u8', {}, 'OPTIONS')).status, 204);
    const head = await ask('/live/media.m3u8', {}, 'HEAD');
    assert.equal(head.body.length, 0);
    assert.ok(Number(head.headers['content-length']) > 100);
  });

  it('refuses directives that are far off or none (42)', async () => {
    const wrong = [
      '_HLS_msn=99999999999',
      '_HLS_msn=-1',
      '_HLS_msn=1e9',
      '_HLS_msn=',
      '_HLS_msn=999999999999999999999',
      '_HLS_part=1',
      '_HLS_msn=1&_HLS_part=x',
      '_HLS_skip=all',
    ];
    for (const query of wrong) assert.equal((await ask(`/live/media.m3u8?${query}`)).status, 400, query);
    const msn = /MEDIA-SEQUENCE:(\d+)/.exec((await ask('/live/media.m3u8')).body.toString())?.[1] ?? '';
    assert.equal((await ask(`/live/media.m3u8?_HLS_msn=${Number(msn) + 50}`)).status, 400);
    assert.equal((await ask(`/live/media.m3u8?_HLS_msn=${msn}`)).status, 200);
  });

  it('bounds the requests that wait, and forgets those who leave (42)', async () => {
    const text = (await ask('/live/media.m3u8')).body.toString();
    const msn = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]) + [...text.matchAll(/^#EXTINF/gm)].length + 1;
    const agent = new Agent({ maxSockets: 400 });
    const answers = Array.from(
      { length: 300 },
      () =>
        new Promise<number>((resolve) => {
          const url = `${server.url}/live/media.m3u8?_HLS_msn=${msn}`;
          const request = get(url, { agent }, (answer) => {
            answer.resume();
            resolve(answer.statusCode ?? 0);
          });
          request.on('error', () => resolve(0));
        }),
    );
    const refused = (await Promise.all(answers)).filter((status) => status === 503).length;
    assert.ok(refused > 0 && refused <= 150, `${refused} of 300 were refused`);
    const leaving = Array.from({ length: 100 }, () =>
      get(`${server.url}/live/media.m3u8?_HLS_msn=${msn + 2}`, { agent }),
    );
    for (const request of leaving) {
      request.on('error', () => undefined);
      request.destroy();
    }
    agent.destroy();
    await until(() => server.fact('blocked') === 0);
  });

  it('keeps nothing of those who ask for what is not there (43)', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const before = server.core.scope.openScopes;
    const sessions = server.core.sessions.opened;
    for (let round = 0; round < 100; round += 1) {
      await Promise.all(
        Array.from({ length: 20 }, (_, index) => {
          const url = `${server.url}/missing-${round}-${index}/${index % 2 === 0 ? 'index' : 'media'}.m3u8`;
          return new Promise<void>((resolve, reject) => {
            get(url, { agent }, (answer) => {
              assert.equal(answer.statusCode, 404);
              answer.resume().on('end', resolve);
            }).on('error', reject);
          });
        }),
      );
    }
    agent.destroy();
    assert.equal(server.core.scope.openScopes, before);
    assert.equal(server.core.sessions.opened, sessions);
  });

  it('leaves nothing of viewers whom a policy refused', async () => {
    const policies = server.core.scope.child('policies');
    const before = server.core.scope.openScopes;
    const decide = ({ credentials }: { credentials: { token?: string } }) =>
      credentials.token === 'good' ? allow : refuse('no token');
    server.core.access.add({ name: 'token', decide }, policies);
    for (let index = 0; index < 50; index += 1) {
      const answer = await ask('/live/index.m3u8', index % 2 === 0 ? {} : { authorization: 'Bearer bad' });
      assert.equal(answer.status, 401);
      assert.match(answer.headers['www-authenticate'] ?? '', /Bearer/);
    }
    assert.equal(server.core.scope.openScopes, before);
    for (const [query, headers] of [
      ['?token=good', {}],
      ['?aclAuth=good', {}],
      ['', { authorization: 'Bearer good' }],
    ] as const) {
      const answer = await ask(`/live/index.m3u8${query}`, headers);
      assert.equal(answer.status, 200);
      const child = /^media.*$/m.exec(answer.body.toString())?.[0] ?? '';
      if (query !== '') assert.match(child, /=good&/);
      assert.equal((await ask(`/live/${child}`)).status, 200, 'the query is enough for the media playlist');
    }
    await policies.close({ code: 'done' });
  });

  it('bounds the viewers of one address', async () => {
    const statuses: number[] = [];
    for (let index = 0; index < 60; index += 1) statuses.push((await ask('/live/index.m3u8')).status);
    assert.ok(statuses.includes(200));
    assert.equal(statuses[59], 503);
    assert.ok(server.fact('viewers') <= 50);
  });

  it('serves one range, and many as the whole (44)', async () => {
    const path = await somePart();
    const whole = await ask(path);
    assert.equal(whole.status, 200);
    const { length } = whole.body;
    const cases: readonly [string, number, Buffer | undefined][] = [
      ['bytes=0-9', 206, whole.body.subarray(0, 10)],
      ['bytes=10-', 206, whole.body.subarray(10)],
      ['bytes=-7', 206, whole.body.subarray(length - 7)],
      [`bytes=5-${length + 1000}`, 206, whole.body.subarray(5)],
      [`bytes=${length}-`, 416, undefined],
      ['bytes=-0', 416, undefined],
      ['bytes=9-3', 200, whole.body],
      ['bytes=a-b', 200, whole.body],
      ['items=0-1', 200, whole.body],
      [`bytes=${Array.from({ length: 500 }, () => '0-').join(',')}`, 200, whole.body],
    ];
    for (const [range, status, body] of cases) {
      const answer = await ask(path, { range });
      assert.equal(answer.status, status, range);
      if (body !== undefined) assert.ok(answer.body.equals(body), range);
    }
    const etag = whole.headers.etag ?? '';
    assert.equal((await ask(path, { 'if-none-match': etag })).status, 304);
    assert.equal((await ask(path, { 'if-none-match': `"x", W/${etag}` })).status, 304);
    assert.equal(
      (await ask(path, { 'if-none-match': Array.from({ length: 500 }, () => '"x"').join(',') })).status,
      200,
    );
    assert.equal((await ask(path, { range: 'bytes=0-1', 'if-range': '"other"' })).status, 200);
  });

  it('does not take smuggled or broken requests (44)', async () => {
    const requests = [
      'GET /live/media.m3u8 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n',
      'GET /live/media.m3u8 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n',
      'GET /live/media.m3u8 HTTP/9.9\r\n\r\n',
      'GET  /live\r\n\r\n',
      '\u0016\u0003\u0001\u0002\u0000',
    ];
    for (const text of requests) {
      const answer = await raw(text);
      assert.ok(answer === '' || /^HTTP\/1\.1 4\d\d/.test(answer), answer.slice(0, 80));
    }
  });

  it('cuts those who take too long to ask, or to read (45)', async () => {
    const began = performance.now();
    const slow = connect(server.port, '127.0.0.1');
    slow.write('GET /live/media.m3u8 HTTP/1.1\r\nHost: a\r\nX-');
    await closed(slow);
    assert.ok(performance.now() - began < 6_000);
    const secure = Number(new URL(server.secureUrl).port);
    const options = { port: secure, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] };
    const slowInside = connectTls(options, () => slowInside.write('GET /live/media.m3u8 HTTP/1.1\r\nX-'));
    await closed(slowInside);
    const silent = connect(secure, '127.0.0.1');
    await closed(silent);
    // Reads nothing: the kernel's buffers fill up, then the answer waits.
    const lazy = connect(server.port, '127.0.0.1');
    lazy.pause();
    const path = await somePart();
    const many = `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(400);
    lazy.write(many);
    const others = server.fact('connections');
    await until(() => server.fact('cut') > 0 && server.fact('connections') < others);
    lazy.destroy();
  });

  it('ends HTTP/2 sessions that reset streams in a flood (44)', async () => {
    const session = connectHttp2(server.secureUrl, { rejectUnauthorized: false });
    session.on('error', () => undefined);
    await flood(session);
    assert.ok(session.destroyed || session.closed, 'the session is over');
    assert.equal((await ask('/live/media.m3u8')).status === 200, true, 'others are served');
  });

  it('cuts connections beyond the bound of one address', async () => {
    const sockets: Socket[] = [];
    for (let index = 0; index < 700; index += 1) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => undefined);
      sockets.push(socket);
    }
    await until(() => sockets.filter((socket) => socket.closed).length >= 90);
    assert.ok(server.fact('connections') <= 600);
    for (const socket of sockets) socket.destroy();
    await until(() => server.fact('connections') < 20);
  });

  async function flood(session: ClientHttp2Session): Promise<void> {
    for (let round = 0; round < 40 && !session.destroyed && !session.closed; round += 1) {
      for (let index = 0; index < 100 && !session.destroyed && !session.closed; index += 1) {
        const stream = session.request({ ':path': '/live/media.m3u8' });
        stream.on('error', () => undefined);
        stream.close(constants.NGHTTP2_CANCEL);
      }
      await until(() => true);
    }
    // What became of the session is asserted by who asked for the flood.
    await until(() => session.destroyed || session.closed, 2_000).catch(() => undefined);
  }

  function raw(text: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect(server.port, '127.0.0.1');
      let answer = '';
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString('latin1');
        socket.end();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(answer));
      socket.write(Buffer.from(text, 'latin1'));
    });
  }

  function closed(socket: Socket): Promise<void> {
    socket.on('error', () => undefined);
    socket.resume();
    return new Promise((resolve) => socket.on('close', () => resolve()));
  }

  async function until(holds: () => boolean, patience = 8_000): Promise<void> {
    const end = performance.now() + patience;
    do {
      if (performance.now() > end) assert.fail('it never came to be');
      await new Promise<void>((resolve) => server.core.clock.after(5_000 as Micros, resolve));
    } while (!holds());
  }
});
