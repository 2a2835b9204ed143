import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import type { LocalPeer, PeerFingerprint, RemotePeer } from '../../modules/rtp/contract.ts';
import { type DtlsIdentity, findFingerprint, fingerprintOf, fingerprintText } from '../../wire/dtls/certificate.ts';
import { DtlsConnection, type DtlsEvent, type DtlsSettings } from '../../wire/dtls/connection.ts';
import { classifyDatagram } from '../../wire/rtp/packet.ts';
import type { SrtpReceiver, SrtpSender } from '../../wire/srtp/contract.ts';
import { nodeSrtp } from '../../wire/srtp/node-srtp.ts';
import { findSrtpProfile, type SrtpProfile, type SrtpProfileName } from '../../wire/srtp/profile.ts';
import { StunAttribute, StunMethod } from '../../wire/stun/attributes.ts';
import { shortTermKey } from '../../wire/stun/integrity.ts';
import { readStunMessage, StunMessage } from '../../wire/stun/message.ts';
import { StunWriter } from '../../wire/stun/writer.ts';
import { makeIdentity } from '../vectors/dtls/association.ts';
import { waitFor } from './wait-for.ts';

/** What carries the bytes of the test peer. */
export interface TestWay {
  readonly protocol: 'udp' | 'tcp';
  send(bytes: Buffer): void;
  close(): void;
  /** Stops reading, and goes on; where the other end notices. */
  pause?(): void;
  resume?(): void;
  onPacket: (bytes: Buffer) => void;
  /** The connection has ended; never for UDP. */
  readonly ended: boolean;
}

/** A socket of UDP that talks to one address alone. */
export async function openUdpWay(address: string, port: number): Promise<TestWay> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  // Of a connected socket each datagram leaves within the call: what was sent just before `close` arrives.
  socket.connect(port, address);
  await once(socket, 'connect');
  socket.on('error', () => undefined); // a port that is closed by now
  const way: TestWay = {
    protocol: 'udp',
    send: (bytes) => socket.send(bytes),
    close: () => socket.close(),
    onPacket: () => undefined,
    ended: false,
  };
  socket.on('message', (bytes) => way.onPacket(bytes));
  return way;
}

/** A connection with frames of RFC 4571. */
export async function openTcpWay(address: string, port: number): Promise<TestWay & { pause(): void; resume(): void }> {
  const socket = connectTcp({ host: address, port });
  await once(socket, 'connect');
  let rest = Buffer.alloc(0);
  let ended = false;
  socket.on('error', () => undefined);
  socket.on('close', () => {
    ended = true;
  });
  const way = {
    protocol: 'tcp' as const,
    send: (bytes: Buffer): void => {
      const head = Buffer.alloc(2);
      head.writeUInt16BE(bytes.length);
      socket.write(Buffer.concat([head, bytes]));
    },
    close: () => void socket.destroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    onPacket: (_bytes: Buffer): void => undefined,
    get ended() {
      return ended;
    },
  };
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const packet = rest.subarray(2, 2 + rest.readUInt16BE(0));
      rest = rest.subarray(2 + packet.length);
      way.onPacket(packet);
    }
  });
  return way;
}

export interface IcePeerOptions {
  /** What the peer offers; `actpass` when absent. */
  readonly setup?: RemotePeer['setup'];
  readonly profiles?: readonly SrtpProfileName[];
  readonly identity?: DtlsIdentity;
  /** Told in signalling in place of the identity's own. */
  readonly fingerprints?: readonly PeerFingerprint[];
}

export interface CheckOptions {
  readonly nominate?: boolean;
  readonly priority?: number;
  readonly role?: 'controlling' | 'controlled';
  readonly username?: string;
  readonly password?: string;
  readonly fingerprint?: 'good' | 'bad' | 'absent';
  readonly integrity?: 'good' | 'absent';
  /** More attributes, by type. */
  readonly extra?: readonly number[];
}

export interface CheckAnswer {
  /** Bytes of its message. */
  readonly length: number;
  readonly kind: string;
  readonly code: number | undefined;
  readonly mapped: { readonly address: string; readonly port: number } | undefined;
}

