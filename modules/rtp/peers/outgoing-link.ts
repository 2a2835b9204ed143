import type { Buffer } from 'node:buffer';
import type { Clock } from '../../../core/time/clock.ts';
import type { Micros } from '../../../core/time/micros.ts';
import type { RtpCounters } from '../metrics.ts';
import type { OutgoingHeader } from './outgoing-header.ts';
import type { PacketTransport } from './packet-transport.ts';
import type { SendBudget } from './send-budget.ts';
import type { SentCopies } from './sent-copies.ts';

/** Hears of every packet that left: the estimate of the bandwidth. */
export interface SentHearing {
  /** `sequence` is the transport-wide one, unwrapped; `size` in bytes on the wire. */
  noteSent(sequence: number, size: number, now: Micros): void;
  /** It was lost, and left again under the same number: when it comes tells nothing of the way. */
  noteResent(sequence: number): void;
}

export interface OutgoingLinkDependencies {
  readonly transport: PacketTransport;
  readonly clock: Clock;
  readonly counters: RtpCounters;
  readonly budget: SendBudget;
  readonly hearing: SentHearing;
}

/** The way of all packets to one peer: numbers them, counts them, and spends the budget for them. */
export class OutgoingLink {
  readonly #d: OutgoingLinkDependencies;
  #sequence = 0;

  constructor(dependencies: OutgoingLinkDependencies) {
    this.#d = dependencies;
  }

  /**
   * Sends `payload` behind the header. With `original` that number goes in front of the payload: RFC 4588 4. `copies` gets what
   * went out. Gives its size on the wire; 0 when it could not be sent.
   */
  send(header: OutgoingHeader, payload: Buffer, original = -1, copies?: SentCopies): number {
    const { transport, clock, counters, budget, hearing } = this.#d;
    const now = clock.now();
    let length = header.write(now, this.#sequence);
    if (original >= 0) length = header.bytes.writeUInt16BE(original & 0xffff, length);
    copies?.announce(header.sequence, this.#sequence, now);
    const size = transport.sendRtp(header.bytes, length, payload, copies);
    budget.spend(size === 0 ? length + payload.length : size);
    if (size === 0) return 0;
    hearing.noteSent(this.#sequence, size, now);
    this.#sequence += 1;
    counters.packetsOut += 1;
    counters.bytesOut += size;
    return size;
  }

  /** Sends the copy at `place` once more. Gives its size on the wire; 0 when it could not be sent. */
  resend(copies: SentCopies, place: number): number {
    const { transport, counters, budget, hearing } = this.#d;
    const size = transport.resendRtp(copies.copyAt(place));
    if (size === 0) return 0;
    budget.spend(size);
    hearing.noteResent(copies.transportSequenceAt(place));
    counters.packetsOut += 1;
    counters.bytesOut += size;
    return size;
  }
}
