import { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import { dtls10, dtls12 } from './codes.ts';

/** Extensions by type, in the order of the wire. */
export type Extensions = ReadonlyMap<number, Buffer>;

/** RFC 5246 7.4.1.2, RFC 6347 4.2.1. */
export type ClientHello = {
  readonly version: number;
  /** 32 bytes. */
  readonly random: Buffer;
  readonly sessionId: Buffer;
  readonly cookie: Buffer;
  readonly cipherSuites: readonly number[];
  readonly compressions: Buffer;
  readonly extensions: Extensions;
};

/** RFC 5246 7.4.1.3. */
export type ServerHello = {
  readonly version: number;
  readonly random: Buffer;
  readonly sessionId: Buffer;
  readonly cipherSuite: number;
  readonly compression: number;
  readonly extensions: Extensions;
};

const mostExtensions = 64;
export const randomLength = 32;

function malformed(what: string): WireError {
  return new WireError('malformed', 'dtls', what);
}

/** Bytes behind a length of one or two bytes. */
export function vector(bytes: Buffer, lengthBytes: 1 | 2 | 3): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(bytes.length, 0, lengthBytes);
  return Buffer.concat([length, bytes]);
}

/** Numbers of 16 bits, without a length. */
export function numbers(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
  return bytes;
}

export function readNumbers(bytes: Buffer): number[] {
  if (bytes.length % 2 !== 0) throw malformed('half a number');
  const values: number[] = [];
  for (let at = 0; at < bytes.length; at += 2) values.push(bytes.readUInt16BE(at));
  return values;
}

/** All of `body` is read, or it is malformed. */
export function ended(reader: ByteReader): void {
  if (reader.remaining > 0) throw malformed('bytes behind the end of a message');
}

function readExtensions(reader: ByteReader): Extensions {
  const extensions = new Map<number, Buffer>();
  if (reader.remaining === 0) return extensions; // RFC 5246 7.4.1.2: none is allowed
  const list = new ByteReader(reader.bytes(reader.u16()), 'dtls');
  while (list.remaining > 0) {
    const type = list.u16();
    const body = list.bytes(list.u16());
    if (extensions.has(type)) throw malformed('an extension twice'); // RFC 5246 7.4.1.4
    if (extensions.size === mostExtensions) throw new WireError('too-large', 'dtls', 'too many extensions');
    extensions.set(type, body);
  }
  return extensions;
}

function writeExtensions(extensions: Extensions): Buffer {
  const parts = [...extensions].map(([type, body]) => Buffer.concat([numbers([type]), vector(body, 2)]));
  return vector(Buffer.concat(parts), 2);
}

function readSessionId(reader: ByteReader): Buffer {
  const sessionId = reader.bytes(reader.u8());
  if (sessionId.length > 32) throw malformed('a session id that long');
  return sessionId;
}

export function readClientHello(body: Buffer): ClientHello {
  const reader = new ByteReader(body, 'dtls');
  const hello = {
    version: reader.u16(),
    random: reader.bytes(randomLength),
    sessionId: readSessionId(reader),
    cookie: reader.bytes(reader.u8()),
    cipherSuites: readNumbers(reader.bytes(reader.u16())),
    compressions: reader.bytes(reader.u8()),
    extensions: readExtensions(reader),
  };
  ended(reader);
  return hello;
}

export function writeClientHello(hello: ClientHello): Buffer {
  return Buffer.concat([
    numbers([hello.version]),
    hello.random,
    vector(hello.sessionId, 1),
    vector(hello.cookie, 1),
    vector(numbers(hello.cipherSuites), 2),
    vector(hello.compressions, 1),
    writeExtensions(hello.extensions),
  ]);
}

export function readServerHello(body: Buffer): ServerHello {
  const reader = new ByteReader(body, 'dtls');
  const hello = {
    version: reader.u16(),
    random: reader.bytes(randomLength),
    sessionId: readSessionId(reader),
    cipherSuite: reader.u16(),
    compression: reader.u8(),
    extensions: readExtensions(reader),
  };
  ended(reader);
  return hello;
}

export function writeServerHello(hello: ServerHello): Buffer {
  return Buffer.concat([
    numbers([hello.version]),
    hello.random,
    vector(hello.sessionId, 1),
    numbers([hello.cipherSuite]),
    Buffer.of(hello.compression),
    writeExtensions(hello.extensions),
  ]);
}

/** The cookie of a HelloVerifyRequest (RFC 6347 4.2.1). */
export function readHelloVerifyRequest(body: Buffer): Buffer {
  const reader = new ByteReader(body, 'dtls');
  const version = reader.u16();
  if (version !== dtls10 && version !== dtls12) throw malformed('a version that is none');
  const cookie = reader.bytes(reader.u8());
  ended(reader);
  return cookie;
}

export function writeHelloVerifyRequest(cookie: Buffer): Buffer {
  return Buffer.concat([numbers([dtls10]), vector(cookie, 1)]); // RFC 6347 4.2.1: version 1.0 whatever follows
}

/** use_srtp (RFC 5764 4.1.1): profiles by number. A key identifier is not for us. */
export function readUseSrtp(body: Buffer): number[] {
  const reader = new ByteReader(body, 'dtls');
  const profiles = readNumbers(reader.bytes(reader.u16()));
  reader.skip(reader.u8());
  ended(reader);
  return profiles;
}

export function writeUseSrtp(profiles: readonly number[]): Buffer {
  return Buffer.concat([vector(numbers(profiles), 2), Buffer.of(0)]);
}

/** supported_groups and signature_algorithms: a list of 16-bit numbers. */
export function readNumberList(body: Buffer): number[] {
  const reader = new ByteReader(body, 'dtls');
  const values = readNumbers(reader.bytes(reader.u16()));
  ended(reader);
  return values;
}

export function writeNumberList(values: readonly number[]): Buffer {
  return vector(numbers(values), 2);
}
