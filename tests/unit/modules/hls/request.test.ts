import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readCredentials } from '../../../../modules/hls/playback.ts';
import { readRange } from '../../../../modules/hls/range.ts';
import {
  findCookie,
  findViewerId,
  passedOn,
  readDirectives,
  readPath,
  splitTarget,
} from '../../../../modules/hls/request.ts';

describe('HLS: requests', () => {
  it('reads the stream and the file out of a path, decoded once', () => {
    assert.deepEqual(readPath('/live/index.m3u8'), { name: 'live', file: 'index.m3u8' });
    assert.deepEqual(readPath('/caf%C3%A9/x'), { name: 'café', file: 'x' });
    const uri = 'rtsp://camera.example/one?a=b';
    assert.deepEqual(readPath(`/${encodeURIComponent(uri)}/x`), { name: uri, file: 'x' });
    assert.equal(readPath('/%252e%252e/x'), 404);
    for (const path of ['/', '/live', '/a/b/c', '/../x', '/%2e%2e/x', '/a%2fb/x', '//x'])
      assert.equal(readPath(path), 404, path);
    for (const path of ['/%ff/x', '/live/%', 'live/x', '*']) assert.equal(readPath(path), 400, path);
  });

  it('never gives a name that could climb', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (path) => {
        const read = readPath(`/${path}`);
        if (typeof read === 'number') return;
        assert.ok(read.name.includes('://') || !/[/\\%\0]|^\./.test(read.name), read.name);
      }),
    );
  });

  it('reads delivery directives', () => {
    const read = (query: string) => readDirectives(new URLSearchParams(query));
    assert.deepEqual(read(''), { point: undefined, skip: false });
    assert.deepEqual(read('_HLS_msn=7'), { point: { msn: 7, part: undefined }, skip: false });
    assert.deepEqual(read('_HLS_msn=7&_HLS_part=0&_HLS_skip=YES'), { point: { msn: 7, part: 0 }, skip: true });
    for (const wrong of [
      '_HLS_part=1',
      '_HLS_msn=',
      '_HLS_msn=-1',
      '_HLS_msn=1.5',
      '_HLS_msn=1&_HLS_part=',
      '_HLS_skip=no',
    ]) {
      assert.equal(read(wrong), 400, wrong);
    }
  });

  it('passes everything on but its own', () => {
    const query = new URLSearchParams('token=a%20b&_HLS_msn=1&_sid=x&aclAuth=c&_HLS_skip=YES');
    assert.equal(passedOn(query).toString(), 'token=a+b&aclAuth=c');
  });

  it('tells viewers by query, else by cookie', () => {
    const id = 'abcdefghijklmnopqrstuv';
    assert.equal(findViewerId(new URLSearchParams({ _sid: id }), undefined), id);
    assert.equal(findViewerId(new URLSearchParams(), `a=b; hls_sid=${id}`), id);
    assert.equal(findViewerId(new URLSearchParams(), `hls_sid=<script>`), undefined);
    assert.equal(findViewerId(new URLSearchParams({ _sid: 'short' }), undefined), undefined);
    assert.equal(findCookie('xhls_sid=1; hls_sid=2', 'hls_sid'), '2');
    assert.equal(findCookie(undefined, 'a'), undefined);
  });

  it('splits a target, within bounds', () => {
    assert.equal(splitTarget('/a/b')?.path, '/a/b');
    assert.equal(splitTarget('/a/b?x=1?y')?.query.get('x'), '1?y');
    assert.equal(splitTarget(`/a?${'x'.repeat(5_000)}`), undefined);
  });

  it('reads credentials out of query and header', () => {
    const query = new URLSearchParams('aclAuth=k');
    assert.deepEqual(readCredentials(query, undefined), { query, token: 'k' });
    assert.deepEqual(readCredentials(query, 'Bearer t'), { query, token: 't' });
    const basic = `Basic ${Buffer.from('me:pass:word').toString('base64')}`;
    assert.deepEqual(readCredentials(new URLSearchParams(), basic), {
      query: new URLSearchParams(),
      user: 'me',
      password: 'pass:word',
    });
  });

  it('gives ranges that lie inside', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 10_000 }), (noise, from, to, length) => {
        for (const header of [noise, `bytes=${from}-${to}`, `bytes=-${to}`, `bytes=${from}-`]) {
          const range = readRange(header, length);
          if (range === undefined || range === 'unsatisfiable') continue;
          assert.ok(range.first >= 0 && range.first <= range.last && range.last < length);
        }
      }),
    );
  });
});
