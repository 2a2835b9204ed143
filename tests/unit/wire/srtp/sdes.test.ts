import assert from 'node:assert/strict';
import { readCryptoLine, writeCryptoLine } from '../../../../wire/srtp/sdes.ts';

/** RFC 4568 9.1's own key. */
const key = 'WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz';

describe('an SDES line', () => {
  it('is read and written', () => {
    const line = readCryptoLine(`1 AES_CM_128_HMAC_SHA1_80 inline:${key}`);
    assert.equal(line.tag, 1);
    assert.equal(line.keys.profile.name, 'AES_CM_128_HMAC_SHA1_80');
    assert.equal(line.keys.masterKey.length + line.keys.masterSalt.length, 30);
    assert.equal(writeCryptoLine(line), `1 AES_CM_128_HMAC_SHA1_80 inline:${key}`);
  });

  it('may have a lifetime, a window size hint, and hyphenated parameters', () => {
    for (const tail of ['|2^20', '|1048576', ' WSH=64', ' -UNENCRYPTED_THING', '|2^31 WSH=128']) {
      assert.equal(readCryptoLine(`22 AES_CM_128_HMAC_SHA1_32 inline:${key}${tail}`).tag, 22);
    }
  });

  it('of AES-GCM has 28 and 44 bytes', () => {
    const short = Buffer.alloc(28, 1).toString('base64');
    const long = Buffer.alloc(44, 1).toString('base64');
    assert.equal(readCryptoLine(`1 AEAD_AES_128_GCM inline:${short}`).keys.masterSalt.length, 12);
    assert.equal(readCryptoLine(`1 AEAD_AES_128_GCM inline:${short.replaceAll('=', '')}`).keys.masterSalt.length, 12);
    assert.equal(readCryptoLine(`1 AEAD_AES_256_GCM inline:${long}`).keys.masterKey.length, 32);
    assert.throws(() => readCryptoLine(`1 AEAD_AES_128_GCM inline:${long}`), { code: 'malformed' });
  });

  for (const [why, text, code] of [
    ['has no key', '1 AES_CM_128_HMAC_SHA1_80', 'malformed'],
    ['has an empty key', '1 AES_CM_128_HMAC_SHA1_80 inline:', 'malformed'],
    ['is empty', '', 'malformed'],
    ['has another method', `1 AES_CM_128_HMAC_SHA1_80 url:${key}`, 'malformed'],
    ['has a key that is not base64', `1 AES_CM_128_HMAC_SHA1_80 inline:${key.replace('W', '!')}`, 'malformed'],
    ['has another suite', `1 F8_128_HMAC_SHA1_80 inline:${key}`, 'unsupported'],
    ['wants no encryption', `1 AES_CM_128_HMAC_SHA1_80 inline:${key} UNENCRYPTED_SRTCP`, 'unsupported'],
    ['wants no authentication', `1 AES_CM_128_HMAC_SHA1_80 inline:${key} UNAUTHENTICATED_SRTP`, 'unsupported'],
    ['has a key identifier', `1 AES_CM_128_HMAC_SHA1_80 inline:${key}|2^20|1:4`, 'unsupported'],
    ['has two keys', `1 AES_CM_128_HMAC_SHA1_80 inline:${key};inline:${key}`, 'unsupported'],
    ['is too long', `1 AES_CM_128_HMAC_SHA1_80 inline:${key}${' WSH=64'.repeat(100)}`, 'too-large'],
  ] as const) {
    it(`is refused when it ${why}`, () => assert.throws(() => readCryptoLine(text), { name: 'WireError', code }));
  }
});
