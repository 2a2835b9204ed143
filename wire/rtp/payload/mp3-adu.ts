import { Buffer } from 'node:buffer';
import { BitReader } from '../../bits/bit-reader.ts';
import { WireError } from '../../errors.ts';
import type { RtpPacket } from '../packet.ts';
import type { Depacketizer, Emit } from './depacketizer.ts';
import { mpegAudioTicks, readMpegAudioFrame } from './mpeg-audio-frame.ts';

/** Frames that may wait for the main data behind them. A reservoir of 511 bytes lies in no more of the smallest. */
const mostWaiting = 64;

/** Where things are in an ADU. */
interface AduFront {
  /** Bytes of the frame that it was. */
  readonly length: number;
  readonly ticks: number;
  /** Where the side information begins, and where it ends. */
  readonly sideAt: number;
  readonly mainDataAt: number;
  /** Bits of main_data_begin, the first of the side information. */
  readonly reservoirBits: 8 | 9;
}

interface WaitingFrame {
  readonly bytes: Buffer;
  readonly timestamp: number;
  readonly mainDataAt: number;
  /** Place of its area in the row of all main data. */
  readonly from: number;
  readonly to: number;
}

/**
 * MP3 as application data units, RFC 5219, without interleaving → plain frames. An ADU is a frame's header and side information with
 * all main data that belongs to it, however far in front of the frame that lies in a plain stream; here it is put back there.
 * An ADU whose data would lie in a frame that was lost becomes a frame of silence, of the same length and time: none is broken.
 */
export class Mp3AduDepacketizer implements Depacketizer {
  readonly #emit: Emit;
  #waiting: WaitingFrame[] = [];
  /** Where the area of the next frame begins, and up to where main data is taken. */
  #next = 0;
  #taken = 0;
  #fragments: Buffer[] = [];
  #missing = 0;
  #timestamp = 0;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  push(packet: RtpPacket, timestamp: number): boolean {
    const payload = packet.payload();
    let at = 0;
    let time = timestamp;
    while (at < payload.length) {
      // RFC 5219 4.2: C, T, and the size of the whole ADU in 6 or 14 bits
      const head = payload[at] ?? 0;
      const long = (head & 0x40) !== 0;
      if (long && at + 2 > payload.length) throw new WireError('truncated', 'rtp', 'an ADU descriptor is cut off');
      const size = long ? ((head & 0x3f) << 8) | (payload[at + 1] ?? 0) : head & 0x3f;
      at += long ? 2 : 1;
      if ((head & 0x80) !== 0) return this.#continue(payload.subarray(at), size, timestamp);
      if (this.#fragments.length > 0) this.lose(); // the end of one is missing
      if (at + size > payload.length) {
        this.#begin(payload.subarray(at), size, time);
        return true;
      }
      if (size > 0) time += this.#place(payload.subarray(at, at + size), time);
      at += size;
    }
    return true;
  }

  lose(): void {
    this.#fragments = [];
    // The data of what waits is there: it never lies behind its own frame.
    this.#release(Infinity);
    this.#next = 0;
    this.#taken = 0;
  }

