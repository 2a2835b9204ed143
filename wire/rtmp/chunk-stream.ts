import { Buffer } from 'node:buffer';

/** What one inbound chunk stream remembers (RTMP 1.0 5.3.1.2), and the message that is coming on it. */
export class ChunkStream {
  readonly csid: number;
  timestamp = 0;
  /** What a type-3 header that begins a message adds. */
  delta = 0;
  length = 0;
  type = 0;
  streamId = 0;
  /** The last extended field, or -1 when the last type 0, 1 or 2 header had none. */
  extended = -1;
  /** Has a type-0 header been seen, so that the others have something to build on? */
  known = false;
  /** Is a message under way? */
  partial = false;
  /** Bytes of the message that have come. */
  received = 0;
  #store: Buffer | undefined;

  constructor(csid: number) {
    this.csid = csid;
  }

  /** Bytes of memory held by the message under way. */
  get held(): number {
    return this.#store?.length ?? 0;
  }

  /**
   * How large the store will be once `count` more bytes are in it. Up to `exactUpTo` bytes it is made at the declared
   * length; above, it doubles as bytes really come, so that a declared length alone costs nothing.
   */
  sizeFor(count: number, exactUpTo: number): number {
    const wanted = this.received + count;
    const held = this.held;
    if (wanted <= held) return held;
    if (this.length <= exactUpTo) return this.length;
    return Math.min(this.length, Math.max(wanted, held * 2, exactUpTo));
  }

  /** From here on the message is put together in `store`, which takes over what has come. */
  moveTo(store: Buffer): void {
    if (this.#store !== undefined) this.#store.copy(store, 0, 0, this.received);
    this.#store = store;
  }

  /** Adds a part of the payload; there is room for it. */
  append(bytes: Buffer, from: number, to: number): void {
    if (this.#store !== undefined) bytes.copy(this.#store, this.received, from, to);
    this.received += to - from;
  }

  /** The finished payload; the stream is ready for its next message. */
  takePayload(): Buffer {
    const store = this.#store ?? Buffer.alloc(0);
    this.drop();
    return store;
  }

  /** Forgets the message under way. */
  drop(): void {
    this.#store = undefined;
    this.received = 0;
    this.partial = false;
  }
}
