import type { Buffer } from 'node:buffer';
import type { SrtpBatch, SrtpProtector, SrtpSender } from '../../../wire/srtp/contract.ts';
import type { PacketCopies } from '../peers/packet-transport.ts';
import type { PeerCounters } from './metrics.ts';
import type { Carrier, PeerPath } from './path.ts';

/** One large key frame to one viewer, or a small one to some; more leaves in the next round. */
const mostPackets = 256;
const mostBytes = mostPackets * 1_500;

/** Packets that are protected and sent in one go. All peers write into one memory, so that none has to have its own. */
export class Outbox {
  readonly #protector: SrtpProtector;
  readonly #counters: PeerCounters;
  #batch: SrtpBatch;
  readonly #paths: PeerPath[] = [];
  /** Who keeps which packet of the batch: only those of peers without RTX are kept. */
  readonly #copies = new Array<PacketCopies | undefined>(mostPackets).fill(undefined);
  readonly #carriers: Carrier[] = [];

  constructor({ srtp, counters }: { readonly srtp: SrtpProtector; readonly counters: PeerCounters }) {
    this.#protector = srtp;
    this.#batch = srtp.openBatch(mostPackets, mostBytes);
    this.#counters = counters;
  }

  /** Copies a packet in; its size on the wire. 0 for one that no datagram holds. */
  add(sender: SrtpSender, path: PeerPath, header: Buffer, headerLength: number, payload: Buffer): number {
    const length = headerLength + payload.length;
    let at = this.#batch.add(sender, length);
    if (at < 0) {
      this.flush();
      at = this.#batch.add(sender, length);
      if (at < 0) return 0;
    }
    const { memory } = this.#batch;
    // Byte by byte: `copy` of a part makes a view of it, which costs more than some thirty bytes do.
    for (let index = 0; index < headerLength; index += 1) memory[at + index] = header[index] as number;
    payload.copy(memory, at + headerLength);
    this.#paths[this.#batch.count - 1] = path;
    return length + sender.rtpOverhead;
  }

  /** The packet that was added last is handed to `copies` when it is protected. */
  keepLast(copies: PacketCopies): void {
    this.#copies[this.#batch.count - 1] = copies;
  }

  /** Protects and sends whatever is in it, of whichever peer. */
  flush(): void {
    const batch = this.#batch;
    if (batch.count === 0) return;
    this.#protector.protect(batch);
    for (let index = 0; index < batch.count; index += 1) this.#queue(batch, index);
    this.#paths.length = 0;
    let free = true;
    for (const carrier of this.#carriers) {
      carrier.touched = false;
      if (!carrier.flush()) free = false;
    }
    this.#carriers.length = 0;
    // The system still reads this memory: it is left to it.
    if (free) batch.clear();
    else this.#batch = this.#protector.openBatch(mostPackets, mostBytes);
  }

  #queue(batch: SrtpBatch, index: number): void {
    const counters = this.#counters;
    const path = this.#paths[index];
    const copies = this.#copies[index];
    if (copies !== undefined) this.#copies[index] = undefined;
    const length = batch.lengths[index] ?? 0;
    if (path === undefined) return;
    if (length <= 0) {
      counters.refusePacket(length);
      return;
    }
    copies?.keep(batch.memory, batch.starts[index] ?? 0, length);
    const { carrier } = path;
    if (!carrier.touched) {
      carrier.touched = true;
      this.#carriers.push(carrier);
    }
    if (path.queue(batch.memory, batch.starts[index] ?? 0, length)) {
      counters.packetsOut += 1;
      counters.bytesOut += length;
    } else counters.unsent += 1;
  }
}
