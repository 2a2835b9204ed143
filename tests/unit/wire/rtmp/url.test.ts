import assert from 'node:assert/strict';
import { WireError, type WireErrorCode } from '../../../../wire/errors.ts';
import {
  formatRtmpUrl,
  formatStreamName,
  formatTcUrl,
  parseRtmpUrl,
  type RtmpUrl,
  readStreamAddress,
} from '../../../../wire/rtmp/url.ts';

const live: RtmpUrl = { scheme: 'rtmp', host: 'a.example', port: 1935, app: 'live', name: 'cam', query: '' };

function refuses(run: () => unknown, code: WireErrorCode): void {
  assert.throws(run, (error) => error instanceof WireError && error.code === code);
}

describe('RTMP URLs', () => {
  const rows: readonly [string, RtmpUrl, string, string][] = [
    ['rtmp://a.example/live/cam', live, 'rtmp://a.example/live', 'cam'],
    ['rtmp://a.example:1936/live/cam', { ...live, port: 1936 }, 'rtmp://a.example:1936/live', 'cam'],
    [
      'rtmps://a.example/live/cam?k=a/b',
      { ...live, scheme: 'rtmps', port: 443, query: 'k=a/b' },
      'rtmps://a.example/live',
      'cam?k=a/b',
    ],
    ['rtmp://a.example/live/room/cam', { ...live, app: 'live/room' }, 'rtmp://a.example/live/room', 'cam'],
    [
      'rtmp://a.example/live/room/x/cam',
      { ...live, app: 'live/room', name: 'x/cam' },
      'rtmp://a.example/live/room',
      'x/cam',
    ],
    [
      'rtmp://[2001:db8::1]:1936/live',
      { ...live, host: '2001:db8::1', port: 1936, name: '' },
      'rtmp://[2001:db8::1]:1936/live',
      '',
    ],
  ];
  for (const [text, url, tcUrl, name] of rows) {
    it(`reads and writes ${text}`, () => {
      assert.deepEqual(parseRtmpUrl(text), url);
      assert.equal(formatRtmpUrl(url), text);
      assert.equal(formatTcUrl(url), tcUrl);
      assert.equal(formatStreamName(url), name);
    });
  }

  it('refuses what is none', () => {
    for (const text of [
      '',
      'http://a/b/c',
      'rtmp://',
      'rtmp:///live',
      'rtmp://a.example',
      'rtmp://a:0/b',
      'rtmp://a:70000/b',
    ]) {
      refuses(() => parseRtmpUrl(text), 'malformed');
    }
    refuses(() => parseRtmpUrl('rtmp://user:pass@a/b/c'), 'malformed');
    refuses(() => parseRtmpUrl('rtmp://a.example/live/c\u0000m'), 'malformed');
    refuses(() => parseRtmpUrl(`rtmp://a.example/live/${'x'.repeat(5000)}`), 'too-large');
  });
});

describe('RTMP stream addresses', () => {
  it('takes the query from wherever it is', () => {
    const wanted = { host: 'a.example', app: 'live', name: 'cam', parameters: new Map([['token', 'a b']]) };
    assert.deepEqual(readStreamAddress('live', 'rtmp://a.example/live', 'cam?token=a%20b'), wanted);
    assert.deepEqual(readStreamAddress('live?token=a+b', 'rtmp://a.example/live?token=a+b', 'cam'), wanted);
    assert.deepEqual(readStreamAddress('live', 'rtmp://a.example:1935/live?token=a+b', 'cam'), wanted);
  });

  it("prefers the name's parameters, then the application's", () => {
    const { parameters } = readStreamAddress('live?a=2&b=2', 'rtmp://a.example/live?a=1&b=1&c=1', 'cam?a=3');
    assert.deepEqual(
      [...parameters],
      [
        ['a', '3'],
        ['b', '2'],
        ['c', '1'],
      ],
    );
  });

  it('does without a tcUrl, and with one that is nonsense', () => {
    assert.deepEqual(readStreamAddress('/live/', undefined, 'cam').app, 'live');
    for (const tcUrl of [undefined, '', 'rtmpt://a/b', 'rtmp://a\u0001/b']) {
      assert.equal(readStreamAddress('live', tcUrl, 'cam').host, undefined);
    }
  });

  it('bounds lengths and counts, and refuses control characters (hostile input 5)', () => {
    refuses(() => readStreamAddress('live', 'x'.repeat(1_000_000), 'cam'), 'too-large');
    refuses(() => readStreamAddress('live', undefined, 'x'.repeat(4097)), 'too-large');
    refuses(() => readStreamAddress('li\u0000ve', undefined, 'cam'), 'malformed');
    refuses(() => readStreamAddress('live', undefined, 'cam\r\n'), 'malformed');
    const many = Array.from({ length: 65 }, (_, i) => `k${i}=1`).join('&');
    refuses(() => readStreamAddress('live', undefined, `cam?${many}`), 'too-large');
    assert.equal(readStreamAddress('live', undefined, 'cam?__proto__=1').parameters.get('__proto__'), '1');
  });
});
