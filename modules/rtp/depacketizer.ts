import type { Buffer } from 'node:buffer';
import type { RtpPacket } from '../../wire/rtp/packet.ts';

/** Gets whole units: NAL units or one part, and unwrapped ticks. */
export type Emit = (parts: readonly Buffer[], timestamp: number) => void;

/** Packets of one medium, in order → units. */
export interface Depacketizer {
  /** `timestamp` is unwrapped. False when what came belongs to a unit that can't be made whole. Throws WireError. */
  push(packet: RtpPacket, timestamp: number): boolean;
  /** Packets are missing here. */
  lose(): void;
}

export interface DepacketizerLimits {
  readonly unitPackets: number;
  readonly unitBytes: number;
}
