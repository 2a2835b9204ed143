import type { Buffer } from 'node:buffer';
import type { SrtpKeys } from './keys.ts';

/**
 * Why a packet was not protected or unprotected, as the negative number that is returned in place of a length. Packets
 * are refused by the thousand, so a refusal is neither an object nor thrown.
 */
export const SrtpRefusal = {
  /** No RTP or RTCP packet, or too short for its tag. */
  malformed: -1,
  /** Seen before, or older than the window of 128 packets. When sending: this sequence number was used before. */
  replayed: -2,
  /** The tag is not right. */
  forged: -3,
  /** A new source, though there are as many as a context keeps. */
  tooManySources: -4,
  /** RFC 3711 9.2: the key has protected as many packets as it may. */
  exhausted: -5,
  /** The buffer has no room for the tag. */
  noRoom: -6,
  /** SRTCP without the E flag: we never negotiate it. */
  unencrypted: -7,
} as const;

export type SrtpRefusalName = keyof typeof SrtpRefusal;

/** The sending half of a context: SRTP and SRTCP of one direction under one master key. */
export interface SrtpSender {
  /** What protection adds to an RTP packet, bytes. */
  readonly rtpOverhead: number;
  /** What protection adds to a compound RTCP packet, bytes. */
  readonly rtcpOverhead: number;
  /**
   * Protects the RTP packet in the first `length` bytes, in place; `bytes` has room for `rtpOverhead` more. Gives the
   * new length or an `SrtpRefusal`. The same sequence number of a source is protected once only, because a nonce
   * that is used twice gives the key away: who retransmits keeps what was sent, or uses RTX.
   */
  protectRtp(bytes: Buffer, length: number): number;
  /** As `protectRtp` for a compound RTCP packet and `rtcpOverhead`. */
  protectRtcp(bytes: Buffer, length: number): number;
}

/** The receiving half of a context. */
export interface SrtpReceiver {
  /** Packets refused so far, by reason. */
  readonly refused: Readonly<Record<SrtpRefusalName, number>>;
  /**
   * Checks and decrypts a datagram in place. Gives the length of the RTP packet that now starts at 0, or an
   * `SrtpRefusal`; then the bytes are as they were.
   */
  unprotectRtp(bytes: Buffer): number;
  /** As `unprotectRtp` for a compound RTCP packet. */
  unprotectRtcp(bytes: Buffer): number;
}

/**
 * The place where packets are protected. There are two: `nodeSrtp`, on `node:crypto` alone, and `openWasmSrtp`, which is cheaper by
 * far for those who send much. A native twin, with the same test vectors, may be a third.
 */
export interface SrtpProtector {
  /** For the log. */
  readonly name: string;
  openSender(keys: SrtpKeys): SrtpSender;
  openReceiver(keys: SrtpKeys): SrtpReceiver;
  /** An empty batch with room for so many packets, of so many bytes with their tags, in memory of its own. */
  openBatch(packets: number, bytes: number): SrtpBatch;
  /** Protects every packet of the batch in place, whoever made it; `batch.lengths` then holds new lengths or refusals. */
  protect(batch: SrtpBatch): void;
}

/**
 * RTP packets that are prepared side by side in one memory and protected in one call: a frame's packets for all of its
 * viewers. Made once, by `SrtpProtector.openBatch`, and used again.
 */
export class SrtpBatch {
  readonly memory: Buffer;
  /** How many packets are in it. */
  count = 0;
  readonly senders: SrtpSender[] = [];
  /** Where each packet starts in `memory`. */
  readonly starts: Uint32Array;
  /** The plain length of each packet; after `protect` the protected one, or an `SrtpRefusal`. */
  readonly lengths: Int32Array;
  #end = 0;

  constructor(packets: number, memory: Buffer) {
    this.memory = memory;
    this.starts = new Uint32Array(packets);
    this.lengths = new Int32Array(packets);
  }

  /** Makes room for a plain packet of `length` bytes and its tag. The caller writes it at the offset that is returned; -1 when full. */
  add(sender: SrtpSender, length: number): number {
    const start = this.#end;
    const end = start + length + sender.rtpOverhead;
    if (this.count === this.starts.length || end > this.memory.length) return -1;
    this.senders[this.count] = sender;
    this.starts[this.count] = start;
    this.lengths[this.count] = length;
    this.count += 1;
    this.#end = end;
    return start;
  }

  /** The packet at `index`, a view; undefined when it was refused. */
  find(index: number): Buffer | undefined {
    const length = this.lengths[index] ?? -1;
    if (index >= this.count || length < 0) return undefined;
    const start = this.starts[index] ?? 0;
    return this.memory.subarray(start, start + length);
  }

  clear(): void {
    this.count = 0;
    this.senders.length = 0;
    this.#end = 0;
  }
}
