import assert from 'node:assert/strict';
import { request } from 'node:http';
import { allow, refuse } from '../../../../core/access/access-control.ts';
import { webrtcModule } from '../../../../modules/webrtc/index.ts';
import { FakePeerPlane, fakePlaneModule } from '../../../support/fake-peer-plane.ts';
import { type HttpTestServer, publishFake, startHttpServer } from '../../../support/http-server.ts';
import { waitFor } from '../../../support/wait-for.ts';
import { offers } from '../../../vectors/webrtc/offers.ts';

const sdp = { 'content-type': 'application/sdp' };
const fragment = { 'content-type': 'application/trickle-ice-sdpfrag' };
const trickled =
  'a=ice-ufrag:UFRAG\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n';

describe('webrtc: WHIP and WHEP', function () {
  this.timeout(10_000);
  let plane: FakePeerPlane;
  let running: HttpTestServer;
  let openAtRest: number;

  async function start(config: object = {}): Promise<void> {
    await running?.server.stop();
    plane = new FakePeerPlane();
    const modules = [fakePlaneModule(plane), webrtcModule];
    running = await startHttpServer({}, modules, undefined, { webrtc: config });
    openAtRest = running.server.core.scope.openScopes;
  }

  beforeEach(() => start());
  after(() => running.server.stop());

  function send(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<Response> {
    return fetch(`${running.origin}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  }

  const publish = (name: string, headers: Record<string, string> = {}): Promise<Response> =>
    send('POST', `/whip/${name}`, { ...sdp, ...headers }, offers.chromiumPublish);

  async function created(response: Response): Promise<{ path: string; etag: string; ufrag: string }> {
    assert.equal(response.status, 201, await response.clone().text());
    const ufrag = /a=ice-ufrag:(\S+)/.exec(offers.chromiumPublish)?.[1] ?? '';
    return { path: response.headers.get('location') ?? '', etag: response.headers.get('etag') ?? '', ufrag };
  }

  it('publishes by one POST and ends by one DELETE', async () => {
    const response = await publish('room');
    const { path, etag } = await created(response);
    assert.match(path, /^\/whip\/room\/[\w-]{32}$/);
    assert.match(etag, /^"[\w-]+"$/);
    assert.equal(response.headers.get('content-type'), 'application/sdp');
    assert.match(await response.text(), /^v=0\r\n/);
    const { core } = running.server;
    assert.equal(core.streams.find('room')?.publication?.session.protocol, 'whip');
    assert.equal((await send('GET', path)).status, 204);
    assert.equal((await send('DELETE', path)).status, 200);
    assert.equal(core.streams.find('room'), undefined);
    for (const method of ['DELETE', 'PATCH', 'GET']) {
      const late = await send(
        method,
        path,
        method === 'PATCH' ? { ...fragment, 'if-match': etag } : {},
        method === 'PATCH' ? trickled : undefined,
      );
      assert.equal(late.status, 404, method);
    }
    assert.equal(core.scope.openScopes, openAtRest);
  });

  it('plays a live stream, and answers 404 for one that is not there', async () => {
    await publishFake(running.server, 'room');
    const response = await send('POST', '/whep/room', sdp, offers.chromiumPlay);
    const { path } = await created(response);
    assert.match(path, /^\/whep\/room\//);
    assert.equal(running.server.core.sessions.count('whep'), 1);
    const [viewer] = running.server.core.streams.find('room')?.subscriptions ?? [];
    assert.equal(viewer?.carrier, 'webrtc');
    assert.equal((await send('POST', '/whep/nothing', sdp, offers.chromiumPlay)).status, 404);
    assert.equal((await send('DELETE', path)).status, 200);
  });

  it('takes names of any script, and no others', async () => {
    const { path } = await created(await publish(encodeURIComponent('комната 1')));
    assert.equal(running.server.core.streams.find('комната 1')?.publication?.carrier, 'webrtc');
    assert.equal((await send('DELETE', path)).status, 200);
    for (const name of ['a%2Fb', '..%2f..%2fetc', '%00', 'a%22b', `${'x'.repeat(300)}`]) {
      assert.equal((await publish(name)).status, 400, name);
    }
  });

  it('answers trickled candidates with 204, and holds clients to the entity tag', async () => {
    const { path, etag, ufrag } = await created(await publish('room'));
    const patch = (headers: Record<string, string>, text = trickled.replace('UFRAG', ufrag)) =>
      send('PATCH', path, { ...fragment, ...headers }, text);
    const response = await patch({ 'if-match': etag });
    assert.equal(response.status, 204);
    assert.equal(response.headers.get('etag'), null);
    assert.equal((await patch({})).status, 428);
    assert.equal((await patch({ 'if-match': '"other"' })).status, 412);
    assert.equal((await patch({ 'if-match': etag }, 'a=ice-ufrag:abcd\r\n')).status, 422);
    assert.equal((await patch({ 'if-match': etag }, '')).status, 422);
    assert.equal((await patch({ 'if-match': etag, 'content-type': 'application/sdp' })).status, 415);
    assert.equal(plane.transports[0]?.restarts.length, 0);
  });

  it('restarts ICE: new credentials, new entity tag, the old one refused', async () => {
    const { path, etag } = await created(await publish('room'));
    const restart = trickled.replace('UFRAG', 'anew');
    const response = await send('PATCH', path, { ...fragment, 'if-match': '*' }, restart);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'application/trickle-ice-sdpfrag');
    const anew = response.headers.get('etag') ?? '';
    assert.notEqual(anew, etag);
    assert.match(await response.text(), /^a=ice-lite\r\na=ice-ufrag:restarted1\r\na=ice-pwd:\S+\r\na=candidate:/);
    assert.deepEqual(plane.transports[0]?.restarts, [{ ufrag: 'anew', password: '0123456789012345678901' }]);
    assert.equal((await send('PATCH', path, { ...fragment, 'if-match': etag }, restart)).status, 412);
    assert.equal((await send('PATCH', path, { ...fragment, 'if-match': anew }, restart)).status, 204);
    const loop = trickled.replace('UFRAG', 'again');
    assert.equal((await send('PATCH', path, { ...fragment, 'if-match': '*' }, loop)).status, 429);
    assert.equal((await send('DELETE', path, { 'if-match': '"whatever"' })).status, 200);
  });

  it('lets nobody touch the session of another', async () => {
    const { path, etag } = await created(await publish('room', { authorization: 'Bearer mine' }));
    const id = path.split('/').at(-1) ?? '';
    const patch = { ...fragment, 'if-match': etag };
    const owner = { authorization: 'Bearer mine' };
    for (const other of [
      `/whip/other/${id}`,
      `/whep/room/${id}`,
      `/whip/room/${id.slice(1)}A`,
      '/whip/room/__proto__',
    ]) {
      assert.equal((await send('DELETE', other, owner)).status, 404, other);
      assert.equal((await send('PATCH', other, { ...patch, ...owner }, trickled)).status, 404, other);
    }
    for (const headers of [{}, { authorization: 'Bearer yours' }]) {
      const refused = await send('DELETE', path, headers);
      assert.equal(refused.status, 401);
      assert.match(refused.headers.get('www-authenticate') ?? '', /^Bearer /);
      assert.equal((await send('PATCH', path, { ...patch, ...headers }, trickled)).status, 401);
    }
    assert.ok(running.server.core.streams.find('room'));
    assert.equal((await send('DELETE', path, owner)).status, 200);
  });

  it('asks the policies with the bearer token: 401 for who may try again, 403 for others', async () => {
    const { core } = running.server;
    const seen: (string | undefined)[] = [];
    const policy = {
      name: 'tokens',
      decide: ({ action, credentials }: { action: string; credentials: { token?: string } }) => {
        if (action !== 'publish') return allow;
        seen.push(credentials.token);
        return credentials.token === 'good' ? allow : refuse('no', credentials.token !== 'banned');
      },
    };
    core.access.add(policy, core.scope);
    const missing = await publish('room');
    assert.equal(missing.status, 401);
    assert.equal(missing.headers.get('www-authenticate'), 'Bearer realm="switchyard"');
    const wrong = await publish('room', { authorization: 'Bearer bad' });
    assert.match(wrong.headers.get('www-authenticate') ?? '', /error="invalid_token"/);
    assert.equal((await publish('room', { authorization: 'Bearer banned' })).status, 403);
    await created(await publish('room', { authorization: 'Bearer good' }));
    await created(await publish('other?token=good'));
    assert.deepEqual(seen, [undefined, 'bad', 'banned', 'good', 'good']);
  });

  it('tells what is wrong, in the words of HTTP', async () => {
    await publishFake(running.server, 'taken');
    const post = (path: string, body: string, type = 'application/sdp') =>
      send('POST', path, { 'content-type': type }, body);
    assert.equal((await publish('taken')).status, 409);
    const wrongType = await post('/whip/a', '{}', 'application/json');
    assert.equal(wrongType.status, 415);
    assert.equal(wrongType.headers.get('accept-post'), 'application/sdp');
    assert.equal((await post('/whip/a', 'x', 'text/plain')).status, 415);
    assert.equal((await post('/whip/a', 'hello')).status, 400);
    assert.equal((await post('/whip/a', '')).status, 400);
    assert.equal((await post('/whip/a', 'x'.repeat(300_000))).status, 413);
    assert.equal((await post('/whip/a', offers.chromiumPublish.replace('a=rtcp-mux\r\n', ''))).status, 422);
    const unknown = await post('/whip/a', offers.weriftPublish.replace('VP8/', 'VP77/'));
    assert.equal(unknown.status, 406);
    assert.match(unknown.headers.get('content-type') ?? '', /^application\/problem\+json/);
    assert.equal(((await unknown.json()) as { code: string }).code, 'codecs-do-not-match');
    for (const [method, path] of [
      ['PUT', '/whip/a'],
      ['PATCH', '/whip/a'],
      ['DELETE', '/whip/a'],
      ['POST', '/whip/a/b'],
    ] as const) {
      assert.equal((await send(method, path)).status, 405, `${method} ${path}`);
    }
    assert.equal(running.server.core.sessions.count('whip'), 0);
  });

  it('holds to its limits with 503 and Retry-After', async () => {
    await start({ limits: { perAddress: 1 } });
    const { path } = await created(await publish('one'));
    const refused = await publish('two');
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '5');
    await send('DELETE', path);
    await created(await publish('two'));
  });

  it('tells pages of other sites what they may do, and lets them', async () => {
    const origin = 'https://player.example';
    const preflight = await send('OPTIONS', '/whip/room', {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,if-match',
    });
    assert.equal(preflight.status, 200);
    assert.equal(preflight.headers.get('access-control-allow-origin'), origin);
    assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /POST.*PATCH.*DELETE/);
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /authorization.*content-type.*if-match/i);
    assert.equal(preflight.headers.get('accept-post'), 'application/sdp');
    const response = await publish('room', { origin });
    assert.equal(response.status, 201);
    assert.match(response.headers.get('access-control-expose-headers') ?? '', /Location, ETag, Link/);
    assert.equal(response.headers.get('access-control-allow-credentials'), null);
    const resource = response.headers.get('location') ?? '';
    const asked = await send('OPTIONS', resource, { origin, 'access-control-request-method': 'PATCH' });
    assert.equal(asked.status, 200);
    await start({ origins: ['https://other.example'] });
    assert.equal((await publish('room', { origin })).status, 403);
    const refused = await send('OPTIONS', '/whip/room', { origin, 'access-control-request-method': 'POST' });
    assert.equal(refused.headers.get('access-control-allow-origin'), null);
    assert.equal((await publish('room', { origin: 'https://other.example' })).status, 201);
  });

  it('tells clients of STUN and TURN servers', async () => {
    await start({
      iceServers: [{ url: 'stun:stun.example' }, { url: 'turn:turn.example?transport=udp', username: 'u' }],
    });
    const link =
      '<stun:stun.example>; rel="ice-server", <turn:turn.example?transport=udp>; rel="ice-server"; username="u"';
    assert.equal((await publish('room')).headers.get('link'), link);
    assert.equal((await send('OPTIONS', '/whip/room')).headers.get('link'), link);
  });

  it('is not moved by headers that would name another place', async () => {
    const headers = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-prefix': '/evil',
      forwarded: 'host=evil.example',
    };
    const { path } = await created(await publish('room', headers));
    assert.match(path, /^\/whip\/room\//);
    const injected = await publish('a%0d%0aLocation:%20https:%2f%2fevil');
    assert.equal(injected.status, 400);
    assert.equal(injected.headers.get('location'), null);
  });

  it('forgets a client that goes before it is answered', async () => {
    const { core } = running.server;
    let decide: (decision: typeof allow) => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      const slow = () => {
        resolve();
        return new Promise<typeof allow>((settle) => {
          decide = settle;
        });
      };
      core.access.add({ name: 'slow', decide: slow }, core.scope);
    });
    const going = request(`${running.origin}/whip/room`, { method: 'POST', headers: sdp });
    going.on('error', () => undefined);
    going.end(offers.chromiumPublish);
    await asked;
    going.destroy();
    await waitFor('the session to go', () => core.sessions.count('whip') === 0);
    decide(allow);
    await waitFor('scopes to close', () => core.streams.find('room') === undefined);
    assert.equal(plane.transports.length, 0);
  });

  it('says where it is', () => {
    const urls = running.server.urls().map(({ protocol, direction, url }) => `${protocol} ${direction} ${url}`);
    const { port, securePort } = running;
    assert.ok(urls.includes(`whip publish http://HOST:${port}/whip/NAME`), urls.join());
    assert.ok(urls.includes(`whep play https://HOST:${securePort}/whep/NAME`));
  });

  it('ends its sessions with the module', async () => {
    await created(await publish('room'));
    const { core } = running.server;
    await running.server.stop();
    assert.equal(core.sessions.count('whip'), 0);
    await start();
  });

  it('closes the session of a peer whose transport fails', async () => {
    const { path } = await created(await publish('room'));
    plane.transports[0]?.fail('ice-timeout');
    await waitFor('the session to go', () => running.server.core.sessions.count('whip') === 0);
    assert.equal((await send('GET', path)).status, 404);
  });
});
