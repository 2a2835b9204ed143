import { Buffer } from 'node:buffer';
import type { Scope } from '../../../core/lifecycle/scope.ts';
import type { Log } from '../../../core/observe/log.ts';
import { afterIn, type Clock } from '../../../core/time/clock.ts';
import { type Micros, micros } from '../../../core/time/micros.ts';
import { findFingerprint } from '../../../wire/dtls/certificate.ts';
import type { DtlsFailure } from '../../../wire/dtls/codes.ts';
import type { SrtpReceiver, SrtpSender } from '../../../wire/srtp/contract.ts';
import type { SrtpKeyPair } from '../../../wire/srtp/keys.ts';
import type { LocalPeer, PeerFailure, PeerTransport, PeerTransportRequest } from '../contract.ts';
import type { PacketCopies, PacketHearing, PacketTransport } from '../peers/packet-transport.ts';
import { DtlsChannel, type DtlsHearing } from './dtls-channel.ts';
import type { PeerEngines } from './engines.ts';
import { IceAgent, type UfragBook } from './ice-agent.ts';
import type { PeerIdentity } from './identity.ts';
import type { PeerCounters } from './metrics.ts';
import type { Outbox } from './outbox.ts';
import type { PathOwner, PeerPath } from './path.ts';

/** Where a peer is told to find us. */
export interface ToldAddresses {
  /** Values of `a=candidate`, and the first of them. */
  readonly candidates: readonly string[];
  readonly address: string;
  readonly port: number;
}

export interface TransportSettings {
  /** How long the first check, and behind it the handshake, may take. */
  readonly timeout: Micros;
  /** How long the peer may go without a check: RFC 7675 5.1. */
  readonly keepAlive: Micros;
  readonly told: ToldAddresses;
}

export interface TransportDependencies {
  readonly clock: Clock;
  readonly log: Log;
  /** The transport's own. */
  readonly scope: Scope;
  readonly engines: PeerEngines;
  readonly identity: PeerIdentity;
  readonly ufrags: UfragBook;
  readonly outbox: Outbox;
  readonly counters: PeerCounters;
  /** As they are by now. */
  readonly findAddresses: () => Promise<ToldAddresses>;
}

/** Until somebody wants what comes. */
const nobody: PacketHearing = { onConnected: () => undefined, onRtp: () => undefined, onRtcp: () => undefined };

/** One peer: checks, then a handshake, then packets. */
export class Transport implements PeerTransport, PacketTransport, PathOwner, DtlsHearing {
  readonly scope: Scope;
  readonly connected: Promise<PeerFailure | undefined>;
  readonly #settings: TransportSettings;
  readonly #d: TransportDependencies;
  readonly #role: 'client' | 'server';
  readonly #agent: IceAgent;
  #told: ToldAddresses;
  readonly #dtls: DtlsChannel;
  #failure: PeerFailure | undefined;
  #onData: (bytes: Buffer) => void = () => undefined;
  #profile: string | undefined;
  #settle: (failure: PeerFailure | undefined) => void = () => undefined;
  #hearing = nobody;
  #checked = false;
  #sender: SrtpSender | undefined;
  #receiver: SrtpReceiver | undefined;

