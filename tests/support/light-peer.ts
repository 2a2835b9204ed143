import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { extensionUri } from '../../modules/rtp/peers/header-extensions.ts';
import { type DtlsIdentity, findFingerprint, fingerprintOf, fingerprintText } from '../../wire/dtls/certificate.ts';
import { DtlsConnection } from '../../wire/dtls/connection.ts';
import { classifyDatagram } from '../../wire/rtp/packet.ts';
import { findAttribute } from '../../wire/sdp/attributes.ts';
import { readSdp } from '../../wire/sdp/description.ts';
import { readCandidates, readIceCredentials } from '../../wire/sdp/transport-attributes.ts';
import type { SrtpReceiver, SrtpSender } from '../../wire/srtp/contract.ts';
import { nodeSrtp } from '../../wire/srtp/node-srtp.ts';
import { srtpProfiles } from '../../wire/srtp/profile.ts';
import { StunAttribute, StunMethod } from '../../wire/stun/attributes.ts';
import { shortTermKey } from '../../wire/stun/integrity.ts';
import { readStunMessage, StunMessage } from '../../wire/stun/message.ts';
import { StunWriter } from '../../wire/stun/writer.ts';

/** Payload types and ids of header extensions of the light peer's offers. */
export const lightTypes = { video: 96, rtx: 97, audio: 111 } as const;
export const lightExtensions = { mid: 1, transportSequence: 3 } as const;

/** How often a check is sent until it is answered, and after that: RFC 7675 5.1. */
const checkEvery = 50_000;
const consentEvery = 4_000_000;

/** Monotonic µs. */
export function lightNow(): number {
  return Math.round(performance.now() * 1_000);
}

/**
 * A browser's side of WHIP and WHEP, step by step and light enough for a thousand of them in one process: no timer of its own
 * (`tick` is to be called), one certificate for all, packets untouched until somebody opens them.
 */
export class LightPeer {
  /** Every datagram of SRTP and SRTCP, as it came. */
  onRtp: (bytes: Buffer) => void = () => undefined;
  onRtcp: (bytes: Buffer) => void = () => undefined;
  /** The other end said goodbye, or DTLS failed. */
  ended = false;
  resource = '';
  /** A check was answered. */
  readonly checked: Promise<void>;
  /** There are keys. */
  readonly connected: Promise<void>;
  receiver: SrtpReceiver | undefined;
  readonly #socket: Socket;
  readonly #identity: DtlsIdentity;
  /** Whose fingerprint the offer tells. */
  #claimed: DtlsIdentity;
  readonly #ufrag = randomBytes(3).toString('hex');
  readonly #password = randomBytes(12).toString('hex');
  readonly #stun = new StunMessage();
  #check: () => void = () => undefined;
  #connect: () => void = () => undefined;
  #isChecked = false;
  #wantsDtls = false;
  #nextCheck = Number.POSITIVE_INFINITY;
  #dtls: DtlsConnection | undefined;
  #key: Buffer = Buffer.alloc(0);
  #username = '';
  #port = 0;
  #sender: SrtpSender | undefined;
  #closed = false;

