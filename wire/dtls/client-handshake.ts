import { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import type { SrtpProfile } from '../srtp/profile.ts';
import { checkSignature, findScheme, readPeerKey, signatureKind, signatureSchemes, signWith } from './certificate.ts';
import { type CipherSuite, cipherSuites } from './cipher-suites.ts';
import { Alert, dtls12, ExtensionType, HandshakeRefusal, HandshakeType } from './codes.ts';
import {
  type Agreed,
  agreeOn,
  checkFinished,
  type Flight,
  type Handshake,
  type HandshakeSettings,
  Transcript,
  unexpected,
} from './handshake.ts';
import {
  type Extensions,
  randomLength,
  readHelloVerifyRequest,
  readServerHello,
  readUseSrtp,
  writeClientHello,
  writeNumberList,
  writeUseSrtp,
} from './hello.ts';
import { groups, makeKeyShare } from './key-exchange.ts';
import {
  readCertificate,
  readCertificateRequest,
  readServerKeyExchange,
  writeCertificate,
  writeClientKeyExchange,
  writeSignature,
} from './messages.ts';
import type { HandshakeMessage } from './reassembly.ts';

/** What the server's hello agreed to. */
type Chosen = {
  readonly suite: CipherSuite;
  readonly serverRandom: Buffer;
  readonly srtpProfile: SrtpProfile | undefined;
  readonly extendedMasterSecret: boolean;
};

/** The client's side: RFC 5246 7.3 with mutual authentication, RFC 6347 4.2.4. */
export class ClientHandshake implements Handshake {
  agreed: Agreed | undefined;
  isDone = false;
  readonly #settings: HandshakeSettings;
  readonly #transcript = new Transcript();
  readonly #random: Buffer;
  #due: number = HandshakeType.serverHello;
  #hasCookie = false;
  #chosen: Chosen | undefined;
  #peerKey: KeyObject | undefined;
  /** The server's half of the key exchange, once its signature is verified. */
  #peerShare: { readonly group: number; readonly publicKey: Buffer } | undefined;
  #scheme: number | undefined;

  constructor(settings: HandshakeSettings) {
    this.#settings = settings;
    this.#random = settings.random(randomLength);
  }

  /** The first flight. */
  start(): Flight {
    return this.#hello(Buffer.alloc(0));
  }

  #hello(cookie: Buffer): Flight {
    const body = writeClientHello({
      version: dtls12,
      random: this.#random,
      sessionId: Buffer.alloc(0),
      cookie,
      cipherSuites: cipherSuites.map(({ id }) => id),
      compressions: Buffer.of(0),
      extensions: offeredExtensions(this.#settings),
    });
    return { messages: [this.#transcript.write(HandshakeType.clientHello, body)], awaitsAnswer: true };
  }

  receive(message: HandshakeMessage): Flight | undefined {
    if (message.type === HandshakeType.helloVerifyRequest) return this.#receiveVerifyRequest(message);
    if (message.type !== this.#due) throw unexpected(message);
    switch (message.type) {
      case HandshakeType.serverHello:
        this.#receiveHello(message);
        return undefined;
      case HandshakeType.certificate:
        this.#receiveCertificate(message);
        return undefined;
      case HandshakeType.serverKeyExchange:
        this.#receiveKeyExchange(message);
        return undefined;
      case HandshakeType.certificateRequest:
        this.#receiveRequest(message);
        return undefined;
      case HandshakeType.serverHelloDone:
        return this.#receiveHelloDone(message);
      case HandshakeType.finished:
        this.#receiveFinished(message);
        return undefined;
      default:
        throw unexpected(message);
    }
  }

  #receiveVerifyRequest(message: HandshakeMessage): Flight {
    if (this.#due !== HandshakeType.serverHello || this.#hasCookie) throw unexpected(message);
    this.#hasCookie = true;
    const cookie = readHelloVerifyRequest(message.body);
    this.#transcript.restart(1); // RFC 6347 4.2.1: neither the first hello nor this message is hashed
    return this.#hello(cookie);
  }

  #receiveHello(message: HandshakeMessage): void {
    const hello = readServerHello(message.body);
    if (hello.version !== dtls12) {
      throw new HandshakeRefusal(Alert.protocolVersion, 'nothing-in-common', 'the server has no DTLS 1.2');
    }
    const suite = cipherSuites.find(({ id }) => id === hello.cipherSuite);
    if (suite === undefined || hello.compression !== 0) throw notOffered('a cipher suite or compression');
    const offered = offeredExtensions(this.#settings);
    for (const type of hello.extensions.keys()) {
      // RFC 5246 7.4.1.4
      if (!offered.has(type)) {
        throw new HandshakeRefusal(Alert.unsupportedExtension, 'protocol-error', 'an extension that was not offered');
      }
    }
    const renegotiation = hello.extensions.get(ExtensionType.renegotiationInfo);
    if (renegotiation !== undefined && !renegotiation.equals(Buffer.of(0))) {
      throw new HandshakeRefusal(Alert.handshakeFailure, 'protocol-error', 'a renegotiation of nothing'); // RFC 5746 3.4
    }
    const extendedMasterSecret = hello.extensions.has(ExtensionType.extendedMasterSecret);
    if (!extendedMasterSecret && this.#settings.allowLegacyMasterSecret !== true) {
      throw new HandshakeRefusal(Alert.handshakeFailure, 'nothing-in-common', 'no extended master secret');
    }
    this.#chosen = {
      suite,
      serverRandom: hello.random,
      srtpProfile: agreedProfile(this.#settings.srtpProfiles, hello.extensions),
      extendedMasterSecret,
    };
    this.#transcript.log(message);
    this.#due = HandshakeType.certificate;
  }

  #receiveCertificate(message: HandshakeMessage): void {
    const certificate = readCertificate(message.body);
    if (certificate === undefined) {
      throw new HandshakeRefusal(Alert.badCertificate, 'not-mutual', 'the server shows no certificate');
    }
    this.#peerKey = readPeerKey(certificate, this.#settings.peerFingerprints);
    if (signatureKind(this.#peerKey) !== this.#chosen?.suite.signature) {
      throw new HandshakeRefusal(Alert.illegalParameter, 'protocol-error', 'a key that is not for the cipher suite');
    }
    this.#transcript.log(message);
    this.#due = HandshakeType.serverKeyExchange;
  }

  #receiveKeyExchange(message: HandshakeMessage): void {
    if (this.#peerKey === undefined || this.#chosen === undefined) throw unexpected(message);
    const { group, publicKey, params, scheme, signature } = readServerKeyExchange(message.body);
    const signed = Buffer.concat([this.#random, this.#chosen.serverRandom, params]); // RFC 8422 5.4
    checkSignature(scheme, this.#peerKey, signed, signature);
    this.#peerShare = { group, publicKey };
    this.#transcript.log(message);
    this.#due = HandshakeType.certificateRequest;
  }

  #receiveRequest(message: HandshakeMessage): void {
    this.#scheme = findScheme(this.#settings.identity.privateKey, readCertificateRequest(message.body));
    if (this.#scheme === undefined) {
      throw new HandshakeRefusal(Alert.handshakeFailure, 'nothing-in-common', 'no signature scheme');
    }
    this.#transcript.log(message);
    this.#due = HandshakeType.serverHelloDone;
  }

  #receiveHelloDone(message: HandshakeMessage): Flight {
    const chosen = this.#chosen;
    const scheme = this.#scheme;
    const group = groups.find((id) => id === this.#peerShare?.group);
    if (group === undefined) throw notOffered('a curve');
    if (message.body.length > 0 || chosen === undefined || scheme === undefined || this.#peerShare === undefined) {
      throw unexpected(message);
    }
    const transcript = this.#transcript;
    transcript.log(message);
    const { certificate, privateKey } = this.#settings.identity;
    const share = makeKeyShare(group, this.#settings.random);
    const premaster = share.agree(this.#peerShare.publicKey);
    const messages = [
      transcript.write(HandshakeType.certificate, writeCertificate(certificate)),
      transcript.write(HandshakeType.clientKeyExchange, writeClientKeyExchange(share.publicKey)),
    ];
    const { suite, serverRandom } = chosen;
    const hellos = { suite, clientRandom: this.#random, serverRandom };
    this.agreed = agreeOn(chosen, hellos, premaster, transcript);
    const signature = signWith(scheme, privateKey, transcript.bytes()); // RFC 5246 7.4.8
    messages.push(
      transcript.write(HandshakeType.certificateVerify, writeSignature({ scheme, signature })),
      transcript.write(HandshakeType.finished, this.agreed.secrets.verifyData('client', transcript.bytes())),
    );
    this.#due = HandshakeType.finished;
    return { messages, awaitsAnswer: true };
  }

  #receiveFinished(message: HandshakeMessage): void {
    if (this.agreed === undefined) throw unexpected(message);
    checkFinished(message.body, this.agreed.secrets.verifyData('server', this.#transcript.bytes()));
    this.#transcript.restart(0);
    this.#due = -1;
    this.isDone = true;
  }
}

function notOffered(what: string): HandshakeRefusal {
  return new HandshakeRefusal(Alert.illegalParameter, 'protocol-error', `${what} that was not offered`);
}

function offeredExtensions({ srtpProfiles }: HandshakeSettings): Map<number, Buffer> {
  const offered = new Map<number, Buffer>([
    [ExtensionType.renegotiationInfo, Buffer.of(0)], // RFC 5746 3.4
    [ExtensionType.extendedMasterSecret, Buffer.alloc(0)],
    [ExtensionType.supportedGroups, writeNumberList(groups)],
    [ExtensionType.pointFormats, Buffer.of(1, 0)],
    [ExtensionType.signatureAlgorithms, writeNumberList(signatureSchemes)],
  ]);
  if (srtpProfiles.length > 0) {
    offered.set(ExtensionType.useSrtp, writeUseSrtp(srtpProfiles.map(({ id }) => id)));
  }
  return offered;
}

/** RFC 5764 4.1.1: exactly one of those that were offered, without a key identifier. */
function agreedProfile(ours: readonly SrtpProfile[], extensions: Extensions): SrtpProfile | undefined {
  if (ours.length === 0) return undefined;
  const answer = extensions.get(ExtensionType.useSrtp);
  if (answer === undefined) {
    throw new HandshakeRefusal(Alert.handshakeFailure, 'nothing-in-common', 'the server does not do SRTP');
  }
  const [id, ...more] = readUseSrtp(answer);
  const profile = ours.find((known) => known.id === id);
  if (profile === undefined || more.length > 0 || answer.length !== writeUseSrtp([0]).length) {
    throw notOffered('an SRTP profile');
  }
  return profile;
}
