import { Buffer } from 'node:buffer';
import { WireError } from '../../errors.ts';
import type { RtpPacket } from '../packet.ts';
import type { Depacketizer, Emit } from './depacketizer.ts';
import { mpegAudioTicks, readMpegAudioFrame } from './mpeg-audio-frame.ts';

/** The header of MPEG audio, RFC 2250 3.5: 16 bits that must be zero, and Frag_offset. */
const headerLength = 4;
/** One frame → one payload, or fragments of at most `most` bytes. */
export function packetizeMpegAudio(frame: Buffer, most: number): Buffer[] {
  const payloads: Buffer[] = [];
  const room = most - headerLength;
  for (let at = 0; at < frame.length; at += room) {
    const end = Math.min(frame.length, at + room);
    const payload = Buffer.allocUnsafe(headerLength + end - at);
    payload.writeUInt16BE(0, 0);
    payload.writeUInt16BE(at, 2);
    frame.copy(payload, headerLength, at, end);
    payloads.push(payload);
  }
  return payloads;
}

/** MPEG audio of layers II and III in packets of RFC 2250 3.5: whole frames, or a fragment of one. A unit is a frame. */
export class MpegAudioDepacketizer implements Depacketizer {
  readonly #emit: Emit;
  #fragments: Buffer[] = [];
  #gathered = 0;
  #length = 0;
  #timestamp = 0;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  push(packet: RtpPacket, timestamp: number): boolean {
    const payload = packet.payload();
    if (payload.length < headerLength) throw new WireError('truncated', 'rtp', 'no header of MPEG audio');
    const offset = payload.readUInt16BE(2);
    if (offset > 0) return this.#continue(payload.subarray(headerLength), offset, timestamp);
    const whole = this.#fragments.length === 0;
    this.lose();
    this.#split(payload, timestamp);
    return whole;
  }

  lose(): void {
    this.#fragments = [];
    this.#gathered = 0;
  }

  #split(payload: Buffer, timestamp: number): void {
    let at = headerLength;
    for (let index = 0; at < payload.length; index += 1) {
      const frame = readMpegAudioFrame(payload, at);
      const end = at + frame.length;
      if (end > payload.length) {
        // RFC 2250 3.5: a fragment stands alone
        if (index > 0) throw new WireError('truncated', 'rtp', 'a frame of MPEG audio is cut off');
        this.#fragments.push(payload.subarray(at));
        this.#gathered = payload.length - at;
        this.#length = frame.length;
        this.#timestamp = timestamp;
        return;
      }
      // Memory of its own: a frame must not keep a chunk of a connection alive.
      this.#emit([Buffer.from(payload.subarray(at, end))], timestamp + mpegAudioTicks(frame, index));
      at = end;
    }
  }

  #continue(piece: Buffer, offset: number, timestamp: number): boolean {
    const fits = offset === this.#gathered && timestamp === this.#timestamp && offset + piece.length <= this.#length;
    if (this.#fragments.length === 0 || !fits || piece.length === 0) {
      this.lose();
      return false;
    }
    this.#fragments.push(piece);
    this.#gathered += piece.length;
    if (this.#gathered < this.#length) return true;
    const frame = Buffer.concat(this.#fragments);
    this.lose();
    this.#emit([frame], timestamp);
    return true;
  }
}
