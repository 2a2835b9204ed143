import { Buffer } from 'node:buffer';
import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { WireError } from '../errors.ts';
import type { SrtpProfile } from './profile.ts';

/** The master key and salt of one direction, as signalling or DTLS gave them. */
export type SrtpKeys = { readonly profile: SrtpProfile; readonly masterKey: Buffer; readonly masterSalt: Buffer };

/** What packets of one kind are protected with. KeyObjects: raw keys are parsed anew for every packet. */
export type SessionKeys = {
  readonly cipherKey: KeyObject;
  /** 12 bytes for AES-GCM, 14 for AES-CM. */
  readonly salt: Buffer;
  /** 20 bytes; absent with AES-GCM. */
  readonly authKey: KeyObject | undefined;
};

/** RFC 3711 4.3.1: the label of the cipher key; authentication is one more, the salt two. */
const rtpLabel = 0;
const rtcpLabel = 3;
const authKeyLength = 20;

/** Checks lengths: throws `WireError('malformed')`. */
export function makeSrtpKeys(profile: SrtpProfile, masterKey: Buffer, masterSalt: Buffer): SrtpKeys {
  if (masterKey.length !== profile.keyLength || masterSalt.length !== profile.saltLength) {
    throw new WireError('malformed', 'srtp', `key or salt is not as long as ${profile.name} wants`);
  }
  return { profile, masterKey, masterSalt };
}

/** RFC 3711 4.3, with a key derivation rate of zero: the keys hold for the life of the master key. */
export function deriveSessionKeys(keys: SrtpKeys, kind: 'rtp' | 'rtcp'): SessionKeys {
  const { profile } = keys;
  const label = kind === 'rtp' ? rtpLabel : rtcpLabel;
  return {
    cipherKey: createSecretKey(deriveKey(keys, label, profile.keyLength)),
    salt: deriveKey(keys, label + 2, profile.saltLength),
    authKey: profile.aead ? undefined : createSecretKey(deriveKey(keys, label + 1, authKeyLength)),
  };
}

/** RFC 3711 4.3.1 and 4.3.3; RFC 7714 11 for AES-GCM, whose shorter salt is padded with zeros on the right. */
export function deriveKey({ profile, masterKey, masterSalt }: SrtpKeys, label: number, length: number): Buffer {
  const counter = Buffer.alloc(16);
  masterSalt.copy(counter);
  counter[7] = (counter[7] ?? 0) ^ label;
  const cipher = createCipheriv(profile.keyLength === 32 ? 'aes-256-ctr' : 'aes-128-ctr', masterKey, counter);
  return cipher.update(Buffer.alloc(length));
}

/** How much DTLS must export for a profile, RFC 5764 4.2. */
export function keyingMaterialLength(profile: SrtpProfile): number {
  return 2 * (profile.keyLength + profile.saltLength);
}

/** The keys of both directions, seen from one side. */
export type SrtpKeyPair = { readonly send: SrtpKeys; readonly receive: SrtpKeys };

/** Cuts what DTLS exported: client key, server key, client salt, server salt (RFC 5764 4.2). `role` is ours in DTLS. */
export function splitKeyingMaterial(profile: SrtpProfile, material: Buffer, role: 'client' | 'server'): SrtpKeyPair {
  const { keyLength, saltLength } = profile;
  if (material.length !== keyingMaterialLength(profile)) {
    throw new WireError('malformed', 'srtp', 'keying material of a wrong length');
  }
  const salts = 2 * keyLength;
  const client = makeSrtpKeys(profile, material.subarray(0, keyLength), material.subarray(salts, salts + saltLength));
  const server = makeSrtpKeys(profile, material.subarray(keyLength, salts), material.subarray(salts + saltLength));
  return role === 'client' ? { send: client, receive: server } : { send: server, receive: client };
}
