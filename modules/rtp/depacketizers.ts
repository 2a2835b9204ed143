import { Buffer } from 'node:buffer';
import { WireError } from '../../wire/errors.ts';
import type { RtpPacket } from '../../wire/rtp/packet.ts';
import type { RtpMedium } from './contract.ts';
import { codecNameOf } from './formats.ts';

export interface Depacketizer {
  /** False when a unit was given up. Throws WireError. */
  push(packet: RtpPacket, timestamp: number): boolean;
  lose(): void;
}

export type Emit = (parts: readonly Buffer[], timestamp: number) => void;

export function depacketizerFor(medium: RtpMedium, emit: Emit): Depacketizer {
  switch (codecNameOf(medium.kind, medium.format)) {
    case 'h264':
      return new H264Depacketizer(emit);
    case 'aac':
      return new AacDepacketizer(emit);
    default:
      return new PlainDepacketizer(emit);
  }
}

class PlainDepacketizer implements Depacketizer {
  readonly #emit: Emit;
  constructor(emit: Emit) {
    this.#emit = emit;
  }
  push(packet: RtpPacket, timestamp: number): boolean {
    const payload = packet.payload();
    if (payload.length > 0) this.#emit([Buffer.from(payload)], timestamp);
    return true;
  }
  lose(): void {}
}

class H264Depacketizer implements Depacketizer {
  readonly #emit: Emit;
  #parts: Buffer[] = [];
  #fragments: Buffer[] = [];
  #timestamp: number | undefined;
  #broken = false;
  constructor(emit: Emit) {
    this.#emit = emit;
  }
  push(packet: RtpPacket, timestamp: number): boolean {
    if (this.#timestamp !== undefined && timestamp !== this.#timestamp) this.#flush();
    this.#timestamp = timestamp;
    const payload = packet.payload();
    const type = (payload[0] ?? 0) & 31;
    if (type === 28) {
      const head = payload[1] ?? 0;
      if ((head & 0x80) !== 0) this.#fragments = [Buffer.of(((payload[0] ?? 0) & 0xe0) | (head & 31))];
      if (this.#fragments.length > 0) this.#fragments.push(payload.subarray(2));
      if ((head & 0x40) !== 0 && this.#fragments.length > 0) {
        this.#parts.push(Buffer.concat(this.#fragments));
        this.#fragments = [];
      }
    } else if (type === 24) {
      for (let at = 1; at + 2 <= payload.length; ) {
        const length = payload.readUInt16BE(at);
        if (at + 2 + length > payload.length) throw new WireError('malformed', 'rtp', 'STAP-A');
        this.#parts.push(payload.subarray(at + 2, at + 2 + length));
        at += 2 + length;
      }
    } else if (payload.length > 0) this.#parts.push(payload);
    if (packet.marker) this.#flush();
    return true;
  }
  lose(): void {
    this.#broken = true;
    this.#fragments = [];
  }
  #flush(): void {
    const parts = this.#parts;
    this.#parts = [];
    const broken = this.#broken;
    this.#broken = false;
    if (!broken && parts.length > 0) this.#emit(parts, this.#timestamp ?? 0);
    this.#timestamp = undefined;
  }
}

class AacDepacketizer implements Depacketizer {
  readonly #emit: Emit;
  constructor(emit: Emit) {
    this.#emit = emit;
  }
  push(packet: RtpPacket, timestamp: number): boolean {
    const payload = packet.payload();
    const count = payload.readUInt16BE(0) / 16;
    let at = 2 + count * 2;
    for (let index = 0; index < count; index += 1) {
      const size = payload.readUInt16BE(2 + index * 2) >> 3;
      this.#emit([Buffer.from(payload.subarray(at, at + size))], timestamp + index * 1024);
      at += size;
    }
    return true;
  }
  lose(): void {}
}
