import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Clock } from '../../../core/time/clock.ts';
import { makeSelfMade } from '../../../core/tls/self-made-certificate.ts';
import { type DtlsIdentity, fingerprintOf, fingerprintText } from '../../../wire/dtls/certificate.ts';
import type { PeerFingerprint } from '../contract.ts';

/** The certificate of this process and what signalling tells of it. */
export interface PeerIdentity {
  readonly dtls: DtlsIdentity;
  readonly fingerprint: PeerFingerprint;
}

/** Nobody looks at the dates: signalling vouches for the certificate by its fingerprint (RFC 8122 6.2). */
const days = 3_650;

/** Makes an ECDSA P-256 key and a certificate for it: a new one each start, so that servers can't be told again by it. */
export async function makePeerIdentity(clock: Clock): Promise<PeerIdentity> {
  const { cert, key } = await makeSelfMade({ names: ['switchyard'], now: clock.wallNow() / 1_000, days });
  const certificate = new X509Certificate(cert).raw;
  const [hash = '', value = ''] = fingerprintText(fingerprintOf(certificate)).split(' ');
  return { dtls: { certificate, privateKey: createPrivateKey(key) }, fingerprint: { hash, value } };
}
