import { Buffer } from 'node:buffer';
import { createECDH, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { Alert, Group, type GroupId, HandshakeRefusal } from './codes.ts';

/** So many random bytes, fit for keys: `randomBytes` of `node:crypto`, or a known sequence in a test. */
export type RandomSource = (length: number) => Buffer;

/** Best first. */
export const groups: readonly GroupId[] = [Group.x25519, Group.p256];

/** Our half of an ephemeral key exchange. */
export interface KeyShare {
  readonly group: GroupId;
  /** As it goes over the wire: 32 bytes of X25519, or an uncompressed point. */
  readonly publicKey: Buffer;
  /** The premaster secret (RFC 8422 5.10). Throws `HandshakeRefusal` when the peer's half is no point of the curve. */
  agree(peer: Buffer): Buffer;
}

export function makeKeyShare(group: GroupId, random: RandomSource): KeyShare {
  return group === Group.x25519 ? makeX25519(random) : makeP256(random);
}

function badShare(): HandshakeRefusal {
  return new HandshakeRefusal(Alert.illegalParameter, 'protocol-error', 'a key share that is no point of its curve');
}

/** RFC 8410 7 and 4: what stands around the 32 bytes of a key in DER. */
const privateHead = Buffer.from('302e020100300506032b656e04220420', 'hex');
const publicHead = Buffer.from('302a300506032b656e032100', 'hex');

function makeX25519(random: RandomSource): KeyShare {
  const der = Buffer.concat([privateHead, random(32)]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(-32);
  return {
    group: Group.x25519,
    publicKey,
    agree(peer) {
      if (peer.length !== 32) throw badShare();
      const key = Buffer.concat([publicHead, peer]);
      try {
        // OpenSSL refuses the all-zero result, as RFC 8422 5.11 wants.
        return diffieHellman({ privateKey, publicKey: createPublicKey({ key, format: 'der', type: 'spki' }) });
      } catch {
        throw badShare();
      }
    },
  };
}

function makeP256(random: RandomSource): KeyShare {
  const ecdh = createECDH('prime256v1');
  for (;;) {
    try {
      ecdh.setPrivateKey(random(32));
      break;
    } catch {
      // Not below the order of the curve: once in 2^32.
    }
  }
  return {
    group: Group.p256,
    publicKey: ecdh.getPublicKey(),
    agree(peer) {
      if (peer.length !== 65 || peer[0] !== 4) throw badShare(); // RFC 8422 5.4.1: uncompressed only
      try {
        return ecdh.computeSecret(peer);
      } catch {
        throw badShare();
      }
    },
  };
}
