/** RFC 6347 4.1: one's complement of 1.2 and 1.0. */
export const dtls12 = 0xfefd;
export const dtls10 = 0xfeff;

/** RFC 5246 6.2.1. */
export const ContentType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

/** RFC 5246 7.4, RFC 6347 4.3.2. */
export const HandshakeType = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const;

/** RFC 5246 7.2. */
export const Alert = {
  closeNotify: 0,
  unexpectedMessage: 10,
  handshakeFailure: 40,
  badCertificate: 42,
  unsupportedCertificate: 43,
  illegalParameter: 47,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
  internalError: 80,
  noRenegotiation: 100,
  unsupportedExtension: 110,
} as const;

/** The extensions that we send and read. */
export const ExtensionType = {
  /** RFC 8422 5.1.1. */
  supportedGroups: 10,
  /** RFC 8422 5.1.2. */
  pointFormats: 11,
  /** RFC 5246 7.4.1.4.1. */
  signatureAlgorithms: 13,
  /** RFC 5764 4.1.1. */
  useSrtp: 14,
  /** RFC 7627 5.1. */
  extendedMasterSecret: 23,
  /** RFC 5746 3.2. */
  renegotiationInfo: 0xff01,
} as const;

/** RFC 8422 5.1.1. */
export const Group = { p256: 23, x25519: 29 } as const;
export type GroupId = (typeof Group)[keyof typeof Group];

/** RFC 5246 7.4.1.4.1 and RFC 8446 4.2.3: hash and signature in one number. */
export const SignatureScheme = {
  ecdsaSha256: 0x0403,
  ecdsaSha384: 0x0503,
  rsaPssSha256: 0x0804,
  rsaPkcs1Sha256: 0x0401,
} as const;

/** Why a handshake or connection ended, other than by close_notify. */
export type DtlsFailure =
  /** The certificate is not the one that signalling told of. */
  | 'fingerprint-mismatch'
  /** The peer does not hold the key of its certificate, or Finished is wrong. */
  | 'not-authentic'
  /** The peer showed no certificate, or did not ask for ours. */
  | 'not-mutual'
  /** No version, cipher suite, curve, signature or SRTP profile that both have. */
  | 'nothing-in-common'
  /** The peer broke the protocol. */
  | 'protocol-error'
  /** The peer sent a fatal alert. */
  | 'alert'
  /** Too many retransmissions without an answer. */
  | 'timeout';

/** Ends a handshake: caught by `DtlsConnection`, which tells the peer by the alert and its owner by the reason. */
export class HandshakeRefusal extends Error {
  readonly alert: number;
  readonly reason: DtlsFailure;

  constructor(alert: number, reason: DtlsFailure, text: string) {
    super(text);
    this.name = 'HandshakeRefusal';
    this.alert = alert;
    this.reason = reason;
  }
}
