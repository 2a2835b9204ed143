import { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import type { SrtpProfile } from '../srtp/profile.ts';
import { checkSignature, findScheme, readPeerKey, signatureKind, signatureSchemes, signWith } from './certificate.ts';
import { type CipherSuite, cipherSuites } from './cipher-suites.ts';
import { Alert, dtls12, ExtensionType, type GroupId, HandshakeRefusal, HandshakeType } from './codes.ts';
import { type CookieSettings, cookieOf, hasCookie } from './cookie.ts';
import {
  type Agreed,
  agreeOn,
  checkFinished,
  chooseSrtpProfile,
  type Flight,
  type Handshake,
  type HandshakeSettings,
  Transcript,
  unexpected,
} from './handshake.ts';
import {
  type ClientHello,
  randomLength,
  readClientHello,
  readNumberList,
  readUseSrtp,
  writeHelloVerifyRequest,
  writeServerHello,
  writeUseSrtp,
} from './hello.ts';
import { groups, type KeyShare, makeKeyShare } from './key-exchange.ts';
import {
  readCertificate,
  readCertificateVerify,
  readClientKeyExchange,
  writeCertificate,
  writeCertificateRequest,
  writeParams,
  writeServerKeyExchange,
} from './messages.ts';
import type { HandshakeMessage } from './reassembly.ts';
import type { HelloAgreement } from './secrets.ts';

/** RFC 5746 3.3: stands for an empty renegotiation_info. */
const renegotiationScsv = 0x00ff;

/** What was agreed with the client's hello. */
type Chosen = {
  readonly suite: CipherSuite;
  readonly group: GroupId;
  readonly scheme: number;
  readonly srtpProfile: SrtpProfile | undefined;
  readonly extendedMasterSecret: boolean;
};

/** The server's side: RFC 5246 7.3 with mutual authentication, RFC 6347 4.2.4. */
export class ServerHandshake implements Handshake {
  agreed: Agreed | undefined;
  isDone = false;
  readonly #settings: HandshakeSettings;
  readonly #cookies: CookieSettings | undefined;
  readonly #transcript = new Transcript();
  #due: number = HandshakeType.clientHello;
  #chosen: Chosen | undefined;
  #hellos: HelloAgreement | undefined;
  #share: KeyShare | undefined;
  #peerKey: KeyObject | undefined;

  /** With `cookies` a client must show that it receives at its address before anything is computed for it. */
  constructor(settings: HandshakeSettings, cookies: CookieSettings | undefined) {
    this.#settings = settings;
    this.#cookies = cookies;
  }

  receive(message: HandshakeMessage): Flight | undefined {
    if (message.type !== this.#due) throw unexpected(message);
    switch (message.type) {
      case HandshakeType.clientHello:
        return this.#receiveHello(message);
      case HandshakeType.certificate:
        this.#receiveCertificate(message);
        return undefined;
      case HandshakeType.clientKeyExchange:
        this.#receiveKeyExchange(message);
        return undefined;
      case HandshakeType.certificateVerify:
        this.#receiveVerify(message);
        return undefined;
      case HandshakeType.finished:
        return this.#receiveFinished(message);
      default:
        throw unexpected(message);
    }
  }

  #receiveHello(message: HandshakeMessage): Flight {
    const hello = readClientHello(message.body);
    // RFC 6347 4.2.1: our answer has the number of the hello that it answers; a hello before the cookie is not hashed.
    this.#transcript.restart(message.sequence);
    if (this.#cookies !== undefined && !hasCookie(this.#cookies, hello)) {
      const body = writeHelloVerifyRequest(cookieOf(this.#cookies, hello));
      return { messages: [this.#transcript.write(HandshakeType.helloVerifyRequest, body)], awaitsAnswer: false };
    }
    this.#transcript.log(message);
    const chosen = choose(hello, this.#settings);
    const serverRandom = this.#settings.random(randomLength);
    this.#chosen = chosen;
    this.#hellos = { suite: chosen.suite, clientRandom: hello.random, serverRandom };
    this.#share = makeKeyShare(chosen.group, this.#settings.random);
    this.#due = HandshakeType.certificate;
    const { certificate, privateKey } = this.#settings.identity;
    const params = writeParams(chosen.group, this.#share.publicKey);
    const signed = Buffer.concat([hello.random, serverRandom, params]); // RFC 8422 5.4
    const signature = { scheme: chosen.scheme, signature: signWith(chosen.scheme, privateKey, signed) };
    const serverHello = writeServerHello({
      version: dtls12,
      random: serverRandom,
      sessionId: Buffer.alloc(0), // RFC 5246 7.4.1.3: not to be resumed
      cipherSuite: chosen.suite.id,
      compression: 0,
      extensions: answerExtensions(hello, chosen),
    });
    const transcript = this.#transcript;
    return {
      messages: [
        transcript.write(HandshakeType.serverHello, serverHello),
        transcript.write(HandshakeType.certificate, writeCertificate(certificate)),
        transcript.write(HandshakeType.serverKeyExchange, writeServerKeyExchange(params, signature)),
        transcript.write(HandshakeType.certificateRequest, writeCertificateRequest(signatureSchemes)),
        transcript.write(HandshakeType.serverHelloDone, Buffer.alloc(0)),
      ],
      awaitsAnswer: true,
    };
  }

  #receiveCertificate(message: HandshakeMessage): void {
    const certificate = readCertificate(message.body);
    if (certificate === undefined) {
      throw new HandshakeRefusal(Alert.handshakeFailure, 'not-mutual', 'the client shows no certificate');
    }
    this.#peerKey = readPeerKey(certificate, this.#settings.peerFingerprints);
    this.#transcript.log(message);
    this.#due = HandshakeType.clientKeyExchange;
  }

  #receiveKeyExchange(message: HandshakeMessage): void {
    if (this.#share === undefined || this.#hellos === undefined || this.#chosen === undefined)
      throw unexpected(message);
    const premaster = this.#share.agree(readClientKeyExchange(message.body));
    this.#transcript.log(message);
    this.agreed = agreeOn(this.#chosen, this.#hellos, premaster, this.#transcript);
    this.#due = HandshakeType.certificateVerify;
  }

  #receiveVerify(message: HandshakeMessage): void {
    if (this.#peerKey === undefined) throw unexpected(message);
    const { scheme, signature } = readCertificateVerify(message.body);
    checkSignature(scheme, this.#peerKey, this.#transcript.bytes(), signature); // RFC 5246 7.4.8
    this.#transcript.log(message);
    this.#due = HandshakeType.finished;
  }

  #receiveFinished(message: HandshakeMessage): Flight {
    if (this.agreed === undefined) throw unexpected(message);
    const { secrets } = this.agreed;
    checkFinished(message.body, secrets.verifyData('client', this.#transcript.bytes()));
    this.#transcript.log(message);
    const body = secrets.verifyData('server', this.#transcript.bytes());
    const finished = this.#transcript.write(HandshakeType.finished, body);
    this.#transcript.restart(0);
    this.#due = -1;
    this.isDone = true;
    return { messages: [finished], awaitsAnswer: false };
  }
}

function nothingInCommon(what: string): HandshakeRefusal {
  return new HandshakeRefusal(Alert.handshakeFailure, 'nothing-in-common', what);
}

function choose(hello: ClientHello, settings: HandshakeSettings): Chosen {
  const { extensions } = hello;
  // DTLS versions count down; a client of DTLS 1.3 says 1.2 here (RFC 9147 5.3).
  if (hello.version > dtls12) {
    throw new HandshakeRefusal(Alert.protocolVersion, 'nothing-in-common', 'the client has no DTLS 1.2');
  }
  if (!hello.compressions.includes(0)) {
    throw new HandshakeRefusal(Alert.illegalParameter, 'protocol-error', 'a hello without null compression');
  }
  const renegotiation = extensions.get(ExtensionType.renegotiationInfo);
  if (renegotiation !== undefined && !isEmptyRenegotiation(renegotiation)) {
    throw new HandshakeRefusal(Alert.handshakeFailure, 'protocol-error', 'a renegotiation of nothing'); // RFC 5746 3.6
  }
  const { privateKey } = settings.identity;
  const kind = signatureKind(privateKey);
  const suite = cipherSuites.find(({ id, signature }) => signature === kind && hello.cipherSuites.includes(id));
  if (suite === undefined) throw nothingInCommon('no cipher suite');
  const offeredGroups = readList(extensions.get(ExtensionType.supportedGroups));
  const group = groups.find((id) => offeredGroups.includes(id));
  if (group === undefined) throw nothingInCommon('no curve');
  const scheme = findScheme(privateKey, readList(extensions.get(ExtensionType.signatureAlgorithms)));
  if (scheme === undefined) throw nothingInCommon('no signature scheme');
  const extendedMasterSecret = extensions.has(ExtensionType.extendedMasterSecret);
  if (!extendedMasterSecret && settings.allowLegacyMasterSecret !== true) {
    throw nothingInCommon('no extended master secret'); // RFC 7627 5.3
  }
  const offered = extensions.get(ExtensionType.useSrtp);
  const srtpProfile = chooseSrtpProfile(settings.srtpProfiles, offered === undefined ? [] : readUseSrtp(offered));
  return { suite, group, scheme, srtpProfile, extendedMasterSecret };
}

function readList(extension: Buffer | undefined): number[] {
  return extension === undefined ? [] : readNumberList(extension);
}

export function isEmptyRenegotiation(extension: Buffer): boolean {
  return extension.length === 1 && extension[0] === 0;
}

/** Only what the client offered may be answered (RFC 5246 7.4.1.4). */
function answerExtensions(hello: ClientHello, chosen: Chosen): Map<number, Buffer> {
  const answer = new Map<number, Buffer>();
  const { extensions } = hello;
  if (extensions.has(ExtensionType.renegotiationInfo) || hello.cipherSuites.includes(renegotiationScsv)) {
    answer.set(ExtensionType.renegotiationInfo, Buffer.of(0));
  }
  if (chosen.extendedMasterSecret) answer.set(ExtensionType.extendedMasterSecret, Buffer.alloc(0));
  if (extensions.has(ExtensionType.pointFormats)) answer.set(ExtensionType.pointFormats, Buffer.of(1, 0));
  if (chosen.srtpProfile !== undefined) answer.set(ExtensionType.useSrtp, writeUseSrtp([chosen.srtpProfile.id]));
  return answer;
}
