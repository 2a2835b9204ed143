import { Buffer } from 'node:buffer';
import { aacCodec, aacCodecFromParameters } from '../../core/media/codecs/aac.ts';
import type { AacCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { CodecError } from '../../core/media/codecs/codec-error.ts';
import { WireError } from '../../wire/errors.ts';
import type { RtpPacket } from '../../wire/rtp/packet.ts';
import type { Depacketizer, Emit } from './depacketizer.ts';

const longestElement = 64 * 1_024;
const audioConfigFrom = 15;

export interface LatmConfig {
  readonly codec: AacCodec;
  /** Frames in one AudioMuxElement. */
  readonly frames: number;
}

/**
 * The StreamMuxConfig of a description, RFC 6416 7.4: one program with one layer, as every encoder sends it. Throws CodecError for
 * others.
 */
export function readLatmConfig(config: Buffer): LatmConfig {
  if (config.length < 4) throw new CodecError('malformed', 'aac', 'no StreamMuxConfig');
  const head = config.readUInt16BE(0) >> 1; // 15 bits, ISO/IEC 14496-3 1.7.3.1
  const version = head >> 14;
  const sameFraming = (head >> 13) & 1;
  const programs = (head >> 3) & 15;
  const layers = head & 7;
  if (version !== 0 || sameFraming !== 1 || programs !== 0 || layers !== 0) {
    throw new CodecError('unsupported', 'aac', 'a StreamMuxConfig of many layers');
  }
  const audio = aacCodec(shiftLeft(config, audioConfigFrom));
  // What stands behind the AudioSpecificConfig came along: it is written anew without.
  const { objectType, sampleRate, channels } = audio;
  return { codec: aacCodecFromParameters({ objectType, sampleRate, channels }), frames: ((head >> 7) & 63) + 1 };
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

/** MPEG-4 audio in LATM with its configuration out of band, RFC 6416 5.3. */
export class LatmDepacketizer implements Depacketizer {
  readonly #frames: number;
  readonly #ticks: number;
  readonly #emit: Emit;
  #pieces: Buffer[] = [];
  #length = 0;
  #timestamp = 0;
  /** An element whose beginning or middle is missing is left out up to its end. */
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
    this.#pieces.push(payload);
    this.#length += payload.length;
    if (this.#length > longestElement) throw new WireError('too-large', 'rtp', 'an AudioMuxElement of that length');
    if (!packet.marker) return true; // RFC 6416 5.2: the marker ends an element
    const element = this.#pieces.length === 1 ? payload : Buffer.concat(this.#pieces);
    const broken = this.#broken;
    this.#clear();
    this.#broken = false;
    if (!broken) this.#split(element, timestamp);
    return !broken;
  }

  lose(): void {
    this.#broken = this.#pieces.length > 0;
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
