import { Buffer } from 'node:buffer';
import { createSecretKey, hkdfSync } from 'node:crypto';
import { deriveSessionKeys, makeSrtpKeys, type SessionKeys, type SrtpKeys } from '../../../wire/srtp/keys.ts';
import { type ContextKeys, NodeSrtpReceiver, NodeSrtpSender } from '../../../wire/srtp/node-srtp.ts';
import { findSrtpProfile, type SrtpProfile, type SrtpProfileName } from '../../../wire/srtp/profile.ts';
import type { PacketVector } from './vectors.ts';

export function profileOf(name: SrtpProfileName): SrtpProfile {
  const profile = findSrtpProfile(name);
  if (profile === undefined) throw new Error(`no profile ${name}`);
  return profile;
}

/** Master keys that depend on `label` alone. */
export function testKeys(name: SrtpProfileName, label = 'a'): SrtpKeys {
  const profile = profileOf(name);
  const bytes = Buffer.from(hkdfSync('sha256', 'test', '', label, 64));
  return makeSrtpKeys(profile, bytes.subarray(0, profile.keyLength), bytes.subarray(64 - profile.saltLength));
}

/** The session keys of a vector, which RFC 7714 prints without a master key. */
export function contextKeysOf({ level, profile, key, salt }: PacketVector): ContextKeys {
  if (level === 'session') {
    const keys: SessionKeys = { cipherKey: createSecretKey(key), salt, authKey: undefined };
    return { rtp: keys, rtcp: keys };
  }
  const keys = makeSrtpKeys(profileOf(profile), key, salt);
  return { rtp: deriveSessionKeys(keys, 'rtp'), rtcp: deriveSessionKeys(keys, 'rtcp') };
}

export function senderOf(vector: PacketVector): NodeSrtpSender {
  return new NodeSrtpSender(profileOf(vector.profile), contextKeysOf(vector), vector.index);
}

export function receiverOf(vector: PacketVector): NodeSrtpReceiver {
  return new NodeSrtpReceiver(profileOf(vector.profile), contextKeysOf(vector));
}

/** A plain RTP packet with room for a tag behind it. */
export function roomFor(plain: Buffer, overhead: number): Buffer {
  return Buffer.concat([plain, Buffer.alloc(overhead, 0xee)]);
}

/** An RTP packet with a payload that tells its index. */
export function rtpPacket(ssrc: number, index: number, payloadLength = 20): Buffer {
  const bytes = Buffer.alloc(12 + payloadLength, index & 0xff);
  bytes[0] = 0x80;
  bytes[1] = 96;
  bytes.writeUInt16BE(index % 0x1_0000, 2);
  bytes.writeUInt32BE((index * 3000) % 0x1_0000_0000, 4);
  bytes.writeUInt32BE(ssrc, 8);
  return bytes;
}

/** The least compound RTCP packet: an empty receiver report and some bytes. */
export function rtcpPacket(ssrc: number, mark: number): Buffer {
  const bytes = Buffer.from('80c9000100000000 80cb0000deadbeef'.replace(/\s/g, ''), 'hex');
  bytes.writeUInt32BE(ssrc, 4);
  bytes.writeUInt32BE(mark, 12);
  return bytes;
}
