import { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import { ended, numbers, readNumbers, vector } from './hello.ts';

/** A chain is nothing to us: only the first certificate is looked at, the others are counted. */
const mostCertificates = 10;

/** The peer's own certificate in DER; undefined when it has none (RFC 5246 7.4.2, 7.4.6). */
export function readCertificate(body: Buffer): Buffer | undefined {
  const reader = new ByteReader(body, 'dtls');
  const list = new ByteReader(reader.bytes(reader.u24()), 'dtls');
  ended(reader);
  let first: Buffer | undefined;
  for (let count = 0; list.remaining > 0; count += 1) {
    if (count === mostCertificates) throw new WireError('too-large', 'dtls', 'too many certificates');
    const certificate = list.bytes(list.u24());
    first ??= certificate;
  }
  return first;
}

export function writeCertificate(certificate: Buffer): Buffer {
  return vector(vector(certificate, 3), 3);
}

/** A signature and the scheme that it follows. */
export type Signature = { readonly scheme: number; readonly signature: Buffer };

/** RFC 8422 5.4: a share of a named curve, signed. */
export type ServerKeyExchange = Signature & {
  readonly group: number;
  readonly publicKey: Buffer;
  /** What is signed together with both randoms. */
  readonly params: Buffer;
};

const namedCurve = 3;

/** The part of ServerKeyExchange that is signed. */
export function writeParams(group: number, publicKey: Buffer): Buffer {
  return Buffer.concat([Buffer.of(namedCurve), numbers([group]), vector(publicKey, 1)]);
}

export function readServerKeyExchange(body: Buffer): ServerKeyExchange {
  const reader = new ByteReader(body, 'dtls');
  if (reader.u8() !== namedCurve) throw new WireError('unsupported', 'dtls', 'a curve without name');
  const group = reader.u16();
  const publicKey = reader.bytes(reader.u8());
  const params = body.subarray(0, reader.offset);
  return { group, publicKey, params, ...readSignature(reader) };
}

export function writeServerKeyExchange(params: Buffer, signature: Signature): Buffer {
  return Buffer.concat([params, writeSignature(signature)]);
}

function readSignature(reader: ByteReader): Signature {
  const scheme = reader.u16();
  const signature = reader.bytes(reader.u16());
  ended(reader);
  return { scheme, signature };
}

/** RFC 5246 7.4.8: also the whole of CertificateVerify. */
export function writeSignature({ scheme, signature }: Signature): Buffer {
  return Buffer.concat([numbers([scheme]), vector(signature, 2)]);
}

export function readCertificateVerify(body: Buffer): Signature {
  return readSignature(new ByteReader(body, 'dtls'));
}

/** RFC 8422 5.5: ecdsa_sign and rsa_sign. */
const certificateTypes = Buffer.of(64, 1);

/** RFC 5246 7.4.4: the signature schemes that the server takes. Authorities are not for us. */
export function readCertificateRequest(body: Buffer): number[] {
  const reader = new ByteReader(body, 'dtls');
  reader.skip(reader.u8());
  const schemes = readNumbers(reader.bytes(reader.u16()));
  reader.skip(reader.u16());
  ended(reader);
  return schemes;
}

export function writeCertificateRequest(schemes: readonly number[]): Buffer {
  return Buffer.concat([vector(certificateTypes, 1), vector(numbers(schemes), 2), numbers([0])]);
}

/** RFC 8422 5.7: the client's share. */
export function readClientKeyExchange(body: Buffer): Buffer {
  const reader = new ByteReader(body, 'dtls');
  const publicKey = reader.bytes(reader.u8());
  ended(reader);
  return publicKey;
}

export function writeClientKeyExchange(publicKey: Buffer): Buffer {
  return vector(publicKey, 1);
}
