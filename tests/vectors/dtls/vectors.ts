import { Buffer } from 'node:buffer';

function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ''), 'hex');
}

/** The PRF of TLS 1.2 with SHA-256. */
export const prfVector = {
  origin: 'the vector that was published on the TLS working group list for RFC 5246 5',
  secret: hex('9bbe436ba940f017b17652849a71db35'),
  seed: hex('a0ba9f936cda311827a6f796ffd5198c'),
  label: 'test label',
  output: hex(`e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af
    0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66`),
};

/** First datagram of `openssl s_client -dtls1_2 -use_srtp SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80`, OpenSSL 3.0.22. */
export const opensslClientHello = {
  origin: 'OpenSSL 3.0.22, s_client',
  datagram: hex(`16feff000000000000000000cb 010000bf00000000000000bf
    fefd126a6bf7f058a142684785bfa80217aaa6b0cf4ea62fb2205ab5259bf392401500000038c02cc030009fcca9cca8ccaac02bc02f009e
    c024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff0100005d000b000403000102000a000c000a
    001d0017001e0019001800230000000e0007000400070001000016000000170000000d002a0028040305030603080708080809080a080b08
    0408050806040105010601030303010302040205020602`),
  random: hex('126a6bf7f058a142684785bfa80217aaa6b0cf4ea62fb2205ab5259bf3924015'),
  cipherSuites: 28,
  groups: [29, 23, 30, 25, 24],
  srtpProfiles: [7, 1],
};

/** What `openssl s_server -dtls1_2` says to a first hello. */
export const opensslVerifyRequest = {
  origin: 'OpenSSL 3.0.22, s_server',
  datagram: hex('16feff00000000000000000023 030000170000000000000017 feff14928ab415db56eee4cb9068c4159ecfa133c0a767'),
  cookie: hex('928ab415db56eee4cb9068c4159ecfa133c0a767'),
};

/** Our own hello with a random of 7s: what we send must not change by chance. */
export const ownClientHello = {
  origin: 'this project; accepted by OpenSSL 3.0.22',
  datagram: hex(`16fefd00000000000000000074 010000680000000000000068
    fefd070707070707070707070707070707070707070707070707070707070707070700000008c02bc02fc02cc03001000036ff01000100
    00170000000a00060004001d0017000b00020100000d000a00080403080404010503000e000b0008000700080001000200`),
};
