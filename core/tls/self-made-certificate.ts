import { Buffer } from 'node:buffer';
import { createHash, generateKeyPair, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import { promisify } from 'node:util';
import { bitString, boolean, integer, octetString, oid, sequence, set, tagged, time, utf8String } from './der.ts';

/** PEM texts. */
export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

export interface SelfMadeRequest {
  /** Host names and addresses; the first is the subject's common name. */
  readonly names: readonly string[];
  /** Unix time in ms. */
  readonly now: number;
  /** Days that it lasts. */
  readonly days: number;
}

const dayMs = 86_400_000;
/** A certificate must not seem to come from the future to a peer whose clock is a little slow. */
const backdateMs = dayMs;

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));
const makeKeys = promisify(generateKeyPair);

/** Makes an ECDSA P-256 key and a certificate signed with it (RFC 5280). About 2 ms; the key is made off the event loop. */
export async function makeSelfMade(request: SelfMadeRequest): Promise<CertificateAndKey> {
  const { publicKey, privateKey } = await makeKeys('ec', { namedCurve: 'P-256' });
  const signed = tbsCertificate(request, publicKey);
  const signature = sign('sha256', signed, privateKey);
  return {
    cert: toPem(sequence(signed, ecdsaWithSha256, bitString(signature))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

// RFC 5280 4.1.2
function tbsCertificate(request: SelfMadeRequest, publicKey: KeyObject): Buffer {
  const keyInfo = publicKey.export({ type: 'spki', format: 'der' });
  const subject = nameOf(request.names[0] ?? 'localhost');
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return sequence(
    tagged(0, integer(Buffer.from([2]))),
    integer(serial),
    ecdsaWithSha256,
    subject,
    sequence(time(new Date(request.now - backdateMs)), time(new Date(request.now + request.days * dayMs))),
    subject,
    keyInfo,
    tagged(3, sequence(...extensionsOf(request.names, keyInfo))),
  );
}

function nameOf(commonName: string): Buffer {
  // RFC 5280 appendix A: ub-common-name is 64.
  const text = utf8String(commonName.slice(0, 64));
  const organization = utf8String('Switchyard, self-made');
  return sequence(set(sequence(oid('2.5.4.10'), organization)), set(sequence(oid('2.5.4.3'), text)));
}

// RFC 5280 4.2.1
function extensionsOf(names: readonly string[], keyInfo: Uint8Array): Buffer[] {
  const critical = boolean(true);
  const keyId = createHash('sha1').update(keyInfo).digest();
  return [
    // An end entity, not an authority: browsers refuse an authority's certificate on a server.
    sequence(oid('2.5.29.19'), critical, octetString(sequence())),
    // digitalSignature alone
    sequence(oid('2.5.29.15'), critical, octetString(bitString(Buffer.from([0x80]), 7))),
    sequence(oid('2.5.29.37'), octetString(sequence(oid('1.3.6.1.5.5.7.3.1')))),
    sequence(oid('2.5.29.14'), octetString(octetString(keyId))),
    sequence(oid('2.5.29.17'), octetString(sequence(...names.map(generalName)))),
  ];
}

// RFC 5280 4.2.1.6: [2] dNSName, [7] iPAddress
function generalName(name: string): Buffer {
  return isIP(name) === 0 ? tagged(2, Buffer.from(name, 'latin1'), false) : tagged(7, addressBytes(name), false);
}

function addressBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const before = head.split(':').filter(Boolean);
  const after = (tail ?? '').split(':').filter(Boolean);
  const gap = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const groups = tail === undefined ? before : [...before, ...gap, ...after];
  const bytes = Buffer.alloc(16);
  groups.forEach((group, index) => bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2));
  return bytes;
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
