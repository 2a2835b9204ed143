import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { digestResponse, readAuthHeader, readChallenges, sameDigest } from '../../../../wire/digest/digest.ts';
import { digestVectors } from '../../../vectors/digest/vectors.ts';

describe('Digest authentication', () => {
  for (const { origin, challenge, authorization, facts, response } of digestVectors) {
    it(`answers as in ${origin}`, () => {
      assert.equal(digestResponse(facts), response);
      assert.notEqual(digestResponse({ ...facts, password: `${facts.password} ` }), response);
    });

    it(`reads the headers of ${origin}`, () => {
      const asked = readAuthHeader(challenge);
      assert.equal(asked?.scheme, 'digest');
      assert.equal(asked.parameters.get('realm'), facts.realm);
      assert.equal(asked.parameters.get('nonce'), facts.nonce);
      assert.match(asked.parameters.get('qop') ?? '', /^auth, ?auth-int$/);
      const told = readAuthHeader(authorization)?.parameters;
      assert.equal(told?.get('username'), facts.user);
      assert.equal(told?.get('uri'), facts.uri);
      assert.equal(told?.get('qop'), 'auth');
      assert.equal(told?.get('nc'), facts.counted?.count);
      assert.equal(told?.get('cnonce'), facts.counted?.clientNonce);
      assert.equal(told?.get('response'), response);
    });
  }

  it('answers without qop as RFC 2069 2.4 says', () => {
    const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
    const facts = {
      algorithm: 'MD5',
      user: 'u',
      realm: 'r',
      password: 'p',
      method: 'PLAY',
      uri: 'x',
      nonce: 'n',
    } as const;
    assert.equal(digestResponse(facts), md5(`${md5('u:r:p')}:n:${md5('PLAY:x')}`));
  });

  it('reads every challenge of a header, and passes over unknown schemes', () => {
    const all = readChallenges(['Basic realm="a, b"', ...digestVectors.map(({ challenge }) => challenge)].join(', '));
    assert.deepEqual(
      all.map(({ scheme, parameters }) => [scheme, parameters.get('realm')]),
      [
        ['basic', 'a, b'],
        ['digest', 'testrealm@host.com'],
        ['digest', 'http-auth@example.org'],
        ['digest', 'http-auth@example.org'],
      ],
    );
    assert.equal(readAuthHeader('Negotiate abc'), undefined);
    assert.deepEqual(readChallenges(''), []);
  });

  it('reads the token of Basic, escapes in quotes, and the first of two', () => {
    // RFC 7617 2
    assert.equal(readAuthHeader('Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==')?.token, 'QWxhZGRpbjpvcGVuIHNlc2FtZQ==');
    const header = readAuthHeader('digest Realm="a\\"b", realm="c"');
    assert.equal(header?.parameters.get('realm'), 'a"b');
  });

  it('compares in any letters', () => {
    assert.ok(sameDigest('00ff', '00FF'));
    assert.ok(!sameDigest('00ff', '00fe'));
    assert.ok(!sameDigest('00ff', '00ff0'));
  });
});
