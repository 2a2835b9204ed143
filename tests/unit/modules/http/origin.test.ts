import assert from 'node:assert/strict';
import { authorityOf, hostOf, isForeign, isLoopback, isUnforgeableHost } from '../../../../modules/http/origin.ts';

describe('isForeign', () => {
  const host = 'media.example:8081';
  const cases: readonly [string, Record<string, string>, boolean][] = [
    ['a program', { host }, false],
    ['our own page', { host, origin: 'http://media.example:8081' }, false],
    ['our own page behind TLS', { host, origin: 'https://media.example:8081' }, false],
    ['a listed site', { host, origin: 'https://good.example' }, false],
    ['another site', { host, origin: 'https://evil.example' }, true],
    ['another port of this host', { host, origin: 'http://media.example:3000' }, true],
    ['a sandboxed frame', { host, origin: 'null' }, true],
    ['a link of another site', { host, 'sec-fetch-site': 'cross-site' }, true],
    ['a page of a neighbour', { host, 'sec-fetch-site': 'same-site' }, true],
    ['the address line', { host, 'sec-fetch-site': 'none' }, false],
    ['HTTP/2', { ':authority': host, origin: 'https://media.example:8081' }, false],
    ['a broken host', { host: 'a b', origin: 'http://a b' }, true],
  ];
  for (const [who, headers, foreign] of cases) {
    it(`tells that ${who} is ${foreign ? '' : 'not '}foreign`, () => {
      assert.equal(isForeign(headers, ['https://good.example']), foreign);
    });
  }
});

describe('hosts and addresses', () => {
  it('takes plain hosts apart and nothing else', () => {
    assert.equal(hostOf({ host: '[::1]:8081' }), '[::1]');
    assert.equal(hostOf({ host: 'media.example' }), 'media.example');
    for (const host of ['', 'a b', "x'; script-src *", 'a/b', 'a@b', 'x\r\ny'])
      assert.equal(authorityOf({ host }), undefined);
  });

  it('knows what a foreign name server cannot point at us', () => {
    for (const host of ['localhost', '127.0.0.1', '[::1]', '192.0.2.7']) assert.ok(isUnforgeableHost(host));
    for (const host of ['evil.example', '127.0.0.1.nip.io', undefined]) assert.ok(!isUnforgeableHost(host));
  });

  it('knows loopback in all its forms', () => {
    for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) assert.ok(isLoopback(address));
    for (const address of ['192.0.2.1', '::2', '::ffff:192.0.2.1', undefined, '']) assert.ok(!isLoopback(address));
  });
});
