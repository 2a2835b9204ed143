import type { Micros } from '../../../core/time/micros.ts';
import type { TransportFeedback } from '../../../wire/rtcp/transport-feedback.ts';
import { sequenceDistance, unwrapSequence } from '../../../wire/rtp/sequence.ts';

/** Packets that are remembered: four times what 100 Mbit/s bring in one interval. A power of two. */
const capacity = 4_096;
/** Statuses of one feedback: it stays well within a datagram. */
const mostStatuses = 400;
/** draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1: the reference time counts in 64 ms, deltas in 250 µs. */
const referenceUnit = 64_000;
const deltaUnit = 250;
const largestDelta = 0x7fff;
/** A packet that comes so much out of order is told of again; older ones are not of interest. */
const lateReach = 256;

const mostStrays = 20;

/** When the packets of one peer arrived, by their transport-wide sequence numbers, and what it is told of it. */
export class ArrivalLog {
  /** µs; -1: not arrived. */
  readonly #arrivals = new Float64Array(capacity).fill(-1);
  #newest: number | undefined;
  /** The first that has not been told of. */
  #next = 0;
  #feedbacks = 0;
  /** Packets in a row whose numbers were out of reach. */
  #strays = 0;
  /** Packets that came since the last feedback. */
  fresh = 0;

  /** `sequence` is the number of 16 bits that the packet has. */
  note(sequence: number, arrival: Micros): void {
    const newest = this.#newest;
    if (newest === undefined) {
      this.#newest = sequence;
      this.#next = sequence;
      this.#arrivals.fill(-1);
      this.#strays = 0;
    } else {
      const unwrapped = unwrapSequence(newest, sequence);
      if (unwrapped > newest) this.#advance(newest, unwrapped);
      else if (unwrapped < this.#next) {
        if (this.#next - unwrapped > lateReach || unwrapped < 0) {
          this.#strays += 1;
          if (this.#strays >= mostStrays) this.#newest = undefined; // it counts anew
          return;
        }
        this.#next = unwrapped;
      }
      this.#strays = 0;
    }
    const place = (sequence & 0xffff) % capacity;
    if ((this.#arrivals[place] ?? -1) >= 0 && sequenceDistance(sequence, (this.#newest ?? 0) & 0xffff) !== 0) return; // a double
    this.#arrivals[place] = arrival;
    this.fresh += 1;
  }

  /** The next feedback; undefined when there is nothing new to tell. Called until it gives none. */
  feedback(senderSsrc: number, mediaSsrc: number): TransportFeedback | undefined {
    const newest = this.#newest;
    if (newest === undefined || this.#next > newest || this.fresh === 0) return undefined;
    let first = this.#next;
    while (first <= newest && this.#at(first) < 0) first += 1;
    if (first > newest) return undefined;
    // What was lost in front of it is told too, as far as it fits.
    const base = Math.max(this.#next, first - mostStatuses / 2);
    const referenceTime = Math.floor(this.#at(first) / referenceUnit);
    let clock = (referenceTime * referenceUnit) / deltaUnit;
    const deltas: (number | undefined)[] = [];
    let sequence = base;
    for (; sequence <= newest && deltas.length < mostStatuses; sequence += 1) {
      const arrival = this.#at(sequence);
      if (arrival < 0) {
        deltas.push(undefined);
        continue;
      }
      const at = Math.round(arrival / deltaUnit);
      if (Math.abs(at - clock) > largestDelta) break;
      deltas.push(at - clock);
      clock = at;
    }
    this.#next = sequence;
    if (sequence > newest) this.fresh = 0;
    const feedbackCount = this.#feedbacks & 0xff;
    this.#feedbacks += 1;
    return {
      kind: 'transport-feedback',
      senderSsrc,
      mediaSsrc,
      baseSequence: base & 0xffff,
      referenceTime: referenceTime & 0xff_ffff,
      feedbackCount,
      deltas,
    };
  }

  #at(sequence: number): number {
    return this.#arrivals[(sequence & 0xffff) % capacity] ?? -1;
  }

  /** Everything between is missing until it comes. */
  #advance(from: number, to: number): void {
    const gap = Math.min(to - from, capacity);
    for (let sequence = to - gap + 1; sequence <= to; sequence += 1)
      this.#arrivals[(sequence & 0xffff) % capacity] = -1;
    if (to - this.#next >= capacity) this.#next = to - capacity + 1;
    this.#newest = to;
  }
}
