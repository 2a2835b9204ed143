import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { type DigestScheme, findDigest, handshakeKeys, signBlock, signHello } from './handshake-digest.ts';

/** C1, S1, C2 and S2 alike. RTMP 1.0 5.2.3. */
export const handshakeBlock = 1536;
/** What random bytes a hello takes. */
export const helloRandom = 1528;
/** C0 and C1; what a server must have before it answers. */
export const clientHelloLength = 1 + handshakeBlock;
/** S0, S1 and S2; what a client must have before it answers. */
export const serverHelloLength = 1 + 2 * handshakeBlock;

const plainRtmp = 3;

/** `time` in milliseconds, any epoch; `random` is 1528 random bytes. */
export type HandshakeSeed = { readonly time: number; readonly random: Buffer };

export type ClientHello = {
  /** C0 and C1, to be sent. */
  readonly bytes: Buffer;
  /** The digest in C1, or undefined for the simple handshake. */
  readonly digest: Buffer | undefined;
};

export type ServerAnswer = {
  /** S0, S1 and S2, to be sent. */
  readonly bytes: Buffer;
  /** Which scheme the client's digest followed; undefined: the simple handshake. */
  readonly scheme: DigestScheme | undefined;
};

export type ClientAnswer = {
  /** C2, to be sent. */
  readonly bytes: Buffer;
  /** Did the server prove the digest handshake? Always false for the simple one; most servers only do that. */
  readonly verified: boolean;
};

/** What a client sends first. `scheme` undefined: the simple handshake of RTMP 1.0 5.2. */
export function clientHello(seed: HandshakeSeed, scheme?: DigestScheme): ClientHello {
  const bytes = Buffer.allocUnsafe(clientHelloLength);
  bytes[0] = plainRtmp;
  const hello = bytes.subarray(1);
  writeHello(hello, seed, scheme === undefined ? 0 : 0x80000702); // a player version of 9 or more asks for digests
  return { bytes, digest: scheme === undefined ? undefined : signHello(hello, handshakeKeys.player, scheme) };
}

/**
 * A server's whole answer to C0 and C1 (`hello`, at least 1537 bytes): with digests when the client's hello has a valid one, by
 * the same scheme, else the simple one. `seed.random` must not be used for anything else.
 * Throws WireError: 'truncated', 'unsupported' (RTMPE), 'malformed' (no RTMP).
 */
export function answerClientHello(hello: Buffer, seed: HandshakeSeed): ServerAnswer {
  if (hello.length < clientHelloLength) throw new WireError('truncated', 'rtmp', 'C0 and C1 are 1537 bytes');
  checkVersion(hello);
  const c1 = hello.subarray(1, clientHelloLength);
  const bytes = Buffer.allocUnsafe(serverHelloLength);
  bytes[0] = plainRtmp;
  const s1 = bytes.subarray(1, 1 + handshakeBlock);
  const s2 = bytes.subarray(1 + handshakeBlock);
  // A simple client has zeros for its version (RTMP 1.0 5.2.3): no digest needs to be looked for.
  const found = c1.readUInt32BE(4) === 0 ? undefined : findDigest(c1, handshakeKeys.player);
  if (found === undefined) {
    writeHello(s1, seed, 0);
    echo(s2, c1, seed.time);
    return { bytes, scheme: undefined };
  }
  writeHello(s1, seed, 0x04050001);
  signHello(s1, handshakeKeys.server, found.scheme);
  seed.random.copy(s2, 0, 0, handshakeBlock - 32);
  signBlock(s2, found.digest, handshakeKeys.server);
  return { bytes, scheme: found.scheme };
}

/**
 * A client's answer to S0, S1 and S2 (`answer`, at least 3073 bytes) after it sent `sent`.
 * Throws WireError: 'truncated', 'unsupported', 'malformed'.
 */
export function answerServerHello(answer: Buffer, sent: ClientHello, seed: HandshakeSeed): ClientAnswer {
  if (answer.length < serverHelloLength) throw new WireError('truncated', 'rtmp', 'S0, S1 and S2 are 3073 bytes');
  checkVersion(answer);
  const s1 = answer.subarray(1, 1 + handshakeBlock);
  const s2 = answer.subarray(1 + handshakeBlock, serverHelloLength);
  const bytes = Buffer.allocUnsafe(handshakeBlock);
  const found = sent.digest === undefined ? undefined : findDigest(s1, handshakeKeys.server);
  if (found === undefined || sent.digest === undefined) {
    echo(bytes, s1, seed.time);
    return { bytes, verified: false };
  }
  seed.random.copy(bytes, 0, 0, handshakeBlock - 32);
  signBlock(bytes, found.digest, handshakeKeys.player);
  const expected = Buffer.from(s2);
  signBlock(expected, sent.digest, handshakeKeys.server);
  return { bytes, verified: expected.equals(s2) };
}

/** RTMP 1.0 5.2.2 */
function checkVersion(hello: Buffer): void {
  const version = hello[0] ?? 0;
  if (version === plainRtmp) return;
  if (version === 6 || version === 8 || version === 9) {
    throw new WireError('unsupported', 'rtmp', `encrypted RTMP (version ${version})`);
  }
  throw new WireError('malformed', 'rtmp', `version ${version} in the handshake`);
}

/** C1 and S1. RTMP 1.0 5.2.3; a version other than zero says that a digest is in the random bytes. */
function writeHello(block: Buffer, seed: HandshakeSeed, version: number): void {
  if (seed.random.length < helloRandom) throw new RangeError(`${helloRandom} random bytes are needed`);
  block.writeUInt32BE(seed.time >>> 0, 0);
  block.writeUInt32BE(version, 4);
  seed.random.copy(block, 8, 0, helloRandom);
}

/** C2 and S2 of the simple handshake: the peer's time and random bytes, and when it was read. RTMP 1.0 5.2.4. */
function echo(into: Buffer, peerHello: Buffer, readAt: number): void {
  peerHello.copy(into, 0, 0, handshakeBlock);
  into.writeUInt32BE(readAt >>> 0, 4);
}
