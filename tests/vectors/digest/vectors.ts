import type { DigestFacts } from '../../../wire/digest/digest.ts';

export interface DigestVector {
  readonly origin: string;
  readonly challenge: string;
  readonly authorization: string;
  readonly facts: DigestFacts;
  readonly response: string;
}

const rfc7616 = {
  user: 'Mufasa',
  realm: 'http-auth@example.org',
  password: 'Circle of Life',
  method: 'GET',
  uri: '/dir/index.html',
  nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
  counted: { count: '00000001', clientNonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ' },
} as const;
const opaque = 'FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS';

function challengeOf(algorithm: string): string {
  return `Digest realm="${rfc7616.realm}", qop="auth, auth-int", algorithm=${algorithm}, nonce="${rfc7616.nonce}", opaque="${opaque}"`;
}

function authorizationOf(algorithm: string, response: string): string {
  const { user, realm, uri, nonce, counted } = rfc7616;
  return `Digest username="${user}", realm="${realm}", uri="${uri}", algorithm=${algorithm}, nonce="${nonce}", nc=${counted.count}, cnonce="${counted.clientNonce}", qop=auth, response="${response}", opaque="${opaque}"`;
}

export const digestVectors: readonly DigestVector[] = [
  {
    origin: 'RFC 2617 3.5',
    challenge:
      'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
    authorization:
      'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
    facts: {
      algorithm: 'MD5',
      user: 'Mufasa',
      realm: 'testrealm@host.com',
      password: 'Circle Of Life',
      method: 'GET',
      uri: '/dir/index.html',
      nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
      counted: { count: '00000001', clientNonce: '0a4f113b' },
    },
    response: '6629fae49393a05397450978507c4ef1',
  },
  {
    origin: 'RFC 7616 3.9.1, MD5',
    challenge: challengeOf('MD5'),
    authorization: authorizationOf('MD5', '8ca523f5e9506fed4657c9700eebdbec'),
    facts: { algorithm: 'MD5', ...rfc7616 },
    response: '8ca523f5e9506fed4657c9700eebdbec',
  },
  {
    origin: 'RFC 7616 3.9.1, SHA-256',
    challenge: challengeOf('SHA-256'),
    authorization: authorizationOf('SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'),
    facts: { algorithm: 'SHA-256', ...rfc7616 },
    response: '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  },
];
