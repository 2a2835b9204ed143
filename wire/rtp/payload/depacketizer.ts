import type { Buffer } from 'node:buffer';
import type { RtpPacket } from '../packet.ts';

/** Gets whole units: NAL units, OBUs or one part, and unwrapped ticks. */
export type Emit = (parts: readonly Buffer[], timestamp: number) => void;

/** Packets of one medium, in order → units. */
export interface Depacketizer {
  /** `timestamp` is unwrapped. False when what came belongs to a unit that can't be made whole. Throws WireError. */
  push(packet: RtpPacket, timestamp: number): boolean;
  /** Packets are missing here. */
  lose(): void;
}

/** What one unit may take of packets, and of bytes of their payloads. */
export interface DepacketizerLimits {
  readonly unitPackets: number;
  readonly unitBytes: number;
}
