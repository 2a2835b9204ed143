import type { CloseCode, CloseReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { type Clock, every } from '../../core/time/clock.ts';
import { type Micros, micros, toSeconds } from '../../core/time/micros.ts';
import type { LocalPeer, PeerTransport, RemotePeer } from '../rtp/contract.ts';
import type { WebRtcFailure, WebRtcPeer } from './contract.ts';
import type { PeerRole, WebRtcCounters } from './metrics.ts';

export interface PeerDependencies {
  readonly answer: string;
  readonly transport: PeerTransport;
  /** The user fragment of the offer. */
  readonly remoteUfrag: string;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly counters: WebRtcCounters;
  /** Bytes of video so far. */
  readonly videoBytes: () => number;
}

/** What the end of a peer means for its stream: after these a publisher may come back and find its viewers. */
const closeCodes: Readonly<Record<WebRtcFailure, CloseCode>> = {
  'ice-timeout': 'timeout',
  'ice-error': 'failed',
  'ice-keep-alive': 'timeout',
  'dtls-error': 'failed',
  'dtls-fingerprint': 'protocol-violation',
  'no-media': 'timeout',
};

/** A peer connection that was answered: its transport comes about, or says what kept it. */
export class Peer implements WebRtcPeer {
  readonly role: PeerRole;
  readonly answer: string;
  readonly connected: Promise<WebRtcFailure | undefined>;
  readonly scope: Scope;
  readonly #dependencies: PeerDependencies;
  #remoteUfrag: string;
  #noMedia = false;
  #isConnected = false;

  constructor(role: PeerRole, dependencies: PeerDependencies) {
    const { answer, transport, scope, counters } = dependencies;
    this.role = role;
    this.answer = answer;
    this.scope = scope;
    this.#dependencies = dependencies;
    this.#remoteUfrag = dependencies.remoteUfrag;
    counters.answered[role] += 1;
    counters.peers[role] += 1;
    scope.defer(() => {
      counters.peers[role] -= 1;
      if (this.failure !== undefined) counters.countFailure(this.failure);
    });
    this.connected = this.#connect();
    transport.scope.defer((reason) => void scope.close(this.#reasonFor(reason)));
  }

  get failure(): WebRtcFailure | undefined {
    return this.#noMedia ? 'no-media' : this.#dependencies.transport.failure;
  }

  get videoBytes(): number {
    return this.#dependencies.videoBytes();
  }

  /** The other end's user fragment as it is now. */
  get remoteUfrag(): string {
    return this.#remoteUfrag;
  }

  /** ICE restart (RFC 8445 2.4). */
  async restart(remote: Pick<RemotePeer, 'ufrag' | 'password'>): Promise<LocalPeer> {
    const { transport, counters } = this.#dependencies;
    const local = await transport.restart(remote);
    this.#remoteUfrag = remote.ufrag;
    counters.iceRestarts += 1;
    return local;
  }

  /** A publisher that is connected and sends nothing for `patience` is cut. */
  expectMedia(patience: Micros, lastMedia: () => Micros): void {
    const { scope, clock } = this.#dependencies;
    let since = clock.now();
    let wasConnected = false;
    every(scope, clock, micros(patience / 4), () => {
      // The transport has a patience of its own.
      if (!this.#isConnected) return;
      if (!wasConnected) since = clock.now();
      wasConnected = true;
      if (clock.now() - Math.max(since, lastMedia()) < patience) return;
      this.#noMedia = true;
      void scope.close({ code: closeCodes['no-media'], detail: 'the publisher sends no media' });
    });
  }

  inspect(): Record<string, unknown> {
    return { role: this.role, connected: this.#isConnected, transport: this.#dependencies.transport.inspect() };
  }

  async #connect(): Promise<WebRtcFailure | undefined> {
    const { transport, scope, clock, counters } = this.#dependencies;
    const answeredAt = clock.now();
    const failure = await transport.connected;
    if (failure !== undefined) {
      await scope.close({ code: closeCodes[failure], detail: failure });
      return failure;
    }
    this.#isConnected = true;
    counters.noteConnected(toSeconds(micros(clock.now() - answeredAt)));
    return undefined;
  }

  #reasonFor(reason: CloseReason): CloseReason {
    const { failure } = this;
    return failure === undefined ? reason : { code: closeCodes[failure], detail: failure };
  }
}
