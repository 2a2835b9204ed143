import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';

/**
 * The digest handshake that Flash Player 9 and Flash Media Server 3 added: 1536-byte blocks with an HMAC-SHA256 at a
 * place that other bytes of the block tell. It isn't in the RTMP 1.0 specification; its keys and places are public
 * through RTMP clients. Which of the two halves holds the digest is the scheme.
 */
export type DigestScheme = 'digest-first' | 'key-first';

const digestLength = 32;
const blockLength = 1536;

const genuineTail = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');

/** What each side signs with: the text for its hello, text and tail for its second block. */
export type HandshakeKey = { readonly text: Buffer; readonly whole: Buffer };

function key(text: string): HandshakeKey {
  const bytes = Buffer.from(text, 'latin1');
  return { text: bytes, whole: Buffer.concat([bytes, genuineTail]) };
}

export const handshakeKeys = {
  player: key('Genuine Adobe Flash Player 001'),
  server: key('Genuine Adobe Flash Media Server 001'),
} as const;

/** Where the digest stands: the sum of four bytes tells, within the 764-byte half of the scheme. */
function digestOffset(block: Buffer, scheme: DigestScheme): number {
  const at = scheme === 'digest-first' ? 8 : 772;
  const sum = (block[at] ?? 0) + (block[at + 1] ?? 0) + (block[at + 2] ?? 0) + (block[at + 3] ?? 0);
  return at + 4 + (sum % 728);
}

/** The HMAC of the block without the digest itself. */
function helloDigest(block: Buffer, offset: number, signer: HandshakeKey): Buffer {
  return createHmac('sha256', signer.text)
    .update(block.subarray(0, offset))
    .update(block.subarray(offset + digestLength, blockLength))
    .digest();
}

/** The peer's digest in its hello and by which scheme it stands there, or undefined. */
export function findDigest(
  block: Buffer,
  signer: HandshakeKey,
): { readonly digest: Buffer; readonly scheme: DigestScheme } | undefined {
  for (const scheme of ['key-first', 'digest-first'] as const) {
    const offset = digestOffset(block, scheme);
    const digest = helloDigest(block, offset, signer);
    if (digest.compare(block, offset, offset + digestLength) === 0) return { digest, scheme };
  }
  return undefined;
}

/** Writes the digest into a hello whose other bytes are final, and returns it. */
export function signHello(block: Buffer, signer: HandshakeKey, scheme: DigestScheme): Buffer {
  const offset = digestOffset(block, scheme);
  const digest = helloDigest(block, offset, signer);
  digest.copy(block, offset);
  return digest;
}

/** Writes the last 32 bytes of C2 or S2: they prove that the signer saw the peer's digest. */
export function signBlock(block: Buffer, peerDigest: Buffer, signer: HandshakeKey): void {
  const once = createHmac('sha256', signer.whole).update(peerDigest).digest();
  const signature = createHmac('sha256', once)
    .update(block.subarray(0, blockLength - digestLength))
    .digest();
  signature.copy(block, blockLength - digestLength);
}