  constructor({ remote }: PeerTransportRequest, settings: TransportSettings, dependencies: TransportDependencies) {
    this.#settings = settings;
    this.#told = settings.told;
    this.#d = dependencies;
    const { clock, scope, engines, identity, ufrags } = dependencies;
    this.scope = scope;
    this.connected = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#role = remote.setup === 'passive' ? 'client' : 'server'; // RFC 5763 5
    this.#agent = new IceAgent({ clock, ufrags, owner: this, onCheck: () => this.#begin() });
    this.#dtls = new DtlsChannel(
      {
        role: this.#role,
        identity: identity.dtls,
        peerFingerprints: remote.fingerprints.flatMap(({ hash, value }) => findFingerprint(`${hash} ${value}`) ?? []),
      },
      { driver: engines.dtls, clock, scope, send: (bytes) => this.#agent.path?.send(bytes), hearing: this },
    );
    scope.defer(() => this.#end());
    afterIn(scope, clock, settings.timeout, () => {
      if (!this.#checked) this.#fail('ice-timeout', 'no check has passed');
    });
  }

  get failure(): PeerFailure | undefined {
    return this.#failure;
  }

  get local(): LocalPeer {
    const { ufrag, password } = this.#agent.credentials;
    const setup = this.#role === 'client' ? 'active' : 'passive';
    return { ufrag, password, fingerprint: this.#d.identity.fingerprint, setup, ...this.#told };
  }

  get backlog(): number {
    return this.#agent.path?.backlog ?? 0;
  }

  /** The peer's new credentials are not needed: we send no checks, and those that come prove themselves by ours. */
  async restart(): Promise<LocalPeer> {
    this.#told = await this.#d.findAddresses();
    if (!this.scope.closed) this.#agent.restart();
    return this.local;
  }

  listen(hearing: PacketHearing): void {
    this.#hearing = hearing;
    if (this.#sender !== undefined) hearing.onConnected();
  }

  sendRtp(header: Buffer, headerLength: number, payload: Buffer, copies?: PacketCopies): number {
    const { path } = this.#agent;
    if (this.#sender === undefined || path === undefined) return 0;
    const size = this.#d.outbox.add(this.#sender, path, header, headerLength, payload);
    if (copies !== undefined && size > 0) this.#d.outbox.keepLast(copies);
    return size;
  }

  resendRtp(bytes: Buffer): number {
    const { path } = this.#agent;
    if (this.#sender === undefined || path === undefined) return 0;
    const { counters } = this.#d;
    path.send(bytes);
    counters.packetsOut += 1;
    counters.bytesOut += bytes.length;
    return bytes.length;
  }

  sendRtcp(compound: Buffer): void {
    const { path } = this.#agent;
    const sender = this.#sender;
    if (sender === undefined || path === undefined) return;
    const bytes = Buffer.allocUnsafe(compound.length + sender.rtcpOverhead);
    compound.copy(bytes);
    const length = sender.protectRtcp(bytes, compound.length);
    if (length > 0) path.send(bytes.subarray(0, length));
    else this.#d.counters.refusePacket(length);
  }

  flush(): void {
    this.#d.outbox.flush();
  }

  /** Hears application data of DTLS: packets of SCTP, for data channels. */
  listenData(hear: (bytes: Buffer) => void): void {
    this.#onData = hear;
  }

  /** Sends application data of DTLS. False, and nothing sent, when media cannot flow. */
  sendData(bytes: Buffer): boolean {
    return !this.scope.closed && this.#dtls.send(bytes);
  }

  receive(kind: 'dtls' | 'rtp' | 'rtcp', bytes: Buffer): void {
    if (this.scope.closed) return;
    try {
      if (kind === 'dtls') this.#dtls.receive(bytes);
      else this.#receiveMedia(kind, bytes);
    } catch (error) {
      // A fault of ours that one peer's packets bring to light must not end the others, who share the socket.
      this.#d.log.error('Reading a browser failed.', { error, ...this.inspect() });
      void this.scope.close({ code: 'failed', error });
    }
  }

  #receiveMedia(kind: 'rtp' | 'rtcp', bytes: Buffer): void {
    const { counters, clock } = this.#d;
    const receiver = this.#receiver;
    if (receiver === undefined) {
      counters.early += 1;
      return;
    }
    const length = kind === 'rtp' ? receiver.unprotectRtp(bytes) : receiver.unprotectRtcp(bytes);
    if (length <= 0) {
      // What is not authentic may be anybody's: it is counted and changes nothing.
      counters.refusePacket(length);
      return;
    }
    counters.packetsIn += 1;
    counters.bytesIn += bytes.length;
    if (kind === 'rtp') this.#hearing.onRtp(bytes.subarray(0, length), clock.now());
    else this.#hearing.onRtcp(bytes.subarray(0, length), clock.now());
  }

  losePath(path: PeerPath): void {
    this.#agent.lose(path);
  }

  onKeys(keys: SrtpKeyPair): void {
    const { engines, counters } = this.#d;
    this.#profile = keys.send.profile.name;
    this.#sender = engines.srtp.openSender(keys.send);
    this.#receiver = engines.srtp.openReceiver(keys.receive);
    counters.connected += 1;
    this.#settle(undefined);
    this.#hearing.onConnected();
  }

  onData(bytes: Buffer): void {
    this.#onData(bytes);
  }

  onClosed(): void {
    void this.scope.close({ code: 'peer-left' });
  }

  onFailed(reason: DtlsFailure, text: string): void {
    this.#fail(reason === 'fingerprint-mismatch' ? 'dtls-fingerprint' : 'dtls-error', text);
  }

  inspect(): Record<string, unknown> {
    const { path, paths, lastCheck } = this.#agent;
    const running = this.#sender === undefined ? (this.#checked ? 'handshake' : 'waiting for checks') : 'connected';
    const silent = lastCheck === undefined ? undefined : Math.round((this.#d.clock.now() - lastCheck) / 1_000);
    return {
      state: this.#failure ?? running,
      path: path?.describe(),
      paths: paths.size,
      role: this.#role,
      srtp: this.#profile,
      refused: this.#receiver?.refused,
      backlog: this.backlog,
      ...(silent === undefined ? {} : { lastCheckMillisAgo: silent }),
    };
  }

  /** A check has passed. */
  #begin(): void {
    if (this.#checked) return;
    this.#checked = true;
    const { timeout, keepAlive } = this.#settings;
    afterIn(this.scope, this.#d.clock, timeout, () => {
      if (this.#sender === undefined) this.#fail('dtls-error', 'the handshake did not end');
    });
    this.#watchConsent(keepAlive);
    this.#dtls.start();
  }

  /** RFC 7675 5.1: whoever does not ask for it any more is sent nothing. */
  #watchConsent(wait: Micros): void {
    const { clock } = this.#d;
    const { keepAlive } = this.#settings;
    afterIn(this.scope, clock, wait, () => {
      const silence = clock.now() - (this.#agent.lastCheck ?? 0);
      if (silence >= keepAlive) this.#fail('ice-keep-alive', 'no more checks');
      else this.#watchConsent(micros(keepAlive - silence));
    });
  }

  #fail(failure: PeerFailure, why: string): void {
    if (this.#failure !== undefined || this.scope.closed) return;
    this.#failure = failure;
    this.#d.counters.failures[failure] += 1;
    this.#d.log.debug('A browser is lost.', { failure, why });
    void this.scope.close({ code: failure.startsWith('ice') ? 'timeout' : 'failed', detail: why });
  }

  #end(): void {
    if (this.#sender !== undefined) this.#d.counters.connected -= 1;
    this.#d.outbox.flush();
    this.#dtls.close();
    this.#sender = undefined;
    this.#receiver = undefined;
    this.#agent.close();
    this.#settle(this.#failure ?? 'ice-error');
  }
}
