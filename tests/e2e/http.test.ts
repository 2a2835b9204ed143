import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { request as requestTls } from 'node:https';
import { noCredentials } from '../../core/access/access-control.ts';
import { StreamEnded } from '../../core/events/catalogue.ts';
import { anyCodec } from '../../core/media/codec-target.ts';
import type { ErrorBody } from '../../modules/http/errors.ts';
import type { PublicStreams } from '../../modules/http/public-streams.ts';
import type { StreamObject } from '../../modules/http/rest/stream-object.ts';
import { guest, type HttpTestServer, httpTree, publishFake, sendRaw, startHttpServer } from '../support/http-server.ts';

const json = { 'content-type': 'application/json' };

describe('http', () => {
  let running: HttpTestServer;
  const get = (path: string, headers: Record<string, string> = {}) => fetch(running.origin + path, { headers });
  const post = (path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
    fetch(running.origin + path, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(body) });

  beforeEach(async () => {
    running = await startHttpServer({}, [guest]);
  });
  afterEach(() => running.server.stop());

  it('tells that it lives and is ready', async () => {
    assert.deepEqual(await (await get('/health/live')).json(), { status: 'live' });
    assert.deepEqual(await (await get('/health/ready')).json(), { status: 'ready', waiting: {} });
  });

  it('answers /?action=stat in all formats', async () => {
    await publishFake(running.server, 'cam');
    const text = await get('/?action=stat');
    assert.match(text.headers.get('content-type') ?? '', /^text\/plain/);
    assert.match(await text.text(), /^-----Connection Stats-----\nconnections=1\n[\s\S]*\nstreams_rtmp_in=1\n/);
    const parsed = (await (await get('/?action=stat&format=json&groups=streams_stats')).json()) as Record<
      string,
      object
    >;
    assert.deepEqual(Object.keys(parsed), ['streams_stats']);
    const transcoding = await (await get('/?action=stat&format=json&groups=transcoding_stats')).json();
    assert.deepEqual(transcoding, { transcoding_stats: { transcoding_video_full_info: {} } });
    assert.match(
      await (await get('/?action=stat&format=prometheus')).text(),
      /switchyard_http_answers_total\{status="2xx"\} \d/,
    );
    assert.equal((await get('/?action=stat&format=xml')).status, 400);
  });

  it('lists publishers and viewers, finds by field, and answers 404 for none', async () => {
    const empty = await get('/rest-api/stream/find_all');
    assert.equal(empty.status, 404);
    const { exception, reason, path, error, message, timestamp, status } = (await empty.json()) as ErrorBody;
    assert.deepEqual(
      { exception, path, error, status },
      { exception: 'not-found', path: '/rest-api/stream/find_all', error: 'Not Found', status: 404 },
    );
    assert.ok(reason !== '' && message !== '' && Math.abs(timestamp - Date.now()) < 60_000);

    await publishFake(running.server, 'cam');
    await publishFake(running.server, 'door');
    const { sessions, streams, scope } = running.server.core;
    const session = sessions.open({ protocol: 'rtmp', remoteAddress: '127.0.0.1', parent: scope });
    const wishes = [{ kind: 'video', accepts: anyCodec('video') }] as const;
    await streams.subscribe({ name: 'cam', session, credentials: noCredentials, wishes });

    for (const answer of [await get('/rest-api/stream/find_all'), await post('/rest-api/stream/find_all')]) {
      assert.equal(answer.status, 200);
      const all = (await answer.json()) as StreamObject[];
      assert.deepEqual(all.map(({ name, mediaType }) => `${name} ${mediaType}`).sort(), [
        'cam play',
        'cam publish',
        'door publish',
      ]);
    }
    const found = (await (
      await post('/rest-api/stream/find', { name: 'cam', published: true, display: ['metrics'] })
    ).json()) as StreamObject[];
    assert.equal(found.length, 1);
    assert.equal(found[0]?.metrics?.['VIDEO_WIDTH'], 1280);
    assert.equal(found[0]?.fps, 30);
    const byQuery = (await (await get('/rest-api/stream/find?published=false')).json()) as StreamObject[];
    assert.deepEqual(
      byQuery.map(({ mediaType }) => mediaType),
      ['play'],
    );
    assert.equal((await post('/rest-api/stream/find', { name: 'none' })).status, 404);
    const connections = (await (await get('/rest-api/connection/find_all')).json()) as object[];
    assert.equal(connections.length, 3);
    const mine = (await (await post('/rest-api/connection/find', { sessionId: session.id })).json()) as object[];
    assert.equal(mine.length, 1);
  });

  it('takes a POST without a body, and refuses a filter that it does not know', async () => {
    await publishFake(running.server, 'cam');
    const bodyless = await fetch(`${running.origin}/rest-api/stream/find_all`, { method: 'POST', headers: json });
    assert.equal(bodyless.status, 200);
    assert.equal((await post('/rest-api/stream/terminate', { nmae: 'cam' })).status, 400);
    assert.equal((await get('/rest-api/stream/find?nmae=cam')).status, 400);
    assert.ok(running.server.core.streams.find('cam'));
  });

  it('terminates what matches, and nothing else', async () => {
    await publishFake(running.server, 'cam');
    await publishFake(running.server, 'door');
    const { events, scope } = running.server.core;
    const ended = events.next(StreamEnded, scope);
    assert.equal((await post('/rest-api/stream/terminate', { name: 'cam' })).status, 200);
    const detail = await ended;
    assert.equal(detail?.stream.name, 'cam');
    assert.equal(detail.reason.code, 'terminated');
    assert.ok(running.server.core.streams.find('door'));
    assert.equal((await post('/rest-api/stream/terminate', { name: 'cam' })).status, 404);
    assert.equal((await post('/rest-api/stream/terminate')).status, 200);
    assert.equal(running.server.core.streams.count, 0);
  });

  it('shows everybody the live streams with addresses, but no sources', async () => {
    await publishFake(running.server, 'cam');
    await publishFake(running.server, 'rtsp://user:secret@cam.example/1');
    const { streams } = (await (await get('/api/streams', { 'x-forwarded-for': '192.0.2.1' })).json()) as PublicStreams;
    assert.deepEqual(
      streams.map(({ name }) => name),
      ['cam'],
    );
    assert.equal(streams[0]?.video?.codecString, 'avc1.640028');
    assert.equal(streams[0].audio?.sampleRate, 48_000);
  });

  it('serves HTTP/2 and HTTP/1.1 over TLS', async () => {
    const session = connectHttp2(`https://127.0.0.1:${running.securePort}`, { rejectUnauthorized: false });
    const stream = session.request({ ':path': '/health/live' });
    const status = await new Promise((resolve) => stream.on('response', (headers) => resolve(headers[':status'])));
    stream.resume();
    assert.equal(status, 200);
    session.close();
    const version = await new Promise((resolve, reject) => {
      const options = { port: running.securePort, host: '127.0.0.1', path: '/health/live', rejectUnauthorized: false };
      requestTls(options, (response) => resolve(response.httpVersion))
        .on('error', reject)
        .end();
    });
    assert.equal(version, '1.1');
  });

  it('describes all routes in one document', async () => {
    const document = (await (await get('/docs/json')).json()) as { openapi: string; paths: Record<string, object> };
    assert.equal(document.openapi, '3.1.0');
    const paths = [
      '/rest-api/stream/find',
      '/rest-api/stream/terminate',
      '/rest-api/guest/hello',
      '/health/ready',
      '/api/streams',
    ];
    for (const path of paths) assert.ok(document.paths[path], path);
    assert.match(await (await get('/docs')).text(), /swagger-ui/);
  });

  it('serves the routes and upgrades of other modules as long as they live', async () => {
    assert.deepEqual(await (await get('/rest-api/guest/hello')).json(), { hello: 'world' });
    const handshake = 'GET /guest HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    assert.match(await sendRaw(running.port, handshake).closed, /^HTTP\/1.1 101 [\s\S]*taken$/);
    assert.match(await sendRaw(running.port, handshake.replace('/guest', '/other')).closed, /^HTTP\/1.1 404 /);
    const same = { host: '127.0.0.1', port: 0 };
    await running.server.reload(httpTree({ listen: same, secure: same }, { guest: { loud: true } }));
    assert.deepEqual(await (await get('/rest-api/guest/hello')).json(), { hello: 'WORLD' });
    await running.server.reload(httpTree({}, { guest: false }));
    assert.equal((await get('/rest-api/guest/hello')).status, 404);
    assert.match(await sendRaw(running.port, handshake).closed, /^HTTP\/1.1 404 /);
  });

  it('takes no notice of an offer of h2c', async () => {
    const offer =
      'GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n';
    assert.match(await sendRaw(running.port, offer).closed, /^HTTP\/1.1 200 OK[\s\S]*"live"/);
  });

  it('stops with open connections, and leaves no scope behind', async () => {
    const silent = sendRaw(running.port, '');
    await get('/health/live');
    await running.server.stop();
    await silent.closed;
    await assert.rejects(get('/health/live'));
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  it('lets the administrator in by password, from anywhere', async () => {
    await running.server.stop();
    let password = '';
    running = await startHttpServer({ administration: { local: false } }, [], (_user, made) => {
      password = made;
    });
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    const refused = await get('/?action=stat');
    assert.equal(refused.status, 401);
    assert.match(refused.headers.get('www-authenticate') ?? '', /^Basic realm=/);
    // Without a folder to keep it in, the password is made at the first check.
    assert.equal((await get('/?action=stat', basic('admin:wrong'))).status, 401);
    assert.ok(password.length >= 20);
    assert.equal((await get('/?action=stat', basic(`admin:${password}`))).status, 200);
    assert.equal((await get('/?action=stat', basic(`root:${password}`))).status, 401);
  });
});
