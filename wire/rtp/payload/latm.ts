import { Buffer } from 'node:buffer';
import { WireError } from '../../errors.ts';
import type { RtpPacket } from '../packet.ts';
import type { Depacketizer, Emit } from './depacketizer.ts';

const longestElement = 64 * 1_024;
const mostPieces = 256;
const audioConfigFrom = 15;

/** What a StreamMuxConfig tells. */
export interface LatmSettings {
  /** Frames in one AudioMuxElement, 1 to 64. */
  readonly frames: number;
  /** Begins with the AudioSpecificConfig; what stands behind it came along. */
  readonly audioConfig: Buffer;
}

/**
 * The StreamMuxConfig of a description, RFC 6416 7.4: one program with one layer, as every encoder sends it. Throws WireError for
 * others.
 */
export function readStreamMuxConfig(config: Buffer): LatmSettings {
  if (config.length < 4) throw new WireError('truncated', 'rtp', 'no StreamMuxConfig');
  const head = config.readUInt16BE(0) >> 1; // 15 bits, ISO/IEC 14496-3 1.7.3.1
  const version = head >> 14;
  const sameFraming = (head >> 13) & 1;
  const programs = (head >> 3) & 15;
  const layers = head & 7;
  if (version !== 0 || sameFraming !== 1 || programs !== 0 || layers !== 0) {
    throw new WireError('unsupported', 'rtp', 'a StreamMuxConfig of many layers');
  }
  return { frames: ((head >> 7) & 63) + 1, audioConfig: shiftLeft(config, audioConfigFrom) };
}

/** The bits from `from` on, at the beginning of a byte. */
function shiftLeft(bytes: Buffer, from: number): Buffer {
  const first = from >> 3;
  const shift = from & 7;
  const out = Buffer.alloc(bytes.length - first);
  for (let index = 0; index < out.length; index += 1) {
    const pair = ((bytes[first + index] ?? 0) << 8) | (bytes[first + index + 1] ?? 0);
    out[index] = (pair >> (8 - shift)) & 0xff;
  }
  return out;
}

/** MPEG-4 audio in LATM with its configuration out of band, RFC 6416 5.3. A unit is a frame. */
export class LatmDepacketizer implements Depacketizer {
  readonly #frames: number;
  readonly #ticks: number;
  readonly #emit: Emit;
  #pieces: Buffer[] = [];
  #length = 0;
  #timestamp = 0;
  /** Behind a loss nothing tells where an element begins, but the marker of the one before. */
  #broken = false;

  /** `ticks` is the duration of a frame. */
  constructor(frames: number, ticks: number, emit: Emit) {
    this.#frames = frames;
    this.#ticks = ticks;
    this.#emit = emit;
  }

  push(packet: RtpPacket, timestamp: number): boolean {
    if (this.#pieces.length > 0 && timestamp !== this.#timestamp) this.#clear();
    this.#timestamp = timestamp;
    const payload = packet.payload();
    const broken = this.#broken;
    if (packet.marker) this.#broken = false; // RFC 6416 5.2: the marker ends an element
    if (broken) return false;
    if (packet.marker && this.#pieces.length === 0) {
      this.#split(payload, timestamp);
      return true;
    }
    this.#length += payload.length;
    if (this.#length > longestElement || this.#pieces.length === mostPieces) {
      this.#clear();
      this.#broken = !packet.marker;
      throw new WireError('too-large', 'rtp', 'an AudioMuxElement of that length');
    }
    this.#pieces.push(payload);
    if (!packet.marker) return true;
    const element = Buffer.concat(this.#pieces);
    this.#clear();
    this.#split(element, timestamp);
    return true;
  }

  lose(): void {
    this.#broken = true;
    this.#clear();
  }

  /** PayloadLengthInfo and PayloadMux, ISO/IEC 14496-3 1.7.3.1. */
  #split(element: Buffer, timestamp: number): void {
    let at = 0;
    for (let index = 0; index < this.#frames; index += 1) {
      let size = 0;
      for (;;) {
        const byte = element[at];
        if (byte === undefined) throw new WireError('truncated', 'rtp', 'a LATM length is cut off');
        at += 1;
        size += byte;
        if (byte !== 255) break;
      }
      if (at + size > element.length) throw new WireError('truncated', 'rtp', 'a LATM frame is cut off');
      if (size > 0) this.#emit([Buffer.from(element.subarray(at, at + size))], timestamp + index * this.#ticks);
      at += size;
    }
  }

  #clear(): void {
    this.#pieces = [];
    this.#length = 0;
  }
}
