import { Buffer } from 'node:buffer';
import { constants, createHash, type KeyObject, sign, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import { Alert, HandshakeRefusal, SignatureScheme } from './codes.ts';

/** Our own certificate and its key: P-256 or RSA. */
export type DtlsIdentity = { readonly certificate: Buffer; readonly privateKey: KeyObject };

/** `a=fingerprint` of SDP (RFC 8122 5). */
export type Fingerprint = { readonly hash: FingerprintHash; readonly digest: Buffer };
export type FingerprintHash = 'sha-1' | 'sha-224' | 'sha-256' | 'sha-384' | 'sha-512';

const hashNames: Readonly<Record<FingerprintHash, string>> = {
  'sha-1': 'sha1',
  'sha-224': 'sha224',
  'sha-256': 'sha256',
  'sha-384': 'sha384',
  'sha-512': 'sha512',
};

/** The fingerprint of a certificate in DER. */
export function fingerprintOf(certificate: Buffer, hash: FingerprintHash = 'sha-256'): Fingerprint {
  return { hash, digest: createHash(hashNames[hash]).update(certificate).digest() };
}

/** `sha-256 AB:CD:…`, as SDP writes it. */
export function fingerprintText({ hash, digest }: Fingerprint): string {
  return `${hash} ${(digest.toString('hex').toUpperCase().match(/../g) ?? []).join(':')}`;
}

/** Undefined for another hash (MD5 proves nothing), a wrong length, or no fingerprint at all. */
export function findFingerprint(text: string): Fingerprint | undefined {
  const [, name = '', value = ''] = /^\s*([A-Za-z0-9-]{1,16})\s+([0-9A-Fa-f:]{1,200})\s*$/.exec(text) ?? [];
  const hash = Object.keys(hashNames).find((known): known is FingerprintHash => known === name.toLowerCase());
  if (hash === undefined || !/^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})*$/.test(value)) return undefined;
  const digest = Buffer.from(value.replaceAll(':', ''), 'hex');
  return digest.length === fingerprintOf(Buffer.alloc(0), hash).digest.length ? { hash, digest } : undefined;
}

/**
 * The public key of a peer's certificate, when the certificate has one of the fingerprints that signalling gave
 * (RFC 8122 6.2: any of them). Nothing else of a certificate matters: there is no chain and no date. Throws
 * `HandshakeRefusal`.
 */
export function readPeerKey(certificate: Buffer, expected: readonly Fingerprint[]): KeyObject {
  // Before anything is parsed: what a stranger made up does not reach the parser.
  if (!expected.some((fingerprint) => hasFingerprint(certificate, fingerprint))) {
    throw new HandshakeRefusal(Alert.badCertificate, 'fingerprint-mismatch', 'not the certificate of the signalling');
  }
  let key: KeyObject;
  try {
    key = new X509Certificate(certificate).publicKey;
  } catch {
    throw new HandshakeRefusal(Alert.badCertificate, 'protocol-error', 'a certificate that cannot be read');
  }
  if (!isUsable(key)) {
    throw new HandshakeRefusal(Alert.unsupportedCertificate, 'nothing-in-common', 'a certificate with another key');
  }
  return key;
}

function hasFingerprint(certificate: Buffer, { hash, digest }: Fingerprint): boolean {
  const actual = fingerprintOf(certificate, hash).digest;
  return actual.length === digest.length && timingSafeEqual(actual, digest);
}

function isUsable(key: KeyObject): boolean {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec') return namedCurve === 'prime256v1' || namedCurve === 'secp384r1';
  return key.asymmetricKeyType === 'rsa' && modulusLength >= 2048 && modulusLength <= 8192;
}

/** Whether a cipher suite's or a scheme's signature is made with such a key. */
export function signatureKind(key: KeyObject): 'ecdsa' | 'rsa' {
  return key.asymmetricKeyType === 'ec' ? 'ecdsa' : 'rsa';
}

type Scheme = {
  readonly id: number;
  readonly kind: 'ecdsa' | 'rsa';
  readonly hash: 'sha256' | 'sha384';
  readonly pss: boolean;
};

/** Best first. SHA-1 is not among them. */
const schemes: readonly Scheme[] = [
  { id: SignatureScheme.ecdsaSha256, kind: 'ecdsa', hash: 'sha256', pss: false },
  { id: SignatureScheme.rsaPssSha256, kind: 'rsa', hash: 'sha256', pss: true },
  { id: SignatureScheme.rsaPkcs1Sha256, kind: 'rsa', hash: 'sha256', pss: false },
  { id: SignatureScheme.ecdsaSha384, kind: 'ecdsa', hash: 'sha384', pss: false },
];
export const signatureSchemes: readonly number[] = schemes.map(({ id }) => id);

/** The scheme with which we sign for a peer that takes `offered`; undefined when there is none. */
export function findScheme(key: KeyObject, offered: readonly number[]): number | undefined {
  return schemes.find(({ id, kind }) => kind === signatureKind(key) && offered.includes(id))?.id;
}

function withPadding(key: KeyObject, { kind, pss }: Scheme) {
  if (kind === 'ecdsa') return { key, dsaEncoding: 'der' as const };
  if (!pss) return { key, padding: constants.RSA_PKCS1_PADDING };
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

function schemeOf(id: number): Scheme {
  const scheme = schemes.find((known) => known.id === id);
  if (scheme === undefined) {
    throw new HandshakeRefusal(Alert.illegalParameter, 'protocol-error', 'a signature scheme that was not offered');
  }
  return scheme;
}

export function signWith(id: number, key: KeyObject, signed: Buffer): Buffer {
  const scheme = schemeOf(id);
  return sign(scheme.hash, signed, withPadding(key, scheme));
}

/** Throws `HandshakeRefusal` when the peer's signature is not right: it does not hold the key of its certificate. */
export function checkSignature(id: number, key: KeyObject, signed: Buffer, signature: Buffer): void {
  const scheme = schemeOf(id);
  const fits = scheme.kind === signatureKind(key);
  if (!fits || !verify(scheme.hash, signed, withPadding(key, scheme), signature)) {
    throw new HandshakeRefusal(
      Alert.decryptError,
      'not-authentic',
      'a signature that the certificate does not bear out',
    );
  }
}