  private constructor(socket: Socket, identity: DtlsIdentity) {
    this.#socket = socket;
    this.#identity = identity;
    this.#claimed = identity;
    this.checked = new Promise((resolve) => {
      this.#check = resolve;
    });
    this.connected = new Promise((resolve) => {
      this.#connect = resolve;
    });
    socket.on('message', (bytes) => this.#receive(bytes));
    socket.on('error', () => undefined);
  }

  /** `address`: its own, of loopback. */
  static async open(identity: DtlsIdentity, address = '127.0.0.1'): Promise<LightPeer> {
    // No look-up for what is an address: it costs each packet a turn of the loop.
    const lookup = (host: string, _options: unknown, found: (error: null, address: string, family: number) => void) =>
      found(null, host, 4);
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20, lookup });
    const listening = once(socket, 'listening');
    socket.bind(0, address);
    await listening;
    return new LightPeer(socket, identity);
  }

  /** Offers the fingerprint of somebody else. */
  claim(identity: DtlsIdentity): void {
    this.#claimed = identity;
  }

  /** One POST; afterwards the peer knows where to go. Rejects with status and problem. */
  async signal(url: string, direction: 'recvonly' | 'sendonly', signal?: AbortSignal): Promise<void> {
    const response = await fetch(url, {
      ...{ method: 'POST', headers: { 'content-type': 'application/sdp' }, body: this.offer(direction) },
      ...(signal === undefined ? {} : { signal }),
    });
    const text = await response.text();
    if (response.status !== 201) throw new Error(`${response.status} ${text}`);
    this.resource = new URL(response.headers.get('location') ?? '', url).href;
    this.accept(text);
  }

  accept(answer: string): void {
    const media = readSdp(answer).media.find(({ port }) => port !== 0);
    if (media === undefined) throw new Error(answer);
    const credentials = readIceCredentials(media);
    const candidate = readCandidates(media).find(
      ({ transport, address }) => transport === 'udp' && address === '127.0.0.1',
    );
    const fingerprint = findFingerprint(findAttribute(media, 'fingerprint') ?? '');
    if (credentials === undefined || candidate === undefined || fingerprint === undefined) throw new Error(answer);
    this.#key = shortTermKey(credentials.password);
    this.#username = `${credentials.ufrag}:${this.#ufrag}`;
    this.#port = candidate.port;
    this.#dtls = new DtlsConnection({
      // RFC 5763 5: the active side says hello.
      role: findAttribute(media, 'setup') === 'active' ? 'server' : 'client',
      ...{ identity: this.#identity, srtpProfiles, random: randomBytes },
      peerFingerprints: [fingerprint],
    });
  }

  /** Checks, again and again. */
  startChecks(): void {
    this.#nextCheck = 0;
    this.tick();
  }

  /** Checks, and says hello when one is answered. */
  start(): void {
    this.#wantsDtls = true;
    this.startChecks();
  }

  /** What time brings: to be called every few milliseconds. */
  tick(): void {
    if (this.#closed) return;
    const now = lightNow();
    if (now >= this.#nextCheck) {
      this.#nextCheck = now + (this.#isChecked ? consentEvery : checkEvery);
      this.#sendCheck();
    }
    if (this.#sender === undefined && this.#dtls !== undefined) {
      this.#dtls.tick(now);
      this.#flush();
    }
  }

  /** Protects a copy. */
  sendRtp(packet: Buffer): void {
    this.#sendProtected(packet, 'protectRtp', this.#sender?.rtpOverhead ?? 0);
  }

  sendRtcp(compound: Buffer): void {
    this.#sendProtected(compound, 'protectRtcp', this.#sender?.rtcpOverhead ?? 0);
  }

  async delete(): Promise<void> {
    const answer = await fetch(this.resource, { method: 'DELETE' });
    await answer.arrayBuffer();
  }

  /** Says goodbye in DTLS. */
  hangUp(): void {
    this.#dtls?.close();
    this.#flush();
  }

  /** Goes without a word. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  offer(direction: 'recvonly' | 'sendonly'): string {
    const { video, rtx, audio } = lightTypes;
    const { mid, transportSequence } = lightExtensions;
    const fingerprint = fingerprintText(fingerprintOf(this.#claimed.certificate));
    const common = [
      ...[`a=ice-ufrag:${this.#ufrag}`, `a=ice-pwd:${this.#password}`, `a=fingerprint:${fingerprint}`],
      ...['a=setup:actpass', 'a=rtcp-mux', `a=${direction}`, 'c=IN IP4 0.0.0.0'],
      ...[`a=extmap:${mid} ${extensionUri.mid}`, `a=extmap:${transportSequence} ${extensionUri.transportSequence}`],
    ];
    return [
      ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1'],
      ...[`m=video 9 UDP/TLS/RTP/SAVPF ${video} ${rtx}`, 'a=mid:0', ...common, `a=rtpmap:${video} H264/90000`],
      `a=fmtp:${video} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f`,
      ...['transport-cc', 'nack', 'nack pli', 'ccm fir'].map((value) => `a=rtcp-fb:${video} ${value}`),
      ...[`a=rtpmap:${rtx} rtx/90000`, `a=fmtp:${rtx} apt=${video}`],
      ...[`m=audio 9 UDP/TLS/RTP/SAVPF ${audio}`, 'a=mid:1', ...common, `a=rtpmap:${audio} opus/48000/2`],
      ...[`a=rtcp-fb:${audio} transport-cc`, ''],
    ].join('\r\n');
  }

  #sendCheck(): void {
    this.#send(
      new StunWriter('request', StunMethod.binding, randomBytes(12))
        .text(StunAttribute.username, this.#username)
        .number(StunAttribute.priority, 1_853_824_767)
        .bytes(StunAttribute.iceControlling, randomBytes(8))
        .bytes(StunAttribute.useCandidate)
        .integrity(this.#key)
        .fingerprint()
        .finish(),
    );
  }

  #sendProtected(packet: Buffer, how: 'protectRtp' | 'protectRtcp', overhead: number): void {
    if (this.#sender === undefined) return;
    const bytes = Buffer.allocUnsafe(packet.length + overhead);
    packet.copy(bytes);
    const length = this.#sender[how](bytes, packet.length);
    if (length > 0) this.#send(bytes.subarray(0, length));
  }

  #receive(bytes: Buffer): void {
    switch (classifyDatagram(bytes)) {
      case 'rtp':
        this.onRtp(bytes);
        break;
      case 'rtcp':
        this.onRtcp(bytes);
        break;
      case 'dtls':
        this.#dtls?.receive(bytes, lightNow());
        this.#flush();
        break;
      case 'stun':
        this.#receiveStun(bytes);
        break;
      default:
    }
  }

  #receiveStun(bytes: Buffer): void {
    const message = this.#stun;
    if (!readStunMessage(bytes, message) || message.messageClass !== 'success' || this.#isChecked) return;
    this.#isChecked = true;
    this.#nextCheck = lightNow() + consentEvery;
    this.#check();
    if (!this.#wantsDtls) return;
    this.#dtls?.start(lightNow());
    this.#flush();
  }

  #flush(): void {
    for (const bytes of this.#dtls?.takeDatagrams() ?? []) this.#send(bytes);
    for (const event of this.#dtls?.takeEvents() ?? []) {
      if (event.kind === 'connected' && event.srtp !== undefined) {
        this.receiver = nodeSrtp.openReceiver(event.srtp.receive);
        this.#sender = nodeSrtp.openSender(event.srtp.send);
        this.#connect();
      } else if (event.kind === 'closed' || event.kind === 'failed') this.ended = true;
    }
  }

  #send(bytes: Buffer): void {
    if (!this.#closed) this.#socket.send(bytes, this.#port, '127.0.0.1');
  }
}
