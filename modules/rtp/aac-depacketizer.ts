import { Buffer } from 'node:buffer';
import { BitReader } from '../../wire/bits/bit-reader.ts';
import { WireError } from '../../wire/errors.ts';
import type { RtpPacket } from '../../wire/rtp/packet.ts';
import type { RtpFormat } from './contract.ts';
import type { Depacketizer, Emit } from './depacketizer.ts';

const longestFrame = 8_192; // ISO/IEC 14496-3: 6144 bits a channel, and room for many channels
const mostFrames = 64;

/** MPEG-4 audio in the generic format, RFC 3640: any lengths of header fields that the description tells. */
export class AacDepacketizer implements Depacketizer {
  readonly #sizeBits: number;
  readonly #indexBits: number;
  readonly #deltaBits: number;
  readonly #auxiliaryBits: number;
  readonly #constantSize: number;
  readonly #ticks: number;
  readonly #emit: Emit;
  /** A frame that goes over several packets: RFC 3640 3.2.3. */
  #fragments: Buffer[] = [];
  #missing = 0;

  /** `ticks` is the duration of a frame. */
  constructor({ parameters }: RtpFormat, ticks: number, emit: Emit) {
    const number = (name: string): number => {
      const value = Number(parameters.get(name) ?? 0);
      return Number.isInteger(value) && value >= 0 && value <= 0xffff ? value : 0;
    };
    this.#sizeBits = Math.min(32, number('sizelength'));
    this.#indexBits = Math.min(32, number('indexlength'));
    this.#deltaBits = Math.min(32, number('indexdeltalength'));
    this.#auxiliaryBits = Math.min(32, number('auxiliarydatasizelength'));
    this.#constantSize = number('constantsize');
    this.#ticks = ticks;
    this.#emit = emit;
  }

  push(packet: RtpPacket, timestamp: number): boolean {
    const payload = packet.payload();
    const { sizes, at } = this.#readHeaders(payload);
    if (this.#fragments.length > 0) return this.#continue(payload.subarray(at), packet.marker, timestamp);
    let from = at;
    for (let index = 0; index < sizes.length; index += 1) {
      const size = sizes[index] ?? 0;
      if (size > longestFrame) throw new WireError('too-large', 'rtp', `an AAC frame of ${size} bytes`);
      if (from + size > payload.length) {
        if (sizes.length > 1) throw new WireError('truncated', 'rtp', 'an AAC frame is cut off');
        this.#fragments = [payload.subarray(from)];
        this.#missing = from + size - payload.length;
        return true;
      }
      // Memory of its own: a frame must not keep a chunk of a connection alive.
      if (size > 0) this.#emit([Buffer.from(payload.subarray(from, from + size))], timestamp + index * this.#ticks);
      from += size;
    }
    return true;
  }

  lose(): void {
    this.#fragments = [];
  }

  #continue(piece: Buffer, last: boolean, timestamp: number): boolean {
    this.#fragments.push(piece);
    this.#missing -= piece.length;
    if (this.#missing > 0 && !last) return true;
    const whole = this.#missing === 0;
    const frame = Buffer.concat(this.#fragments);
    this.#fragments = [];
    if (whole) this.#emit([frame], timestamp);
    return whole;
  }

  /** The AU-headers, RFC 3640 3.2.1: sizes of the frames, and where the first begins. */
  #readHeaders(payload: Buffer): { sizes: number[]; at: number } {
    if (this.#sizeBits + this.#indexBits === 0) {
      const size = this.#constantSize === 0 ? payload.length : this.#constantSize;
      const count = size === 0 ? 0 : Math.min(mostFrames, Math.floor(payload.length / size));
      return { sizes: new Array<number>(count).fill(size), at: 0 };
    }
    if (payload.length < 2) throw new WireError('truncated', 'rtp', 'AU-headers are cut off');
    const bitLength = payload.readUInt16BE(0);
    const end = 2 + Math.ceil(bitLength / 8);
    if (end > payload.length) throw new WireError('truncated', 'rtp', 'AU-headers are cut off');
    const bits = new BitReader(payload.subarray(2, end), 'rtp');
    const sizes: number[] = [];
    for (let left = bitLength; left > 0; ) {
      const index = sizes.length === 0 ? this.#indexBits : this.#deltaBits;
      if (left < this.#sizeBits + index || sizes.length >= mostFrames) break;
      sizes.push(this.#sizeBits === 0 ? this.#constantSize : bits.bits(this.#sizeBits));
      if (index > 0) bits.bits(index);
      left -= this.#sizeBits + index;
    }
    let at = end;
    if (this.#auxiliaryBits > 0) {
      const auxiliary = new BitReader(payload.subarray(end), 'rtp').bits(this.#auxiliaryBits);
      at = end + Math.ceil((this.#auxiliaryBits + auxiliary) / 8); // RFC 3640 3.2.2
      if (at > payload.length) throw new WireError('truncated', 'rtp', 'the auxiliary section is cut off');
    }
    return { sizes, at };
  }
}
