/** Names of RFC 4568 6.2 and RFC 7714 14.1, as SDES writes them. */
export type SrtpProfileName =
  | 'AEAD_AES_128_GCM'
  | 'AEAD_AES_256_GCM'
  | 'AES_CM_128_HMAC_SHA1_80'
  | 'AES_CM_128_HMAC_SHA1_32';

/** What a protection profile fixes. Lengths in bytes. */
export type SrtpProfile = {
  readonly name: SrtpProfileName;
  /** The number in DTLS's use_srtp: RFC 5764 4.1.2, RFC 7714 14.2. */
  readonly id: number;
  readonly aead: boolean;
  readonly keyLength: number;
  readonly saltLength: number;
  /** What a protected RTP packet is longer than a plain one. */
  readonly rtpTagLength: number;
  /** As above without the four bytes of SRTCP's index. */
  readonly rtcpTagLength: number;
};

/** Best first: our preference in DTLS and SDES. AES-GCM is one pass where the others are two. */
export const srtpProfiles: readonly SrtpProfile[] = [
  profile('AEAD_AES_128_GCM', 0x0007, { key: 16, salt: 12, rtpTag: 16, rtcpTag: 16 }),
  profile('AEAD_AES_256_GCM', 0x0008, { key: 32, salt: 12, rtpTag: 16, rtcpTag: 16 }),
  profile('AES_CM_128_HMAC_SHA1_80', 0x0001, { key: 16, salt: 14, rtpTag: 10, rtcpTag: 10 }),
  // RFC 5764 4.1.2, RFC 4568 6.2.2: the short tag is for RTP alone
  profile('AES_CM_128_HMAC_SHA1_32', 0x0002, { key: 16, salt: 14, rtpTag: 4, rtcpTag: 10 }),
];

type Lengths = { readonly key: number; readonly salt: number; readonly rtpTag: number; readonly rtcpTag: number };

function profile(name: SrtpProfileName, id: number, lengths: Lengths): SrtpProfile {
  return {
    name,
    id,
    aead: name.startsWith('AEAD'),
    keyLength: lengths.key,
    saltLength: lengths.salt,
    rtpTagLength: lengths.rtpTag,
    rtcpTagLength: lengths.rtcpTag,
  };
}

/** By the name in SDES or the number in DTLS. */
export function findSrtpProfile(key: string | number): SrtpProfile | undefined {
  return srtpProfiles.find(({ name, id }) => name === key || id === key);
}

/** SRTCP's E flag and index behind the payload, RFC 3711 3.4. */
export const rtcpIndexLength = 4;