/** A browser's side of a transport: ICE that controls, DTLS of either role, SRTP. It does nothing that it is not told to. */
export class IcePeer {
  /** For `open`. */
  readonly remote: RemotePeer;
  readonly identity: DtlsIdentity;
  readonly rtp: Buffer[] = [];
  readonly rtcp: Buffer[] = [];
  /** Application data of DTLS. */
  readonly data: Buffer[] = [];
  /** How DTLS went. */
  readonly events: DtlsEvent[] = [];
  onRtp: (packet: Buffer) => void = (packet) => this.rtp.push(packet);
  onRtcp: (compound: Buffer) => void = (compound) => this.rtcp.push(compound);
  /** What came of SRTP, before it was opened; for replays. */
  onProtected: (bytes: Buffer) => void = () => undefined;
  /** DTLS is over: the other end said goodbye, or it failed. */
  onEnd: () => void = () => undefined;
  way: TestWay | undefined;
  sender: SrtpSender | undefined;
  receiver: SrtpReceiver | undefined;
  readonly #profiles: readonly SrtpProfile[];
  readonly #waiting = new Map<string, (answer: CheckAnswer) => void>();
  readonly #ways: TestWay[] = [];
  #local: LocalPeer | undefined;
  #dtls: DtlsConnection | undefined;

  private constructor(identity: DtlsIdentity, { setup = 'actpass', profiles, fingerprints }: IcePeerOptions) {
    const [hash = '', value = ''] = fingerprintText(fingerprintOf(identity.certificate)).split(' ');
    this.identity = identity;
    this.remote = {
      ufrag: randomBytes(3).toString('hex'),
      password: randomBytes(12).toString('hex'),
      fingerprints: fingerprints ?? [{ hash, value }],
      setup,
    };
    const names = profiles ?? (['AEAD_AES_128_GCM', 'AES_CM_128_HMAC_SHA1_80'] as const);
    this.#profiles = names.flatMap((name) => findSrtpProfile(name) ?? []);
  }

  static async make(options: IcePeerOptions = {}): Promise<IcePeer> {
    return new IcePeer(options.identity ?? (await makeIdentity('browser')), options);
  }

