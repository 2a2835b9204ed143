/** Four seconds of 5 Mbit/s. A power of two. */
const capacity = 2_048;

/** When the packets of one peer left and how large they were, by their transport-wide sequence numbers, unwrapped. */
export class SentPackets {
  readonly #sequences = new Float64Array(capacity).fill(-1);
  readonly #times = new Float64Array(capacity);
  readonly #sizes = new Uint16Array(capacity);
  /** The number sent last; -1: none. */
  newest = -1;

  note(sequence: number, size: number, now: number): void {
    const place = sequence & (capacity - 1);
    this.#sequences[place] = sequence;
    this.#times[place] = now;
    this.#sizes[place] = Math.min(size, 0xffff);
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

  /** What became of it is known: a feedback that tells it again tells nothing new. */
  settle(place: number): void {
    this.#sequences[place] = -1;
  }
}
