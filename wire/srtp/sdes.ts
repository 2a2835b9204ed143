import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { makeSrtpKeys, type SrtpKeys } from './keys.ts';
import { findSrtpProfile } from './profile.ts';

/** One `a=crypto` line of SDP (RFC 4568). */
export type CryptoLine = {
  /** 1 to 9 digits: an answer repeats the tag of the line that it takes. */
  readonly tag: number;
  readonly keys: SrtpKeys;
};

const longestLine = 512;

/**
 * Reads what follows `a=crypto:` (RFC 4568 9.1, 9.2). Throws `WireError`: `malformed`; `unsupported` for a suite, a
 * master key identifier, several keys, or a session parameter that changes the packets. Such a line is passed over
 * and the next one tried. The key's lifetime is not kept: ours is what RFC 3711 9.2 allows, and no line may exceed it.
 */
export function readCryptoLine(text: string): CryptoLine {
  if (text.length > longestLine) throw new WireError('too-large', 'srtp', 'a crypto line that long');
  const [, tag, suite = '', keyPart = '', parameters = ''] =
    /^(\d{1,9})[ \t]+(\S+)[ \t]+(\S+)((?:[ \t]+\S+)*)[ \t]*$/.exec(text) ?? [];
  if (tag === undefined) throw new WireError('malformed', 'srtp', 'no crypto line');
  const profile = findSrtpProfile(suite);
  if (profile === undefined) throw unsupported('that crypto suite');
  for (const parameter of parameters.split(/[ \t]+/).filter(Boolean)) {
    // RFC 4568 6.3.7: a hyphen marks those that may be ignored; the hint for a window size does no harm (6.3.6).
    if (!parameter.startsWith('-') && !/^WSH=\d+$/.test(parameter)) throw unsupported('that session parameter');
  }
  if (keyPart.includes(';')) throw unsupported('several master keys');
  const [, method, key = '', rest = ''] = /^([^:]+):([^|]+)(.*)$/.exec(keyPart) ?? [];
  if (method !== 'inline') throw new WireError('malformed', 'srtp', 'a crypto line without inline key');
  // RFC 4568 6.1: |lifetime|MKI:length, each optional
  if (!/^(\|(2\^)?\d{1,15})?$/.test(rest)) throw unsupported('a master key identifier');
  const material = readBase64(key);
  const keys = makeSrtpKeys(profile, material.subarray(0, profile.keyLength), material.subarray(profile.keyLength));
  return { tag: Number(tag), keys };
}

/** What follows `a=crypto:`. */
export function writeCryptoLine({ tag, keys }: CryptoLine): string {
  const material = Buffer.concat([keys.masterKey, keys.masterSalt]);
  return `${tag} ${keys.profile.name} inline:${material.toString('base64')}`;
}

function unsupported(what: string): WireError {
  return new WireError('unsupported', 'srtp', what);
}

function readBase64(text: string): Buffer {
  // Some leave out the padding that RFC 4568 wants.
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new WireError('malformed', 'srtp', 'a key that is not base64');
  return Buffer.from(text, 'base64');
}
