import { Buffer } from 'node:buffer';
import { createHash, createHmac } from 'node:crypto';
import type { CipherSuite } from './cipher-suites.ts';

/** The pseudo-random function of TLS 1.2 (RFC 5246 5). */
export function prf(hash: CipherSuite['hash'], secret: Buffer, label: string, seed: Buffer, length: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(label, 'latin1'), seed]);
  const output = Buffer.alloc(length);
  let link = labelled;
  for (let at = 0; at < length; ) {
    link = createHmac(hash, secret).update(link).digest();
    at += createHmac(hash, secret).update(link).update(labelled).digest().copy(output, at);
  }
  return output;
}

/** What both hellos fixed. */
export type HelloAgreement = {
  readonly suite: CipherSuite;
  readonly clientRandom: Buffer;
  readonly serverRandom: Buffer;
};

/** Key and implicit nonce of one direction (RFC 5288 3). */
export type RecordKeys = { readonly key: Buffer; readonly salt: Buffer };

const masterLength = 48;
const saltLength = 4;
const verifyLength = 12;

/** The master secret and what comes of it. */
export class SessionSecrets {
  readonly #agreement: HelloAgreement;
  readonly #master: Buffer;

  /** With `sessionHash`, the hash up to ClientKeyExchange, the extended master secret (RFC 7627 4), else RFC 5246 8.1. */
  constructor(agreement: HelloAgreement, premaster: Buffer, sessionHash: Buffer | undefined) {
    const { suite, clientRandom, serverRandom } = agreement;
    this.#agreement = agreement;
    this.#master =
      sessionHash === undefined
        ? prf(suite.hash, premaster, 'master secret', Buffer.concat([clientRandom, serverRandom]), masterLength)
        : prf(suite.hash, premaster, 'extended master secret', sessionHash, masterLength);
  }

  /** RFC 5246 6.3. */
  recordKeys(): { readonly client: RecordKeys; readonly server: RecordKeys } {
    const { suite, clientRandom, serverRandom } = this.#agreement;
    const { keyLength } = suite;
    const seed = Buffer.concat([serverRandom, clientRandom]);
    const block = prf(suite.hash, this.#master, 'key expansion', seed, 2 * (keyLength + saltLength));
    const salts = 2 * keyLength;
    return {
      client: { key: block.subarray(0, keyLength), salt: block.subarray(salts, salts + saltLength) },
      server: { key: block.subarray(keyLength, salts), salt: block.subarray(salts + saltLength) },
    };
  }

  /** What stands in a side's Finished (RFC 5246 7.4.9). */
  verifyData(side: 'client' | 'server', transcript: Buffer): Buffer {
    const { hash } = this.#agreement.suite;
    return prf(hash, this.#master, `${side} finished`, createHash(hash).update(transcript).digest(), verifyLength);
  }

  /** RFC 5705 4, without a context. */
  export(label: string, length: number): Buffer {
    const { suite, clientRandom, serverRandom } = this.#agreement;
    return prf(suite.hash, this.#master, label, Buffer.concat([clientRandom, serverRandom]), length);
  }
}
