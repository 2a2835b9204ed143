import assert from 'node:assert/strict';
import { get, type IncomingHttpHeaders } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { get as getSecure } from 'node:https';
import { gunzipSync } from 'node:zlib';
import { isError } from '../../core/errors.ts';
import type { Micros } from '../../core/time/micros.ts';
import { readMediaPlaylist } from '../../wire/m3u8/read-media.ts';
import { HlsServer } from '../support/hls-server.ts';
import { type Clip, MediaSource, makeClip } from '../support/media-source.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function load(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ask = url.startsWith('https') ? getSecure : get;
    ask(url, { headers, agent: false, rejectUnauthorized: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
      );
    }).on('error', reject);
  });
}

function loadHttp2(session: ClientHttp2Session, path: string): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path });
    let status = 0;
    const chunks: Buffer[] = [];
    stream.on('response', (headers) => {
      status = headers[':status'] ?? 0;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => resolve({ status, body: Buffer.concat(chunks) }));
    stream.on('error', reject);
    stream.end();
  });
}

describe('HLS: over HTTP', function () {
  this.timeout(30_000);
  let server: HlsServer;
  let clip: Clip;

  before(async () => {
    clip = await makeClip();
    server = await HlsServer.start({ secure: { host: '127.0.0.1', port: 0 }, autoStart: true });
    await MediaSource.publish(server.core, 'live', clip, { loop: true });
  });

  after(async () => {
    await server.stop();
    assert.deepEqual(server.core.failures, []);
    assert.equal(server.core.scope.openScopes, 0);
  });

  it('packages every stream from its beginning when told to', async () => {
    const muxers = server.running.inspect?.()['muxers'];
    assert.ok(Array.isArray(muxers) && muxers.length === 1, JSON.stringify(muxers));
  });

  it('tells each kind how it may be kept, and answers everybody', async () => {
    const index = await load(`${server.url}/live/index.m3u8`);
    const media = await load(`${server.url}/live/media.m3u8`);
    const segment = readMediaPlaylist(media.body.toString()).segments[0]?.uri ?? '';
    const file = await load(`${server.url}/live/${segment}`);
    assert.equal(index.headers['cache-control'], 'no-store');
    assert.equal(media.headers['cache-control'], 'no-cache');
    assert.equal(file.headers['cache-control'], 'public, max-age=3600, immutable');
    for (const { status, headers } of [index, media, file, await load(`${server.url}/none/index.m3u8`)]) {
      assert.equal(headers['access-control-allow-origin'], '*', String(status));
    }
    assert.equal(media.headers['content-type'], 'application/vnd.apple.mpegurl');
    assert.equal(file.headers['content-type'], 'video/mp4');
    assert.equal(file.headers['accept-ranges'], 'bytes');
  });

  it('compresses playlists where that is understood, and nothing else', async () => {
    const plain = await load(`${server.url}/live/media.m3u8`);
    assert.equal(plain.headers['content-encoding'], undefined);
    const zipped = await load(`${server.url}/live/media.m3u8`, { 'accept-encoding': 'br, gzip' });
    assert.equal(zipped.headers['content-encoding'], 'gzip');
    assert.equal(zipped.headers.vary, 'accept-encoding');
    assert.match(gunzipSync(zipped.body).toString(), /^#EXTM3U/);
    const refused = await load(`${server.url}/live/media.m3u8`, { 'accept-encoding': 'gzip;q=0, identity' });
    assert.equal(refused.headers['content-encoding'], undefined);
  });

  it('says 304 while a playlist is the same', async () => {
    const url = `${server.url}/live/ts.m3u8`;
    const first = await load(url);
    const again = await load(url, { 'if-none-match': first.headers.etag ?? '' });
    assert.equal(again.status, 304);
    assert.equal(again.body.length, 0);
  });

  it('keeps a viewer by cookie or by query, and counts it once', async () => {
    const before = server.fact('viewers');
    const index = await load(`${server.url}/live/index.m3u8?token=a`, { 'user-agent': 'one' });
    const cookie = index.headers['set-cookie']?.[0] ?? '';
    assert.match(cookie, /^hls_sid=[\w-]{22}; Path=\/live\/; HttpOnly; SameSite=Lax$/);
    const child = /^media.*$/m.exec(index.body.toString())?.[0] ?? '';
    assert.match(child, /^media\.m3u8\?token=a&_sid=[\w-]{22}$/);
    await load(`${server.url}/live/${child}`);
    const kept = await load(`${server.url}/live/media.m3u8`, { cookie: cookie.split(';')[0] ?? '' });
    assert.equal(kept.headers['set-cookie'], undefined);
    assert.equal(server.fact('viewers'), before + 1);
    // Neither: known by its traits.
    await load(`${server.url}/live/media.m3u8`, { 'user-agent': 'two' });
    await load(`${server.url}/live/media.m3u8`, { 'user-agent': 'two' });
    assert.equal(server.fact('viewers'), before + 2);
  });

  it('gives the part that it announced as soon as it is there', async () => {
    const media = await load(`${server.url}/live/media.m3u8`);
    const list = readMediaPlaylist(media.body.toString());
    const hint = list.preloadHints[0]?.uri ?? '';
    const part = await load(`${server.url}/live/${hint}`);
    assert.equal(part.status, 200);
    const msn = list.mediaSequence + list.segments.length;
    const after = await load(
      `${server.url}/live/media.m3u8?_HLS_msn=${msn}&_HLS_part=${list.open?.parts?.length ?? 0}`,
    );
    assert.match(after.body.toString(), new RegExp(`URI="${hint}"`));
  });

  it('speaks HTTP/2, and HTTP/1.1 to those who lack it', async () => {
    const old = await load(`${server.secureUrl}/live/media.m3u8`);
    assert.equal(old.status, 200);
    assert.match(
      (await load(`${server.secureUrl}/live/index.m3u8`)).headers['set-cookie']?.[0] ?? '',
      /Secure; SameSite=None/,
    );
    const session = connectHttp2(server.secureUrl, { rejectUnauthorized: false });
    const media = await loadHttp2(session, '/live/media.m3u8');
    assert.equal(media.status, 200);
    const list = readMediaPlaylist(media.body.toString());
    // All at once, one of them waiting.
    const files = [
      ...list.segments.map(({ uri }) => uri),
      list.preloadHints[0]?.uri ?? '',
      list.segments[0]?.map?.uri ?? '',
    ];
    const answers = await Promise.all(files.map((file) => loadHttp2(session, `/live/${file}`)));
    for (const { status, body } of answers) {
      assert.equal(status, 200);
      assert.ok(body.length > 100);
    }
    session.close();
  });

  it('says which port it cannot have, and what helps', async () => {
    await assert.rejects(
      HlsServer.start({ listen: { host: '127.0.0.1', port: server.port } }),
      (error) => isError(error, 'port-unavailable') && /hls.listen.port=/.test(error.message),
    );
  });

  it('answers those who wait when it stops', async () => {
    const other = await HlsServer.start({ startTimeout: '20s' });
    await MediaSource.publish(other.core, 'live', clip, { loop: true });
    const media = await load(`${other.url}/live/media.m3u8`);
    const list = readMediaPlaylist(media.body.toString());
    const waits = load(`${other.url}/live/media.m3u8?_HLS_msn=${list.mediaSequence + list.segments.length + 1}`);
    // It may fail before it is asked for, further down.
    waits.catch(() => undefined);
    while (other.fact('blocked') === 0)
      await new Promise<void>((resolve) => other.core.clock.after(2_000 as Micros, resolve));
    const deadline = new AbortController();
    await other.running.stop(deadline.signal);
    assert.equal((await waits).status, 404);
    await other.stop();
  });
});
