import { Buffer } from 'node:buffer';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { SrtpProfile } from '../srtp/profile.ts';
import type { DtlsIdentity, Fingerprint } from './certificate.ts';
import type { CipherSuite } from './cipher-suites.ts';
import { Alert, HandshakeRefusal, HandshakeType } from './codes.ts';
import type { RandomSource } from './key-exchange.ts';
import { type HandshakeMessage, writeFragment } from './reassembly.ts';
import { type HelloAgreement, SessionSecrets } from './secrets.ts';

/** What both roles need. */
export type HandshakeSettings = {
  readonly identity: DtlsIdentity;
  /** What signalling said of the peer's certificate: it must have one of these. */
  readonly peerFingerprints: readonly Fingerprint[];
  /** Best first. None: use_srtp is neither offered nor taken. Else one of them must be agreed. */
  readonly srtpProfiles: readonly SrtpProfile[];
  readonly random: RandomSource;
  /** Takes a peer without the extended master secret (RFC 7627), which every peer of the last years has. */
  readonly allowLegacyMasterSecret?: boolean;
};

/** A message that goes out; epoch 1 is encrypted. */
export type OutgoingMessage = HandshakeMessage & { readonly epoch: 0 | 1 };

/** Messages that are sent, lost and sent again together (RFC 6347 4.2.4). */
export type Flight = {
  readonly messages: readonly OutgoingMessage[];
  /** Sent again by the clock until the peer answers; else only when the peer sends its own again. */
  readonly awaitsAnswer: boolean;
};

/** One role's side of the handshake: messages in order in, flights out. No time, no records, no loss. */
export interface Handshake {
  /** Takes the next message. Throws `HandshakeRefusal`, and `WireError` for what cannot be read. */
  receive(message: HandshakeMessage): Flight | undefined;
  /** The cipher suite and the secrets, once both are known. */
  readonly agreed: Agreed | undefined;
  /** The peer's signature and Finished have been verified, and our Finished is on its way. */
  readonly isDone: boolean;
}

export type Agreed = {
  readonly suite: CipherSuite;
  readonly secrets: SessionSecrets;
  readonly srtpProfile: SrtpProfile | undefined;
};

/** The secrets of what both hellos agreed to, once all messages up to the client's half of the key exchange are in the transcript. */
export function agreeOn(
  chosen: Omit<Agreed, 'secrets'> & { readonly extendedMasterSecret: boolean },
  hellos: HelloAgreement,
  premaster: Buffer,
  transcript: Transcript,
): Agreed {
  const { suite, srtpProfile, extendedMasterSecret } = chosen;
  const sessionHash = extendedMasterSecret
    ? createHash(suite.hash).update(transcript.bytes()).digest() // RFC 7627 3
    : undefined;
  return { suite, srtpProfile, secrets: new SessionSecrets(hellos, premaster, sessionHash) };
}

/** RFC 5764 4.1.2: ours that the peer has too. Throws `HandshakeRefusal` when there must be one and is none. */
export function chooseSrtpProfile(ours: readonly SrtpProfile[], theirs: readonly number[]): SrtpProfile | undefined {
  if (ours.length === 0) return undefined;
  const profile = ours.find(({ id }) => theirs.includes(id));
  if (profile === undefined) {
    throw new HandshakeRefusal(Alert.handshakeFailure, 'nothing-in-common', 'no SRTP profile that both have');
  }
  return profile;
}

export function unexpected(message: HandshakeMessage): HandshakeRefusal {
  return new HandshakeRefusal(Alert.unexpectedMessage, 'protocol-error', `message ${message.type} is not due`);
}

/** The peer's Finished must prove the whole transcript (RFC 5246 7.4.9). */
export function checkFinished(body: Buffer, expected: Buffer): void {
  if (body.length !== expected.length || !timingSafeEqual(body, expected)) {
    throw new HandshakeRefusal(Alert.decryptError, 'not-authentic', 'Finished does not bear out the handshake');
  }
}

/** All messages of a handshake as they are hashed, and the counter of those that we send. */
export class Transcript {
  readonly #messages: Buffer[] = [];
  #nextSequence = 0;

  /** Forgets all, as after HelloVerifyRequest (RFC 6347 4.2.1); our next message has this number. */
  restart(nextSequence: number): void {
    this.#messages.length = 0;
    this.#nextSequence = nextSequence;
  }

  /** RFC 6347 4.2.6: hashed as if it had come in one fragment. HelloRequest is not hashed, and never logged. */
  log(message: HandshakeMessage): void {
    this.#messages.push(writeFragment(message));
  }

  /** Numbers, logs and gives a message of ours. */
  write(type: number, body: Buffer): OutgoingMessage {
    const epoch = type === HandshakeType.finished ? 1 : 0;
    const message: OutgoingMessage = { type, sequence: this.#nextSequence, body, epoch };
    this.#nextSequence += 1;
    this.log(message);
    return message;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#messages);
  }
}
