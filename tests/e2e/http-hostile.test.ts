import assert from 'node:assert/strict';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { Secret } from '../../core/config/schema.ts';
import { type HttpTestServer, publishFake, sendRaw, startHttpServer } from '../support/http-server.ts';

/** Whoever came through a proxy counts as remote. */
const remote = { 'x-forwarded-for': '192.0.2.1' };
const json = { 'content-type': 'application/json' };

describe('http: hostile input', () => {
  let running: HttpTestServer;
  const start = async (http: object = {}): Promise<void> => {
    running = await startHttpServer({
      limits: { headers: '1s', request: '2s', keepAlive: '2s', perAddress: 50 },
      ...http,
    });
  };
  const ask = (path: string, init: RequestInit = {}) => fetch(running.origin + path, init);
  const lives = async (): Promise<void> => assert.equal((await ask('/health/live')).status, 200);

  afterEach(async () => {
    await lives();
    await running.server.stop();
  });

  describe('item 47: the REST interface', () => {
    beforeEach(() =>
      start({ administration: { token: new Secret('right-token'), origins: ['https://good.example'] } }),
    );

    it('asks every administrative route for a credential', async () => {
      const routes = [
        ...['find_all', 'find'].flatMap((name) => [`GET /rest-api/stream/${name}`, `POST /rest-api/stream/${name}`]),
        ...['find_all', 'find'].flatMap((name) => [
          `GET /rest-api/connection/${name}`,
          `POST /rest-api/connection/${name}`,
        ]),
        'POST /rest-api/stream/terminate',
        'POST /rest-api/connection/terminate',
        'GET /docs/',
        'GET /docs/json',
        'GET /docs/static/swagger-ui.css',
        'HEAD /rest-api/stream/find_all',
        'GET /?action=stat',
        'GET /?action=stat&format=prometheus',
        'GET /rest-api/stream/unknown',
      ];
      for (const route of routes) {
        const [method = '', path = ''] = route.split(' ');
        assert.equal((await ask(path, { method, headers: remote })).status, 401, route);
      }
    });

    it('takes the bearer token and no other', async () => {
      await publishFake(running.server, 'cam');
      const withToken = (token: string) =>
        ask('/rest-api/stream/find_all', { headers: { ...remote, authorization: `Bearer ${token}` } });
      assert.equal((await withToken('right-token')).status, 200);
      for (const token of ['wrong', 'right-toke', 'eyJhbGciOiJub25lIn0.eyJhZG1pbiI6dHJ1ZX0.']) {
        assert.equal((await withToken(token)).status, 401, token);
      }
      for (const authorization of ['', 'Bearer', 'Basic', 'Basic !!!', 'Digest x', `Bearer ${'x'.repeat(8_000)}`]) {
        assert.equal((await ask('/rest-api/stream/find_all', { headers: { ...remote, authorization } })).status, 401);
      }
    });

    it('stops an address that guesses', async () => {
      const guess = () => ask('/?action=stat', { headers: { ...remote, authorization: 'Bearer guess' } });
      for (let index = 0; index < 20; index += 1) assert.equal((await guess()).status, 401);
      const stopped = await guess();
      assert.equal(stopped.status, 429);
      assert.ok(Number(stopped.headers.get('retry-after')) > 0);
    });

    it('takes no forged host for this host (DNS rebinding)', async () => {
      const request = `GET /rest-api/stream/find_all HTTP/1.1\r\nHost: rebound.example:${running.port}\r\nConnection: close\r\n\r\n`;
      assert.match(await sendRaw(running.port, request).closed, /^HTTP\/1.1 401 /);
    });

    it('refuses changes that pages of other sites ask for', async () => {
      await publishFake(running.server, 'cam');
      const terminate = (headers: Record<string, string>, body = '{}') =>
        ask('/rest-api/stream/terminate', { method: 'POST', headers: { ...json, ...headers }, body });
      assert.equal((await terminate({ origin: 'https://evil.example' })).status, 403);
      assert.equal((await terminate({ origin: 'null' })).status, 403);
      assert.equal((await terminate({ 'sec-fetch-site': 'cross-site' })).status, 403);
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
        assert.equal((await terminate({ 'content-type': type })).status, 415, type);
      }
      assert.ok(running.server.core.streams.find('cam'), 'it still lives');
    });

    it('shares answers with the configured origins alone', async () => {
      const preflight = (origin: string) =>
        ask('/rest-api/stream/find', {
          method: 'OPTIONS',
          headers: { origin, 'access-control-request-method': 'POST' },
        });
      const good = await preflight('https://good.example');
      assert.equal(good.headers.get('access-control-allow-origin'), 'https://good.example');
      assert.equal((await preflight('https://evil.example')).headers.get('access-control-allow-origin'), null);
      const evil = await ask('/api/streams', { headers: { origin: 'https://evil.example' } });
      assert.equal(evil.headers.get('access-control-allow-origin'), null);
    });

    it('reads no JSON that is too big, and survives what is deep or poisoned', async () => {
      const find = (body: string) => ask('/rest-api/stream/find', { method: 'POST', headers: json, body });
      assert.equal((await find(`{"name":"${'x'.repeat(2 << 20)}"}`)).status, 413);
      assert.equal((await find('{"__proto__":{"published":true}}')).status, 400);
      assert.equal((await find('{"constructor":{"prototype":{"x":1}}}')).status, 400);
      const deep = 10_000;
      assert.equal((await find(`{"display":${'['.repeat(deep)}${']'.repeat(deep)}}`)).status, 400);
      assert.equal((await find('{"name":')).status, 400);
      assert.equal((await find('[]')).status, 400);
      assert.equal(({} as Record<string, unknown>)['published'], undefined);
      const announced = `POST /rest-api/stream/find HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n{`;
      const { socket, closed } = sendRaw(running.port, announced);
      socket.once('data', () => socket.end());
      assert.match(await closed, /^HTTP\/1.1 413 /);
    });

    it('has no JSONP, and tells browsers what an answer is', async () => {
      const answer = await ask('/api/streams?callback=alert');
      assert.match(await answer.text(), /^\{/);
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
      assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
      assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    });
  });

  describe('item 44: the protocol itself', () => {
    beforeEach(() => start());

    it('refuses what two servers could read in two ways', async () => {
      const heads = [
        'POST /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX',
        'GET /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nX',
        'GET /health/live HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
        'GET /health/live HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n',
        `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
        'GET\0 / HTTP/1.1\r\n\r\n',
      ];
      for (const head of heads) {
        assert.match(await sendRaw(running.port, head).closed, /^HTTP\/1.1 4(00|13|14|31) /, head.slice(0, 60));
      }
    });

    it('leads no path out of the page', async () => {
      for (const path of [
        '/..%2f..%2fetc/passwd',
        '/%2e%2e/%2e%2e/etc/passwd',
        '/..\\..\\etc\\passwd',
        '/%00',
        '/%c0%ae%c0%ae/',
        '/%',
        '/assets/../../package.json',
      ]) {
        const request = `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
        assert.match(await sendRaw(running.port, request).closed, /^HTTP\/1.1 (400|404) /, path);
      }
    });

    it('survives streams of HTTP/2 that are reset as soon as they open', async () => {
      const session = connectHttp2(`https://127.0.0.1:${running.securePort}`, { rejectUnauthorized: false });
      session.on('error', () => undefined);
      const gone = new Promise((resolve) => session.on('close', resolve));
      for (let index = 0; index < 3_000 && !session.destroyed; index += 1) {
        const stream = session.request({ ':path': '/health/live' });
        stream.on('error', () => undefined);
        stream.close(constants.NGHTTP2_CANCEL);
      }
      session.close();
      await gone;
    });
  });

  describe('item 45: slow peers', () => {
    beforeEach(() => start());

    it('cuts who takes its time with a head, on both ports', async () => {
      const plain = sendRaw(running.port, 'GET /health/live HTTP/1.1\r\nHost: a\r\nX-');
      const silent = sendRaw(running.securePort, '');
      const overTls = new Promise((resolve) => {
        const socket = connectTls({ port: running.securePort, host: '127.0.0.1', rejectUnauthorized: false }, () =>
          socket.write('GET / HTTP/1.1\r\nHost: a\r\nX-'),
        );
        socket.on('error', () => undefined);
        socket.on('close', resolve);
        socket.resume();
      });
      await Promise.all([plain.closed, silent.closed, overTls]);
    });

    it('cuts who takes its time with a body', async () => {
      const { closed } = sendRaw(
        running.port,
        'POST /rest-api/stream/find HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{',
      );
      assert.match(await closed, /^HTTP\/1.1 408 |^$/);
    });

    it('bounds the connections of one address', async () => {
      const held = Array.from({ length: 50 }, () => sendRaw(running.port, ''));
      await Promise.all(held.map(({ socket }) => new Promise((resolve) => socket.once('connect', resolve))));
      assert.equal(await sendRaw(running.port, 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n').closed, '');
      for (const { socket } of held) socket.destroy();
      await Promise.all(held.map(({ closed }) => closed));
    });
  });
});