  /** The answer. */
  get local(): LocalPeer {
    assert.ok(this.#local !== undefined, 'meet() first');
    return this.#local;
  }

  /** Takes the answer: whom to talk to. */
  meet(local: LocalPeer): void {
    this.#local = local;
  }

  /** Opens a way to a candidate of the answer; packets go there from now on. */
  async open(protocol: 'udp' | 'tcp' = 'udp'): Promise<TestWay> {
    const candidate = this.local.candidates.map((line) => line.split(' ')).find((words) => words[2] === protocol);
    const [address, port] = [candidate?.[4], candidate?.[5]];
    assert.ok(address !== undefined && port !== undefined, `no candidate of ${protocol}`);
    const way = await (protocol === 'udp' ? openUdpWay : openTcpWay)(address, Number(port));
    this.#ways.push(way);
    way.onPacket = (bytes) => this.#receive(bytes, way);
    this.way = way;
    return way;
  }

  /** All of it: a way, a nominating check, DTLS, keys. */
  async connect(local: LocalPeer, protocol: 'udp' | 'tcp' = 'udp'): Promise<void> {
    this.meet(local);
    await this.open(protocol);
    await this.check();
    this.startDtls();
    await waitFor('keys', () => this.sender !== undefined);
  }

  /** Sends one check and gives its answer. */
  check(options: CheckOptions = {}, way = this.way): Promise<CheckAnswer> {
    const { bytes, transaction } = this.makeCheck(options);
    return new Promise((resolve) => {
      this.#waiting.set(transaction, resolve);
      way?.send(bytes);
    });
  }

  makeCheck(options: CheckOptions = {}): { bytes: Buffer; transaction: string } {
    const { ufrag, password } = this.local;
    const { nominate = true, role = 'controlling', priority = 1_845_501_695, extra = [] } = options;
    const transaction = randomBytes(12);
    const writer = new StunWriter('request', StunMethod.binding, transaction)
      .text(StunAttribute.username, options.username ?? `${ufrag}:${this.remote.ufrag}`)
      .number(StunAttribute.priority, priority)
      .tieBreaker(role === 'controlling' ? StunAttribute.iceControlling : StunAttribute.iceControlled, 77n);
    if (nominate) writer.bytes(StunAttribute.useCandidate);
    for (const type of extra) writer.bytes(type, Buffer.alloc(4));
    if (options.integrity !== 'absent') writer.integrity(shortTermKey(options.password ?? password));
    if (options.fingerprint !== 'absent') writer.fingerprint();
    const bytes = Buffer.from(writer.finish());
    if (options.fingerprint === 'bad') bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    return { bytes, transaction: transaction.toString('hex') };
  }

  /** Says hello when the server is passive; else waits for its hello. */
  startDtls(settings: Partial<DtlsSettings> = {}): DtlsConnection {
    const { fingerprint, setup } = this.local;
    const expected = findFingerprint(`${fingerprint.hash} ${fingerprint.value}`);
    assert.ok(expected !== undefined);
    const dtls = new DtlsConnection({
      role: setup === 'passive' ? 'client' : 'server',
      identity: this.identity,
      peerFingerprints: [expected],
      srtpProfiles: this.#profiles,
      random: randomBytes,
      ...settings,
    });
    this.#dtls = dtls;
    dtls.start(0);
    this.#flush();
    return dtls;
  }

  sendRtp(packet: Buffer): Buffer {
    const { sender } = this;
    assert.ok(sender !== undefined, 'no keys yet');
    const bytes = Buffer.alloc(packet.length + sender.rtpOverhead);
    packet.copy(bytes);
    const protectedBytes = bytes.subarray(0, sender.protectRtp(bytes, packet.length));
    this.way?.send(protectedBytes);
    return protectedBytes;
  }

  sendRtcp(compound: Buffer): Buffer {
    const { sender } = this;
    assert.ok(sender !== undefined, 'no keys yet');
    const bytes = Buffer.alloc(compound.length + sender.rtcpOverhead);
    compound.copy(bytes);
    const protectedBytes = bytes.subarray(0, sender.protectRtcp(bytes, compound.length));
    this.way?.send(protectedBytes);
    return protectedBytes;
  }

  sendData(bytes: Buffer): void {
    assert.ok(this.#dtls?.send(bytes), 'not connected');
    this.#flush();
  }

  /** Says goodbye in DTLS. */
  hangUp(): void {
    this.#dtls?.close();
    this.#flush();
  }

  close(): void {
    for (const way of this.#ways.splice(0)) way.close();
  }

  #receive(bytes: Buffer, way: TestWay): void {
    const kind = classifyDatagram(bytes);
    if (kind === 'stun') this.#receiveStun(bytes);
    else if (kind === 'dtls') {
      this.#dtls?.receive(bytes, 0);
      this.#flush(way);
    } else if (kind === 'rtp' || kind === 'rtcp') {
      this.onProtected(Buffer.from(bytes));
      const length = (kind === 'rtp' ? this.receiver?.unprotectRtp(bytes) : this.receiver?.unprotectRtcp(bytes)) ?? -1;
      if (length > 0) (kind === 'rtp' ? this.onRtp : this.onRtcp)(bytes.subarray(0, length));
    }
  }

  #receiveStun(bytes: Buffer): void {
    const message = new StunMessage();
    if (!readStunMessage(bytes, message)) return;
    const transaction = message.transaction.toString('hex');
    const answer = this.#waiting.get(transaction);
    this.#waiting.delete(transaction);
    answer?.({
      length: bytes.length,
      kind: message.messageClass,
      code: message.findErrorCode()?.code,
      mapped: message.findAddress(StunAttribute.xorMappedAddress),
    });
  }

  #flush(way = this.way): void {
    for (const bytes of this.#dtls?.takeDatagrams() ?? []) way?.send(bytes);
    for (const event of this.#dtls?.takeEvents() ?? []) {
      this.events.push(event);
      if (event.kind === 'received') this.data.push(event.bytes);
      if (event.kind === 'closed' || event.kind === 'failed') this.onEnd();
      if (event.kind !== 'connected' || event.srtp === undefined) continue;
      this.receiver = nodeSrtp.openReceiver(event.srtp.receive);
      this.sender = nodeSrtp.openSender(event.srtp.send);
    }
  }
}
