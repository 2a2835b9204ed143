const sequences = 0x1_0000;
const half = 0x8000;
/** RFC 3711 9.2: no more packets than this under one key. */
export const mostRtpPackets = 2 ** 48;
export const mostRtcpPackets = 2 ** 31;

/**
 * The 48-bit index of a packet: roll-over counter and sequence number (RFC 3711 3.3.1, appendix A). `highest` is the
 * highest index so far, -1 before the first packet, whose counter is taken for 0. Below zero for a packet from before
 * the first one.
 */
export function estimateIndex(highest: number, sequence: number): number {
  if (highest < 0) return sequence;
  const last = highest % sequences;
  const rollover = highest - last;
  if (last < half) return sequence - last > half ? rollover - sequences + sequence : rollover + sequence;
  return last - half > sequence ? rollover + sequences + sequence : rollover + sequence;
}

const windowLength = 128;

/**
 * The replay window of one source (RFC 3711 3.3.2): 128 packets up to the highest index. `isFresh` may be asked for
 * anything; only an authenticated packet may be told to `accept`.
 */
export class ReplayWindow {
  /** -1 before the first packet. */
  highest = -1;
  /** One bit for each index modulo 128. */
  readonly #seen = new Uint32Array(windowLength / 32);

  isFresh(index: number): boolean {
    if (index > this.highest) return true;
    if (index < 0 || index <= this.highest - windowLength) return false;
    const at = index % windowLength;
    return ((this.#seen[at >>> 5] ?? 0) & (1 << (at & 31))) === 0;
  }

  accept(index: number): void {
    if (index > this.highest) {
      if (index - this.highest >= windowLength) this.#seen.fill(0);
      else for (let passed = this.highest + 1; passed < index; passed += 1) this.#mark(passed, false);
      this.highest = index;
    }
    this.#mark(index, true);
  }

  #mark(index: number, seen: boolean): void {
    const at = index % windowLength;
    const bit = 1 << (at & 31);
    const word = this.#seen[at >>> 5] ?? 0;
    this.#seen[at >>> 5] = seen ? word | bit : word & ~bit;
  }
}

/** A window for each source of one context, at most `limit` of them. */
export class SourceWindows {
  readonly #windows = new Map<number, ReplayWindow>();
  readonly #limit: number;
  /** The source of the last packet: nearly always that of the next. */
  #lastSource = -1;
  #last: ReplayWindow | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#windows.size;
  }

  find(ssrc: number): ReplayWindow | undefined {
    if (ssrc === this.#lastSource) return this.#last;
    const window = this.#windows.get(ssrc);
    if (window !== undefined) {
      this.#lastSource = ssrc;
      this.#last = window;
    }
    return window;
  }

  /** Undefined when there is no room: sources are never forgotten, or their packets could be replayed. */
  add(ssrc: number): ReplayWindow | undefined {
    if (this.#windows.size >= this.#limit) return undefined;
    const window = new ReplayWindow();
    this.#windows.set(ssrc, window);
    return window;
  }

  get isFull(): boolean {
    return this.#windows.size >= this.#limit;
  }
}
