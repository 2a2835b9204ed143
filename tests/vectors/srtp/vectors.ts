import { Buffer } from 'node:buffer';
import type { SrtpProfileName } from '../../../wire/srtp/profile.ts';

function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ''), 'hex');
}

const masterKey = hex('e1f97a0d3e018be0d64fa32c06de4139');
const masterSalt = hex('0ec675ad498afeebb6960b3aabe6');

/** RFC 3711 B.3: label 0, 1 and 2 of one master key. */
export const derivation = {
  origin: 'RFC 3711 B.3',
  masterKey,
  masterSalt,
  cipherKey: hex('c61e7a93744f39ee10734afe3ff7a087'),
  salt: hex('30cbbc08863d8c85d49db34a9ae1'),
  authKey: hex(`cebe321f6ff7716b6fd4ab49af256a15 6d38baa48f0a0acf3c34e2359e6cdbce e049646c43d9327ad175578ef7227098
    6371c10c9a369ac2f94a8c5fbcdddc25 6d6e919a48b610ef17c2041e47403576 6b68642c59bbfc2f34db60dbdfb2`),
};

/** RFC 3711 B.2: the first blocks of the key stream of a packet with SSRC, index and roll-over counter 0, and late ones. */
export const keyStream = {
  origin: 'RFC 3711 B.2',
  sessionKey: hex('2b7e151628aed2a6abf7158809cf4f3c'),
  sessionSalt: hex('f0f1f2f3f4f5f6f7f8f9fafbfcfd'),
  start: hex('e03ead0935c95e80e166b16dd92b4eb4 d23513162b02d0f72a43a2fe4a5f97ab 41e95b3bb0a2e8dd477901e4fca894c0'),
  lateBlock: 0xfeff,
  late: hex('ec8cdf7398607cb0f2d21675ea9ea1e4 362b7c3c6773516318a077d7fc5073ae 6a2cc3787889374fbeb4c81b17ba6c44'),
};

export type PacketVector = {
  readonly origin: string;
  readonly profile: SrtpProfileName;
  readonly kind: 'rtp' | 'rtcp';
  /** The session key of AES-GCM as RFC 7714 prints it, else the master key. */
  readonly level: 'session' | 'master';
  readonly key: Buffer;
  readonly salt: Buffer;
  /** SRTCP's index. */
  readonly index: number;
  readonly plain: Buffer;
  readonly protected: Buffer;
};

const quidProQuo = hex('517569642070726f2071756f');
const gallia = hex(
  '8040f17b8041f8d35501a0b2 47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573',
);
const mars = hex(
  '81c8000d4d617273 4e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef',
);
const key128 = hex('000102030405060708090a0b0c0d0e0f');
const key256 = hex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
const libsrtpRtp = hex('800f1234decafbadcafebabe abababababababababababababababab');
const libsrtpRtcp = hex('81c8000bcafebabe abababababababababababababababab');

export const packetVectors: readonly PacketVector[] = [
  {
    origin: 'RFC 7714 16.1.1',
    profile: 'AEAD_AES_128_GCM',
    kind: 'rtp',
    level: 'session',
    key: key128,
    salt: quidProQuo,
    index: 0,
    plain: gallia,
    protected: hex(`8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833
      899d7f27beb16a9152cf765ee4390cce`),
  },
  {
    origin: 'RFC 7714 16.2.1',
    profile: 'AEAD_AES_256_GCM',
    kind: 'rtp',
    level: 'session',
    key: key256,
    salt: quidProQuo,
    index: 0,
    plain: gallia,
    protected: hex(`8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b
      7aa3db36dfffd6b0f9bb7878d7a76c13`),
  },
  {
    origin: 'RFC 7714 17.1',
    profile: 'AEAD_AES_128_GCM',
    kind: 'rtcp',
    level: 'session',
    key: key128,
    salt: quidProQuo,
    index: 0x5d4,
    plain: mars,
    protected: hex(`81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded
      0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4`),
  },
  {
    origin: 'RFC 7714 17.2',
    profile: 'AEAD_AES_256_GCM',
    kind: 'rtcp',
    level: 'session',
    key: key256,
    salt: quidProQuo,
    index: 0x5d4,
    plain: mars,
    protected: hex(`81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de047
      6f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4`),
  },
  {
    origin: "libSRTP's reference packet, from the keys of RFC 3711 B.3",
    profile: 'AES_CM_128_HMAC_SHA1_80',
    kind: 'rtp',
    level: 'master',
    key: masterKey,
    salt: masterSalt,
    index: 0,
    plain: libsrtpRtp,
    protected: hex('800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb'),
  },
  {
    origin: "libSRTP's reference packet, from the keys of RFC 3711 B.3",
    profile: 'AES_CM_128_HMAC_SHA1_80',
    kind: 'rtcp',
    level: 'master',
    key: masterKey,
    salt: masterSalt,
    index: 1,
    plain: libsrtpRtcp,
    protected: hex('81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798'),
  },
  {
    origin: "libSRTP's reference packet with AES-GCM, which also proves the key derivation for it",
    profile: 'AEAD_AES_128_GCM',
    kind: 'rtp',
    level: 'master',
    key: key128,
    salt: hex('a0a1a2a3a4a5a6a7a8a9aaab'),
    index: 0,
    plain: libsrtpRtp,
    protected: hex('800f1234decafbadcafebabe c5002ede04cfdd2eb91159e0880aa06e d2976826f796b201df3131a127e8a392'),
  },
];

/** RFC 7714 17.3: authenticated only, with the E flag clear. We refuse such packets. */
export const unencryptedRtcp = {
  origin: 'RFC 7714 17.3',
  key: key128,
  salt: quidProQuo,
  protected: Buffer.concat([mars, hex('841dd9683dd78ec92ae58790125f62b3 000005d4')]),
};
