import { Buffer } from 'node:buffer';
import { createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import { bitString, integer, oid, sequence, set, time, utf8String } from '../../../core/tls/der.ts';
import { makeSelfMade } from '../../../core/tls/self-made-certificate.ts';
import { type DtlsIdentity, fingerprintOf } from '../../../wire/dtls/certificate.ts';
import { DtlsConnection, type DtlsEvent, type DtlsSettings } from '../../../wire/dtls/connection.ts';
import { srtpProfiles } from '../../../wire/srtp/profile.ts';

export async function makeIdentity(name = 'peer'): Promise<DtlsIdentity> {
  const { cert, key } = await makeSelfMade({ names: [name], now: 1_790_000_000_000, days: 30 });
  return { certificate: new X509Certificate(cert).raw, privateKey: createPrivateKey(key) };
}

/** The least certificate (RFC 5280 4.1) with an RSA key. */
export function makeRsaIdentity(modulusLength = 2048): DtlsIdentity {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength });
  const algorithm = sequence(oid('1.2.840.113549.1.1.11'), Buffer.of(5, 0));
  const name = sequence(set(sequence(oid('2.5.4.3'), utf8String('rsa'))));
  const validity = sequence(time(new Date('2026-01-01')), time(new Date('2027-01-01')));
  const keyInfo = publicKey.export({ type: 'spki', format: 'der' });
  const signed = sequence(integer(Buffer.of(7)), algorithm, name, validity, name, keyInfo);
  return { certificate: sequence(signed, algorithm, bitString(sign('sha256', signed, privateKey))), privateKey };
}

export type Pair = { readonly client: DtlsConnection; readonly server: DtlsConnection };
export type PairSettings = {
  readonly client: DtlsIdentity;
  readonly server: DtlsIdentity;
  readonly clientSettings?: Partial<DtlsSettings>;
  readonly serverSettings?: Partial<DtlsSettings>;
};

export function settingsOf(
  role: 'client' | 'server',
  identity: DtlsIdentity,
  peer: DtlsIdentity,
  more: Partial<DtlsSettings> = {},
): DtlsSettings {
  return {
    role,
    identity,
    peerFingerprints: [fingerprintOf(peer.certificate)],
    srtpProfiles,
    random: randomBytes,
    ...more,
  };
}

export function makePair({ client, server, clientSettings, serverSettings }: PairSettings): Pair {
  return {
    client: new DtlsConnection(settingsOf('client', client, server, clientSettings)),
    server: new DtlsConnection(settingsOf('server', server, client, serverSettings)),
  };
}

/** When copies of a datagram arrive, microseconds from now: none when it is lost, several when it is doubled. */
export type Network = (datagram: Buffer, from: 'client' | 'server', now: number) => readonly number[];

const mostSteps = 5000;

/** Lets the pair talk until both have ended or are connected and the wires are empty. Returns the time that it took. */
export function converse({ client, server }: Pair, network: Network = () => [10], start = true): number {
  const flying: { at: number; to: DtlsConnection; bytes: Buffer }[] = [];
  let now = 0;
  const collect = (): void => {
    for (const [from, peer, to] of [
      ['client', client, server],
      ['server', server, client],
    ] as const) {
      for (const bytes of peer.takeDatagrams()) {
        for (const delay of network(bytes, from, now)) flying.push({ at: now + delay, to, bytes });
      }
    }
  };
  if (start) client.start(now);
  for (let step = 0; step < mostSteps; step += 1) {
    collect();
    flying.sort((a, b) => a.at - b.at);
    const due = Math.min(client.nextTimeout ?? Infinity, server.nextTimeout ?? Infinity, flying[0]?.at ?? Infinity);
    if (due === Infinity) return now;
    now = Math.max(now, due);
    if (flying[0]?.at === due) {
      const next = flying.shift();
      next?.to.receive(next.bytes, now);
    } else {
      client.tick(now);
      server.tick(now);
    }
  }
  throw new Error('the conversation does not end');
}

export function eventKinds(connection: DtlsConnection): string[] {
  return connection.takeEvents().map((event) => (event.kind === 'failed' ? `failed: ${event.reason}` : event.kind));
}

export function connectedEvent(connection: DtlsConnection): Extract<DtlsEvent, { kind: 'connected' }> {
  const event = connection.takeEvents().find(({ kind }) => kind === 'connected');
  if (event?.kind !== 'connected') throw new Error('not connected');
  return event;
}
