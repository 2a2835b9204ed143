import { Buffer } from 'node:buffer';
import { WireError } from '../../errors.ts';
import type { RtpPacket } from '../packet.ts';
import type { Depacketizer, Emit } from './depacketizer.ts';

/** 10 ms of speech, and their ticks. RFC 3551 4.5.6. */
export const g729Frame = 10;
export const g729Ticks = 80;
/** A silence insertion descriptor of annex B, which may stand behind the speech. */
const descriptorLength = 2;

/**
 * G.729, RFC 3551 4.5.6: the frames of speech of a packet are one unit, as decoders take them and other peers want them again; a
 * silence descriptor behind them is a unit of its own.
 */
export class G729Depacketizer implements Depacketizer {
  readonly #emit: Emit;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  push(packet: RtpPacket, timestamp: number): boolean {
    const payload = packet.payload();
    const rest = payload.length % g729Frame;
    if (rest !== 0 && rest !== descriptorLength) {
      throw new WireError('malformed', 'rtp', `G.729 in ${payload.length} bytes`);
    }
    const speech = payload.length - rest;
    // Memory of its own: a frame must not keep a chunk of a connection alive.
    if (speech > 0) this.#emit([Buffer.from(payload.subarray(0, speech))], timestamp);
    if (rest > 0) this.#emit([Buffer.from(payload.subarray(speech))], timestamp + (speech / g729Frame) * g729Ticks);
    return true;
  }

  lose(): void {
    // The next packet is whole again.
  }
}