  #begin(piece: Buffer, size: number, timestamp: number): void {
    this.#fragments = [piece];
    this.#missing = size - piece.length;
    this.#timestamp = timestamp;
  }

  /** RFC 5219 4.3: the pieces of a long ADU, each with its descriptor. */
  #continue(piece: Buffer, size: number, timestamp: number): boolean {
    const [first] = this.#fragments;
    const gathered = size - this.#missing;
    const fits = first !== undefined && gathered > 0 && timestamp === this.#timestamp && piece.length <= this.#missing;
    if (!fits || piece.length === 0) {
      if (first !== undefined) this.lose();
      return false;
    }
    this.#fragments.push(piece);
    this.#missing -= piece.length;
    if (this.#missing > 0) return true;
    const unit = Buffer.concat(this.#fragments);
    this.#fragments = [];
    this.#place(unit, timestamp);
    return true;
  }

  /** Puts an ADU's main data where it belongs; returns the ticks of its frame. */
  #place(unit: Buffer, timestamp: number): number {
    if (unit.length >= 4 && (unit.readUInt16BE(0) & 0xffe0) !== 0xffe0) {
      throw new WireError('unsupported', 'rtp', 'interleaved ADUs'); // RFC 5219 7: their number stands where the sync word does
    }
    const frame = readFront(unit);
    const back = new BitReader(unit.subarray(frame.sideAt), 'rtp').bits(frame.reservoirBits);
    const data = unit.subarray(frame.mainDataAt);
    const start = this.#next - back;
    const from = this.#next;
    const to = from + frame.length - frame.mainDataAt;
    // Frames that end before it get nothing more.
    this.#release(start);
    const bytes = Buffer.alloc(frame.length);
    this.#waiting.push({ bytes, timestamp, mainDataAt: frame.mainDataAt, from, to });
    this.#next = to;
    const fits = start >= this.#taken && start + data.length <= to;
    writeFront(bytes, unit, frame, fits);
    if (fits) this.#fill(data, start);
    if (this.#waiting.length > mostWaiting) this.#release(this.#waiting[0]?.to ?? 0);
    return frame.ticks;
  }

  /** Main data into the areas of the frames that wait. */
  #fill(data: Buffer, start: number): void {
    for (const { bytes, mainDataAt, from, to } of this.#waiting) {
      const begin = Math.max(from, start);
      const end = Math.min(to, start + data.length);
      if (begin < end) data.copy(bytes, mainDataAt + begin - from, begin - start, end - start);
    }
    this.#taken = start + data.length;
  }

  /** Emits the frames whose area ends at `upTo` or before. */
  #release(upTo: number): void {
    let count = 0;
    for (const frame of this.#waiting) {
      if (frame.to > upTo) break;
      count += 1;
      this.#taken = Math.max(this.#taken, frame.to);
      this.#emit([frame.bytes], frame.timestamp);
    }
    if (count > 0) this.#waiting = this.#waiting.slice(count);
  }
}

/** ISO/IEC 11172-3 2.4.1.7, 13818-3 2.4.1.7. */
function readFront(unit: Buffer): AduFront {
  const frame = readMpegAudioFrame(unit, 0);
  if (frame.layer !== 3) throw new WireError('malformed', 'rtp', 'an ADU of another layer');
  const sideAt = frame.guarded ? 6 : 4;
  const sideLength = frame.mpeg1 ? (frame.mono ? 17 : 32) : frame.mono ? 9 : 17;
  const mainDataAt = sideAt + sideLength;
  if (mainDataAt > unit.length || mainDataAt > frame.length) {
    throw new WireError('truncated', 'rtp', 'the side information of an ADU is cut off');
  }
  const ticks = mpegAudioTicks(frame, 1);
  return { length: frame.length, ticks, sideAt, mainDataAt, reservoirBits: frame.mpeg1 ? 9 : 8 };
}

/** Header and side information; those of silence are noughts behind the header. */
function writeFront(bytes: Buffer, unit: Buffer, frame: AduFront, whole: boolean): void {
  unit.copy(bytes, 0, 0, whole ? frame.mainDataAt : 4);
  if (!whole && frame.sideAt === 6) bytes.writeUInt16BE(crcOf(bytes, frame), 4);
}

/** Over the latter half of the header and the side information: ISO/IEC 11172-3 2.4.3.1. */
function crcOf(bytes: Buffer, { sideAt, mainDataAt }: AduFront): number {
  let crc = 0xffff;
  for (let at = 2; at < mainDataAt; at = at === 3 ? sideAt : at + 1) {
    crc ^= (bytes[at] ?? 0) << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : ((crc << 1) ^ 0x8005) & 0xffff;
    crc &= 0xffff;
  }
  return crc;
}
