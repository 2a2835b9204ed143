import { Buffer } from 'node:buffer';
import { BitReader } from '../../bits/bit-reader.ts';
import { WireError } from '../../errors.ts';
import type { RtpPacket } from '../packet.ts';
import type { Depacketizer, Emit } from './depacketizer.ts';

const longestFrame = 8_192; // ISO/IEC 14496-3: 6144 bits a channel, and room for many channels
const mostFrames = 64;

/** What a description says of the format, RFC 3640 4.1; 0 for what it does not say. */
export interface AacSettings {
  /** Bits, 0 to 32. */
  readonly sizeLength: number;
  readonly indexLength: number;
  readonly indexDeltaLength: number;
  readonly auxiliaryDataSizeLength: number;
  /** Bytes of every frame. */
  readonly constantSize: number;
  /** Ticks of a frame. */
  readonly frameTicks: number;
}

/** MPEG-4 audio in the generic format, RFC 3640, without interleaving: any lengths of header fields. A unit is a frame. */
export class AacDepacketizer implements Depacketizer {
  readonly #settings: AacSettings;
  readonly #emit: Emit;
  /** A frame that goes over several packets: RFC 3640 3.2.3. */
  #fragments: Buffer[] = [];
  #missing = 0;
  #timestamp = 0;
  /** Something is missing in front of the next packet, or the frame that is going on can't be made whole. */
  #gap = false;
  #broken: number | undefined;

  constructor(settings: AacSettings, emit: Emit) {
    this.#settings = settings;
    this.#emit = emit;
  }

  push(packet: RtpPacket, timestamp: number): boolean {
    const payload = packet.payload();
    const gap = this.#gap;
    this.#gap = false;
    const { sizes, at } = this.#readHeaders(payload);
    const [size = 0] = sizes;
    const goesOn = this.#fragments.length > 0 && timestamp === this.#timestamp;
    const isPiece = sizes.length === 1 && (goesOn || at + size > payload.length);
    if (size > longestFrame) throw new WireError('too-large', 'rtp', `an AAC frame of ${size} bytes`);
    if (isPiece) return this.#gather(payload.subarray(at), size, packet.marker, timestamp, gap);
    const whole = this.#fragments.length === 0; // else its end is missing
    this.#fragments = [];
    this.#split(payload, sizes, at, timestamp);
    return whole;
  }

  lose(): void {
    this.#gap = true;
    this.#fragments = [];
  }

  #split(payload: Buffer, sizes: readonly number[], at: number, timestamp: number): void {
    let from = at;
    for (let index = 0; index < sizes.length; index += 1) {
      const size = sizes[index] ?? 0;
      if (from + size > payload.length) throw new WireError('truncated', 'rtp', 'an AAC frame is cut off');
      // Memory of its own: a frame must not keep a chunk of a connection alive.
      if (size > 0) {
        this.#emit([Buffer.from(payload.subarray(from, from + size))], timestamp + index * this.#settings.frameTicks);
      }
      from += size;
    }
  }

  /** Every piece tells the size of the whole frame, and none its place in it. */
  #gather(piece: Buffer, size: number, last: boolean, timestamp: number, gap: boolean): boolean {
    // Whether a beginning is missing can't be told behind a gap; and of empty pieces there could be any number.
    if (gap || piece.length === 0) this.#broken = timestamp;
    if (this.#broken === timestamp) return false;
    this.#broken = undefined;
    if (this.#fragments.length === 0 || timestamp !== this.#timestamp) {
      this.#fragments = [];
      this.#missing = size;
      this.#timestamp = timestamp;
    }
    this.#fragments.push(piece);
    this.#missing -= piece.length;
    if (this.#missing > 0 && !last) return true;
    const whole = this.#missing === 0;
    const frame = Buffer.concat(this.#fragments);
    this.#fragments = [];
    if (whole) this.#emit([frame], timestamp);
    else this.#broken = timestamp;
    return whole;
  }

  /** The AU-headers, RFC 3640 3.2.1: sizes of the frames, and where the first begins. */
  #readHeaders(payload: Buffer): { sizes: number[]; at: number } {
    const { sizeLength, indexLength, indexDeltaLength, auxiliaryDataSizeLength, constantSize } = this.#settings;
    if (sizeLength + indexLength === 0) {
      const size = constantSize === 0 ? payload.length : constantSize;
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
      const index = sizes.length === 0 ? indexLength : indexDeltaLength;
      if (left < sizeLength + index || sizes.length >= mostFrames) break;
      sizes.push(sizeLength === 0 ? constantSize : bits.bits(sizeLength));
      if (index > 0) bits.bits(index);
      left -= sizeLength + index;
    }
    let at = end;
    if (auxiliaryDataSizeLength > 0) {
      const auxiliary = new BitReader(payload.subarray(end), 'rtp').bits(auxiliaryDataSizeLength);
      at = end + Math.ceil((auxiliaryDataSizeLength + auxiliary) / 8); // RFC 3640 3.2.2
      if (at > payload.length) throw new WireError('truncated', 'rtp', 'the auxiliary section is cut off');
    }
    return { sizes, at };
  }
}
