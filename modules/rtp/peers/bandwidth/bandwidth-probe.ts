import { millis, seconds } from '../../../../core/time/micros.ts';
import type { LinkSignal } from './delay-trend.ts';

/** What the way says of itself. */
export interface ProbedLink {
  /** Bits a second that it bears as far as is known. */
  readonly estimate: number;
  readonly signal: LinkSignal;
  /** What its queues hold, µs. */
  readonly queueing: number;
}

/** Longer than what the rate of arrival is measured over. */
const length = millis(700);
/** More than what is needed, so that measuring does not fall short of it; never more than so many times what is known. */
const margin = 1.1;
const boldest = 3;
/** With more than this in its queues a link is full already; with the other amount it has just been found to be. */
const calmQueue = millis(30);
const fullQueue = millis(60);
/** Between probes; doubled with each that was in vain. */
const leastPause = seconds(2);
const longestPause = seconds(20);

/**
 * Finds out whether a way bears more than is sent on it: for a moment padding goes along, up to the rate that would be of use. A
 * sender that sends less than it may learns nothing otherwise (draft-ietf-rmcat-gcc-02 5.5 caps what it may claim).
 */
export class BandwidthProbe {
  #endsAt = -Infinity;
  #nextAt = 0;
  #pause: number = leastPause;
  #rate = 0;
  #goal = 0;
  #at = 0;
  #sentBefore = 0;
  #open = false;
  probes = 0;

  get active(): boolean {
    return this.#open;
  }

  /** Begins a probe for `goal` bits a second where one is due. `sent`: bytes that have left so far. */
  begin(now: number, link: ProbedLink, goal: number | undefined, sent: number): boolean {
    const { estimate, signal, queueing } = link;
    if (this.#open || goal === undefined || goal <= estimate) return false;
    if (now < this.#nextAt || signal !== 'normal' || queueing > calmQueue) return false;
    this.#open = true;
    this.#goal = goal;
    this.#rate = Math.min(goal * margin, estimate * boldest);
    this.#endsAt = now + length;
    this.#at = now;
    this.#sentBefore = sent;
    this.probes += 1;
    return true;
  }

  /** Bytes of padding to send now beside what has been sent. Ends the probe when its time is over or the link is full. */
  padding(now: number, link: ProbedLink, sent: number): number {
    if (!this.#open) return 0;
    if (now >= this.#endsAt || link.signal === 'overuse' || link.queueing > fullQueue) {
      this.#end(now, link.estimate);
      return 0;
    }
    const wanted = ((now - this.#at) * this.#rate) / 8e6;
    const missing = wanted - (sent - this.#sentBefore);
    return Math.max(0, missing);
  }

  /** A change took place: soon more may be of use. */
  renew(now: number): void {
    this.#pause = leastPause;
    this.#nextAt = now + leastPause;
  }

  #end(now: number, estimate: number): void {
    this.#open = false;
    this.#pause =
      estimate >= Math.min(this.#goal, this.#rate * 0.8) ? leastPause : Math.min(longestPause, this.#pause * 2);
    this.#nextAt = now + this.#pause;
  }
}
