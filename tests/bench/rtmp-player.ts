import type { Socket } from 'node:net';
import { FrameTally, type PlayerReport } from './frame-tally.ts';
import { openLink, sendCommand, sendConnect } from './rtmp-link.ts';
import { readStamp, sharedNow, stampTail } from './stamp.ts';

interface ChunkStreamState {
  length: number;
  type: number;
  received: number;
  extended: boolean;
}

const headerLengths = [11, 7, 3, 0];

/** A player that skips over payloads: it counts messages, and reads the stamp at the end of each video frame. */
export class BenchPlayer {
  readonly joined: Promise<void>;
  joinMillis = 0;
  readonly #socket: Socket;
  readonly #streams = new Map<number, ChunkStreamState>();
  readonly #tally = new FrameTally();
  readonly #header = Buffer.alloc(18);
  readonly #tail = Buffer.alloc(stampTail);
  #headerHas = 0;
  #chunkSize = 128;
  #current: ChunkStreamState | undefined;
  #left = 0;
  #control = Buffer.alloc(4);
  #closed = false;
  #onFirstFrame: () => void = () => undefined;

  constructor(port: number, name: string) {
    const link = openLink(port, (bytes) => this.#read(bytes));
    this.#socket = link.socket;
    this.#socket.on('close', () => {
      this.#closed = true;
    });
    this.joined = new Promise((resolve) => {
      this.#onFirstFrame = resolve;
    });
    void link.shaken.then(() => {
      sendConnect(this.#socket, port);
      sendCommand(this.#socket, { name: 'play', transactionId: 3, args: [name, -2_000], on: 1 });
      this.joinMillis = -sharedNow();
    });
  }

  /** Counts from now on. */
  mark(): void {
    this.#tally.mark();
  }

  report(): PlayerReport {
    return this.#tally.report(this.#closed);
  }

  #read(bytes: Buffer): void {
    this.#tally.bytes += bytes.length;
    let at = 0;
    while (at < bytes.length) {
      if (this.#left === 0) at = this.#readHeader(bytes, at);
      else at = this.#readPayload(bytes, at);
    }
  }

  #readHeader(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length) {
      this.#header[this.#headerHas] = bytes[at] ?? 0;
      this.#headerHas += 1;
      at += 1;
      if (this.#headerIsComplete()) {
        this.#takeHeader();
        break;
      }
    }
    return at;
  }

  #headerIsComplete(): boolean {
    const first = this.#header[0] ?? 0;
    const basic = (first & 63) === 0 ? 2 : (first & 63) === 1 ? 3 : 1;
    const format = first >> 6;
    const plain = basic + (headerLengths[format] ?? 0);
    if (this.#headerHas < plain) return false;
    const extended =
      format === 3
        ? (this.#streams.get(this.#csid())?.extended ?? false)
        : this.#header.readUIntBE(basic, 3) === 0xffffff;
    return this.#headerHas >= plain + (extended ? 4 : 0);
  }

  #csid(): number {
    const low = (this.#header[0] ?? 0) & 63;
    return low === 0 ? 64 + (this.#header[1] ?? 0) : low === 1 ? 64 + this.#header.readUInt16LE(1) : low;
  }

  #takeHeader(): void {
    const first = this.#header[0] ?? 0;
    const format = first >> 6;
    const basic = (first & 63) === 0 ? 2 : (first & 63) === 1 ? 3 : 1;
    const csid = this.#csid();
    const state = this.#streams.get(csid) ?? { length: 0, type: 0, received: 0, extended: false };
    this.#streams.set(csid, state);
    if (format < 3) state.extended = this.#header.readUIntBE(basic, 3) === 0xffffff;
    if (format < 2) {
      state.length = this.#header.readUIntBE(basic + 3, 3);
      state.type = this.#header[basic + 6] ?? 0;
    }
    this.#headerHas = 0;
    this.#current = state;
    this.#left = Math.min(this.#chunkSize, state.length - state.received);
  }

  #readPayload(bytes: Buffer, at: number): number {
    const state = this.#current;
    if (state === undefined) return bytes.length;
    const count = Math.min(this.#left, bytes.length - at);
    const end = state.received + count;
    if (state.type === 9 && end > state.length - stampTail) this.#keepTail(bytes, at, state, count);
    if (state.type === 1) bytes.copy(this.#control, state.received, at, at + count);
    state.received = end;
    this.#left -= count;
    if (end === state.length) {
      state.received = 0;
      this.#left = 0;
      if (state.type === 1) this.#chunkSize = this.#control.readUInt32BE(0);
      else if (state.type === 9 && state.length > stampTail) this.#countFrame();
    }
    return at + count;
  }

  #keepTail(bytes: Buffer, at: number, state: ChunkStreamState, count: number): void {
    const tailFrom = state.length - stampTail;
    const from = Math.max(0, tailFrom - state.received);
    bytes.copy(this.#tail, Math.max(0, state.received - tailFrom), at + from, at + count);
  }

  #countFrame(): void {
    const stamp = readStamp(this.#tail);
    if (stamp === undefined) return;
    if (this.joinMillis <= 0) {
      this.joinMillis += sharedNow();
      this.#onFirstFrame();
    }
    this.#tally.take(stamp);
  }
}
