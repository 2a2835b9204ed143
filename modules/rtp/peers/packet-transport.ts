import type { Buffer } from 'node:buffer';
import type { Scope } from '../../../core/lifecycle/scope.ts';
import type { Micros } from '../../../core/time/micros.ts';

/** Who gets what comes from a peer. Nothing is told before its DTLS handshake is through and its fingerprint was right. */
export interface PacketHearing {
  /** Media can flow. Told once; at once when it could already. */
  onConnected(): void;
  /** One RTP packet that has been authenticated and decrypted. The bytes belong to the hearer. */
  onRtp(bytes: Buffer, arrival: Micros): void;
  /** One compound RTCP packet, likewise. */
  onRtcp(bytes: Buffer, arrival: Micros): void;
}

/** Keeps packets as they go over the wire. */
export interface PacketCopies {
  /** A protected packet: `length` bytes of a memory that is used again. */
  keep(memory: Buffer, start: number, length: number): void;
}

/** What carries a peer's packets, protected. `PeerTransport`s of this plane are these. */
export interface PacketTransport {
  readonly scope: Scope;
  /** Bytes that wait because the peer's connection (ICE-TCP) takes no more; always 0 for UDP. */
  readonly backlog: number;
  /** At most one hearer: the ingest or playback of this transport. */
  listen(hearing: PacketHearing): void;
  /**
   * Queues an RTP packet: the first `headerLength` bytes of `header` (with extensions) and `payload` are copied. Each
   * sequence number of a source is protected once (`wire/srtp`); `copies` gets the result. Returns its size on the wire, 0 when it
   * could not be sent.
   */
  sendRtp(header: Buffer, headerLength: number, payload: Buffer, copies?: PacketCopies): number;
  /** Sends at once what `copies` were given, unchanged; the bytes belong to the transport. Returns its size on the wire, 0 as above. */
  resendRtp(bytes: Buffer): number;
  /** Queues a compound RTCP packet. */
  sendRtcp(compound: Buffer): void;
  /** Protects and sends what was queued, in one go. */
  flush(): void;
}
