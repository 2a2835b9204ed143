import { Buffer } from 'node:buffer';
import type { RtpPacket } from '../packet.ts';
import type { Depacketizer, Emit } from './depacketizer.ts';

/** A packet is a unit: G.711 and G.722 (RFC 3551 4.5), Opus (RFC 7587 4.2), Speex (RFC 5574 3.2). */
export class PlainDepacketizer implements Depacketizer {
  readonly #emit: Emit;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  push(packet: RtpPacket, timestamp: number): boolean {
    const payload = packet.payload();
    // Memory of its own: a frame must not keep a chunk of a connection alive.
    if (payload.length > 0) this.#emit([Buffer.from(payload)], timestamp);
    return true;
  }

  lose(): void {
    // The next packet is whole again.
  }
}

/**
 * Audio that can be cut after every `block` bytes → payloads of at most `most` bytes. Each is later than the one before by what
 * that holds: they don't share a timestamp (RFC 3551 4.2).
 */
export function packetizeBlocks(bytes: Buffer, block: number, most: number): readonly Buffer[] {
  if (bytes.length <= most) return bytes.length === 0 ? [] : [bytes];
  const room = Math.max(block, most - (most % block));
  const payloads: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += room) payloads.push(bytes.subarray(at, at + room));
  return payloads;
}
