import { WireError } from '../errors.ts';
import type { AmfValue } from './value.ts';

/** What one message may make us build. Text and nodes that come by reference count each time they are referred to. */
export type AmfLimits = {
  /** Nesting of objects, arrays and the like; the values of the message themselves stand at depth 1. */
  readonly depth: number;
  /** Values in all. */
  readonly nodes: number;
  /** Bytes of the message, and bytes of text and byte arrays with references expanded. */
  readonly bytes: number;
};

export const amfLimits: AmfLimits = { depth: 16, nodes: 1024, bytes: 65536 };

/** Counts what one message has cost so far; shared by its AMF0 and AMF3 parts. */
export class AmfBudget {
  readonly #limits: AmfLimits;
  #depth = 0;
  #deepest = 0;
  #nodes = 0;
  #bytes = 0;

  constructor(limits: AmfLimits, messageBytes: number) {
    this.#limits = limits;
    if (messageBytes > limits.bytes) {
      throw new WireError('too-large', 'amf', `${messageBytes} bytes in a message, ${limits.bytes} allowed`);
    }
  }

  get nodes(): number {
    return this.#nodes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get depth(): number {
    return this.#depth;
  }

  /** The greatest depth since it was last set. */
  get deepest(): number {
    return this.#deepest;
  }

  set deepest(depth: number) {
    this.#deepest = depth;
  }

  /** One value begins. */
  enter(): void {
    this.charge(1, 0, 1);
    this.#depth += 1;
  }

  leave(): void {
    this.#depth -= 1;
  }

  /** `nodes` values of `bytes` text that reach `levels` below the present depth. */
  charge(nodes: number, bytes: number, levels: number): void {
    const { depth, nodes: mostNodes, bytes: mostBytes } = this.#limits;
    if (this.#depth + levels > depth) throw new WireError('too-large', 'amf', `nested deeper than ${depth}`);
    this.#nodes += nodes;
    if (this.#nodes > mostNodes) throw new WireError('too-large', 'amf', `more than ${mostNodes} values`);
    this.#bytes += bytes;
    if (this.#bytes > mostBytes) throw new WireError('too-large', 'amf', `more than ${mostBytes} bytes of text`);
    if (this.#depth + levels > this.#deepest) this.#deepest = this.#depth + levels;
  }
}

type Entry = { value: AmfValue; nodes: number; bytes: number; levels: number; open: boolean };

/**
 * A table of the complex values of one message (AMF 0 2.9, AMF 3 2.2). A reference costs what its target cost, so that
 * a walk over the result is bounded by the budget, and a reference to a value that is still being read (a loop) is
 * refused: nothing in the media world needs one.
 */
export class AmfReferences {
  readonly #budget: AmfBudget;
  readonly #entries: Entry[] = [];

  constructor(budget: AmfBudget) {
    this.#budget = budget;
  }

  /** A complex value begins; it has its index from here on. Returns what `close` wants. */
  open(): number {
    const { nodes, bytes, deepest, depth } = this.#budget;
    // Until it is closed, an entry holds the counters at its beginning; `levels` keeps the outer high-water mark.
    this.#entries.push({ value: undefined, nodes, bytes, levels: deepest, open: true });
    this.#budget.deepest = depth;
    return this.#entries.length - 1;
  }

  close(index: number, value: AmfValue): void {
    const entry = this.#entries[index];
    if (entry === undefined) return;
    const { nodes, bytes, deepest, depth } = this.#budget;
    this.#budget.deepest = Math.max(entry.levels, deepest);
    entry.value = value;
    entry.nodes = nodes - entry.nodes + 1;
    entry.bytes = bytes - entry.bytes;
    entry.levels = deepest - depth;
    entry.open = false;
  }

  /** The value under `index`. Called between the budget's `enter` and `leave` of the referring value. */
  resolve(index: number): AmfValue {
    const entry = this.#entries[index];
    if (entry === undefined) throw new WireError('malformed', 'amf', `reference to unknown value ${index}`);
    if (entry.open) throw new WireError('unsupported', 'amf', 'a value that contains itself');
    this.#budget.charge(entry.nodes - 1, entry.bytes, entry.levels);
    return entry.value;
  }
}
