import { Buffer } from 'node:buffer';
import { ContentType } from './codes.ts';
import type { Flight, OutgoingMessage } from './handshake.ts';
import { handshakeHeaderLength, writeFragment } from './reassembly.ts';
import { type RecordCipher, recordHeaderLength, sealOverhead, writeClearRecord } from './record.ts';

const usualMtu = 1200;
const leastMtu = 256;
/**
 * Microseconds. RFC 6347 4.2.4.1 proposes a second and allows less where delay matters: a viewer waits for the first
 * picture. Doubled each time up to `longestTimeout`.
 */
const firstTimeout = 400_000;
const longestTimeout = 4_000_000;
/** Then there is nobody: about 15 s. */
const mostTimeouts = 6;
/** A peer that repeats itself is answered, but not so often that it could use us against a third. */
const shortestRepeat = 50_000;
const mostRepeats = 12;

/** Puts flights into records and records into datagrams, and sends a flight again until it is answered. */
export class FlightSender {
  /** When `tick` is due. */
  nextTimeout: number | undefined;
  readonly #mtu: number;
  #datagrams: Buffer[] = [];
  /** Records of the datagram that is being filled. */
  #filling: Buffer[] = [];
  #filled = 0;
  #flight: Flight | undefined;
  #timeout = firstTimeout;
  #timeouts = 0;
  #repeats = 0;
  #sentAt = 0;
  #cipher: RecordCipher | undefined;
  /** 1 once ChangeCipherSpec has been sent: what stands outside of a flight follows. */
  #epoch: 0 | 1 = 0;
  /** Records sent in epoch 0 and 1. */
  readonly #sequences: [number, number] = [0, 0];

  constructor(mtu = usualMtu) {
    this.#mtu = Math.max(mtu, leastMtu);
  }

  /** From now on epoch 1 can be written. */
  useCipher(cipher: RecordCipher): void {
    this.#cipher = cipher;
  }

  takeDatagrams(): Buffer[] {
    const datagrams = this.#datagrams;
    this.#datagrams = [];
    return datagrams;
  }

  /** Sends a new flight: the one before is answered thereby. */
  send(flight: Flight, now: number): void {
    this.#flight = flight;
    this.#timeout = firstTimeout;
    this.#timeouts = 0;
    this.#repeats = 0;
    this.#transmit(flight, now);
  }

  /** The handshake is over. Who sent the last flight keeps it for a peer that has not received it. */
  settle(keepFlight: boolean): void {
    this.nextTimeout = undefined;
    if (!keepFlight) this.#flight = undefined;
  }

  /** Sends the flight again because the peer has sent its own again. */
  repeat(now: number): void {
    if (this.#flight === undefined || now - this.#sentAt < shortestRepeat || this.#repeats >= mostRepeats) return;
    this.#repeats += 1;
    this.#transmit(this.#flight, now);
  }

  tick(now: number): 'given-up' | 'waiting' {
    if (this.#flight === undefined || this.nextTimeout === undefined || now < this.nextTimeout) return 'waiting';
    this.#timeouts += 1;
    if (this.#timeouts > mostTimeouts) return 'given-up';
    this.#timeout = Math.min(this.#timeout * 2, longestTimeout);
    this.#transmit(this.#flight, now);
    return 'waiting';
  }

  /** One record outside of a flight: an alert or application data, encrypted as soon as the flights are. */
  sendRecord(type: number, body: Buffer): void {
    this.#put(type, this.#epoch, body);
    this.#flush();
  }

  #transmit(flight: Flight, now: number): void {
    this.#sentAt = now;
    let epoch: 0 | 1 = 0;
    for (const message of flight.messages) {
      // RFC 5246 7.1: before the first message under new keys
      if (message.epoch > epoch) this.#put(ContentType.changeCipherSpec, 0, Buffer.of(1));
      epoch = message.epoch;
      if (epoch === 1) this.#epoch = 1;
      this.#putFragments(message);
    }
    this.#flush();
    this.nextTimeout = flight.awaitsAnswer ? now + this.#timeout : undefined;
  }

  #putFragments(message: OutgoingMessage): void {
    const overhead = recordHeaderLength + handshakeHeaderLength + (message.epoch === 1 ? sealOverhead : 0);
    let offset = 0;
    do {
      // What is left of this datagram is used when it holds more than a scrap.
      const left = this.#mtu - this.#filled - overhead;
      const room = left >= Math.min(64, message.body.length - offset) ? left : this.#mtu - overhead;
      const length = Math.min(room, message.body.length - offset);
      this.#put(ContentType.handshake, message.epoch, writeFragment(message, offset, length));
      offset += length;
    } while (offset < message.body.length);
  }

  #put(type: number, epoch: 0 | 1, body: Buffer): void {
    const head = { type, epoch, sequence: this.#sequences[epoch] };
    this.#sequences[epoch] += 1;
    const record =
      epoch === 1 && this.#cipher !== undefined ? this.#cipher.seal(head, body) : writeClearRecord(head, body);
    if (this.#filled > 0 && this.#filled + record.length > this.#mtu) this.#flush();
    this.#filling.push(record);
    this.#filled += record.length;
  }

  #flush(): void {
    const [first] = this.#filling;
    if (first === undefined) return;
    this.#datagrams.push(this.#filling.length === 1 ? first : Buffer.concat(this.#filling));
    this.#filling = [];
    this.#filled = 0;
  }
}
