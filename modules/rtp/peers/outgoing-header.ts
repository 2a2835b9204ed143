import { Buffer } from 'node:buffer';
import type { Micros } from '../../../core/time/micros.ts';
import { ntpFromUnix } from '../../../wire/rtcp/ntp.ts';
import { type RtpHeader, writeRtpHeader } from '../../../wire/rtp/packet.ts';
import type { ExtensionIds } from './header-extensions.ts';

/** abs-send-time counts in 2^-18 s, modulo 64 s. */
const sendTimeTicks = 2 ** 18 / 1e6;
/**
 * Playout delay in 10 ms: none is asked for; half a second is as much as a player may build up by itself before it drops behind
 * the live picture.
 */
const playoutDelay = (0 << 12) | 50;
/** The largest id and value of the one-byte form, RFC 8285 4.2. */
const mostOneByteId = 14;
const mostOneByteValue = 16;

/**
 * The header of the next packet of one peer, extensions and all. One for each medium, used again for each packet: its fields are
 * set, `write` puts them into `bytes`.
 */
export class OutgoingHeader implements RtpHeader {
  readonly bytes: Buffer;
  marker = false;
  payloadType = 0;
  sequence = 0;
  timestamp = 0;
  ssrc = 0;
  /** Whether the peer still has to learn which medium the source belongs to. */
  withMid = true;
  withDelay = false;
  /** Unix time of capture, where this packet is to tell it. */
  capturedAt: Micros | undefined;
  readonly #ids: ExtensionIds;
  readonly #mid: Buffer;
  readonly #twoByte: boolean;
  #at = 0;

  constructor(ids: ExtensionIds, mid: string) {
    this.#ids = ids;
    this.#mid = Buffer.from(mid).subarray(0, 255);
    // RFC 8285 4.1.2: one form a packet.
    this.#twoByte = this.#mid.length > mostOneByteValue || Object.values(ids).some((id) => id > mostOneByteId);
    this.bytes = Buffer.alloc(12 + 4 + 2 * 5 + this.#mid.length + 3 + 2 + 3 + 8 + 4 + 2);
  }

  /** Bytes of the longest header. */
  get longest(): number {
    return this.bytes.length;
  }

  /** The length of what was written. `transportSequence` counts all packets of the peer. */
  write(now: Micros, transportSequence: number): number {
    const ids = this.#ids;
    const { bytes } = this;
    const start = 16;
    this.#at = start;
    if (this.withMid && ids.mid !== 0) {
      this.#element(ids.mid, this.#mid.length);
      this.#at += this.#mid.copy(bytes, this.#at);
    }
    if (ids.sendTime !== 0) {
      this.#element(ids.sendTime, 3);
      this.#at = bytes.writeUIntBE(Math.floor(now * sendTimeTicks) % 0x100_0000, this.#at, 3);
    }
    if (ids.transportSequence !== 0) {
      this.#element(ids.transportSequence, 2);
      this.#at = bytes.writeUInt16BE(transportSequence & 0xffff, this.#at);
    }
    if (this.withDelay && ids.playoutDelay !== 0) {
      this.#element(ids.playoutDelay, 3);
      this.#at = bytes.writeUIntBE(playoutDelay, this.#at, 3);
    }
    if (this.capturedAt !== undefined && ids.captureTime !== 0) {
      const { seconds, fraction } = ntpFromUnix(this.capturedAt);
      this.#element(ids.captureTime, 8);
      this.#at = bytes.writeUInt32BE(fraction, bytes.writeUInt32BE(seconds, this.#at));
    }
    const extended = this.#at > start;
    const end = writeRtpHeader(bytes, 0, this, extended);
    if (!extended) return end;
    while (this.#at % 4 !== 0) {
      bytes[this.#at] = 0;
      this.#at += 1;
    }
    bytes.writeUInt16BE(this.#twoByte ? 0x1000 : 0xbede, end);
    bytes.writeUInt16BE((this.#at - start) / 4, end + 2); // RFC 3550 5.3.1
    return this.#at;
  }

  #element(id: number, length: number): void {
    if (this.#twoByte) {
      this.bytes[this.#at] = id;
      this.bytes[this.#at + 1] = length;
      this.#at += 2;
      return;
    }
    this.bytes[this.#at] = (id << 4) | (length - 1);
    this.#at += 1;
  }
}
