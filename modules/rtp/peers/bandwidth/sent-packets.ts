/** Four seconds of 5 Mbit/s. A power of two. */
const capacity = 2_048;

/** What is known of a packet. */
const unknown = 0;
const lost = 1;
const resent = 2;

/** When the packets of one peer left and how large they were, by their transport-wide sequence numbers, unwrapped. */
export class SentPackets {
  readonly #sequences = new Float64Array(capacity).fill(-1);
  readonly #times = new Float64Array(capacity);
  readonly #sizes = new Uint16Array(capacity);
  readonly #fates = new Uint8Array(capacity);
  /** The number sent last; -1: none. */
  newest = -1;

  note(sequence: number, size: number, now: number): void {
    const place = sequence & (capacity - 1);
    this.#sequences[place] = sequence;
    this.#times[place] = now;
    this.#sizes[place] = Math.min(size, 0xffff);
    this.#fates[place] = unknown;
    this.newest = sequence;
  }

  /** The place of a packet; -1 when nothing is known of it, or no more. */
  find(sequence: number): number {
    const place = sequence & (capacity - 1);
    return sequence >= 0 && this.#sequences[place] === sequence ? place : -1;
  }

  timeAt(place: number): number {
    return this.#times[place] ?? 0;
  }

  sizeAt(place: number): number {
    return this.#sizes[place] ?? 0;
  }

  /**
   * It was told lost; it may yet be told to have come late. False when that is nothing new: a feedback that tells of one late packet
   * tells once more of all behind it.
   */
  noteLost(place: number): boolean {
    const fate = this.#fates[place];
    if (fate === resent) this.settle(place);
    else this.#fates[place] = lost;
    return fate !== lost;
  }

  /** It was lost and has left again under the same number, so that its time on the way can't be known any more. */
  noteResent(place: number): void {
    if (this.#fates[place] === lost) this.settle(place);
    else this.#fates[place] = resent;
  }

  wasResent(place: number): boolean {
    return this.#fates[place] === resent;
  }

  /** What became of it is known: a feedback that tells it again tells nothing new. */
  settle(place: number): void {
    this.#sequences[place] = -1;
  }
}
