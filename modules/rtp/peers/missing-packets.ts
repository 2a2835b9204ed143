import type { Micros } from '../../../core/time/micros.ts';
import { millis } from '../../../core/time/micros.ts';

interface MissingPacket {
  readonly noticed: number;
  askedAt: number;
  asked: number;
}

/** More missing at one time is no loss but an outage: a key frame costs less than asking. */
const mostMissing = 500;
const mostAsked = 10;
/** The least time between two requests for one packet. */
const leastPause = millis(20);
/** A request that came through is answered in a round trip; this much longer it is waited for. */
const patience = 1.25;

/** Which packets of a source are missing, when to ask for them (RFC 4585 6.2.1), and how long an answer takes. */
export class MissingPackets {
  readonly #missing = new Map<number, MissingPacket>();
  #newest: number | undefined;
  #roundTrip: number;
  /** Missing packets that came after they were asked for. */
  recovered = 0;
  givenUp = 0;

  constructor(roundTrip: Micros) {
    this.#roundTrip = roundTrip;
  }

  get size(): number {
    return this.#missing.size;
  }

  /** From a request to its answer, smoothed. */
  get roundTrip(): Micros {
    return Math.round(this.#roundTrip) as Micros;
  }

  /** A packet came, by its unwrapped sequence number. False when so many are missing that asking is of no use. */
  note(sequence: number, now: Micros): boolean {
    const newest = this.#newest;
    if (newest === undefined || sequence > newest) {
      this.#newest = sequence;
      if (newest === undefined || sequence === newest + 1) return true;
      const gap = sequence - newest - 1;
      if (this.#missing.size + gap > mostMissing) {
        this.givenUp += this.#missing.size + gap;
        this.#missing.clear();
        return false;
      }
      for (let lost = newest + 1; lost < sequence; lost += 1) {
        this.#missing.set(lost, { noticed: now, askedAt: -Infinity, asked: 0 });
      }
      return true;
    }
    const missing = this.#missing.get(sequence);
    if (missing === undefined) return true;
    this.#missing.delete(sequence);
    if (missing.asked === 0) return true;
    this.recovered += 1;
    // Of an answer to a repeated request nobody knows which it answers.
    if (missing.asked === 1) this.#roundTrip += (now - missing.askedAt - this.#roundTrip) / 8;
    return true;
  }

  /** What was before `sequence` is no longer waited for. */
  giveUpBefore(sequence: number): void {
    for (const lost of this.#missing.keys()) {
      if (lost >= sequence) return; // they are in order
      this.#missing.delete(lost);
      this.givenUp += 1;
    }
  }

  /** The sequence numbers (16 bits, in order) to ask for now. */
  due(now: Micros): number[] {
    const due: number[] = [];
    const pause = Math.max(leastPause, this.#roundTrip * patience);
    for (const [sequence, missing] of this.#missing) {
      if (missing.asked >= mostAsked || now - missing.askedAt < pause) continue;
      missing.askedAt = now;
      missing.asked += 1;
      due.push(sequence & 0xffff);
    }
    return due;
  }

  /** Another row of numbers begins. */
  reset(): void {
    this.#missing.clear();
    this.#newest = undefined;
  }
}
