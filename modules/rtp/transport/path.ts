import type { Buffer } from 'node:buffer';

/** Hears what comes on its ways. */
export interface PathOwner {
  receive(kind: 'dtls' | 'rtp' | 'rtcp', bytes: Buffer, path: PeerPath): void;
  /** The way is gone: its connection ended, or another peer has it now. */
  losePath(path: PeerPath): void;
}

/** What sends for one or many ways. */
export interface Carrier {
  /** Part of a round: it has been written to since its last `flush`. */
  touched: boolean;
  /** Ends a round of `queue`. False while the memory that was queued is still needed. */
  flush(): boolean;
}

/** The way to a peer: a 5-tuple on which a check of ICE has passed, with what ICE knows of it. */
export abstract class PeerPath {
  abstract readonly protocol: 'udp' | 'tcp';
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  /** Of our candidate, RFC 8445 5.1.2. */
  readonly localPriority: number;
  abstract readonly carrier: Carrier;
  /** The peer whose credentials passed last. */
  owner: PathOwner | undefined;
  /** PRIORITY of the newest check: that of the peer's candidate as peer-reflexive (RFC 8445 7.1.1). */
  remotePriority = 0;
  /** Checks that have passed. */
  checks = 0;
  /** When the last one passed, and the last with USE-CANDIDATE; our monotonic time. */
  checkedAt = Number.NEGATIVE_INFINITY;
  nominatedAt = Number.NEGATIVE_INFINITY;
  /** Whether the last check had USE-CANDIDATE. */
  nominating = false;

  constructor(remote: { address: string; port: number }, local: { address: string; priority: number }) {
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    this.localAddress = local.address;
    this.localPriority = local.priority;
  }

  /** Bytes that wait because the connection takes no more; 0 for UDP. */
  abstract readonly backlog: number;
  /** Sends at once. `bytes` must not be changed any more. */
  abstract send(bytes: Buffer): void;
  /** As `send`, in a round that the carrier's `flush` ends. False when the packet was dropped. */
  abstract queue(memory: Buffer, start: number, length: number): boolean;
  /** Forgets the way. */
  abstract close(): void;

  /** RFC 8445 6.1.2.3: the priority of the pair, as which of two is higher; the peer controls. */
  outranks(other: PeerPath): boolean {
    const least = Math.min(this.localPriority, this.remotePriority);
    const otherLeast = Math.min(other.localPriority, other.remotePriority);
    if (least !== otherLeast) return least > otherLeast;
    return Math.max(this.localPriority, this.remotePriority) > Math.max(other.localPriority, other.remotePriority);
  }

  describe(): string {
    return `${this.protocol} ${this.remoteAddress} ${this.remotePort}`;
  }
}
