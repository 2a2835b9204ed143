import { Buffer } from 'node:buffer';
import { WireError } from '../../wire/errors.ts';
import type { RtpPacket } from '../../wire/rtp/packet.ts';
import { AacDepacketizer } from './aac-depacketizer.ts';
import type { RtpMedium } from './contract.ts';
import type { Depacketizer, DepacketizerLimits, Emit } from './depacketizer.ts';
import { audioCodecOf, codecNameOf, isLatm } from './formats.ts';
import { LatmDepacketizer, readLatmConfig } from './latm-depacketizer.ts';
import { h264Grammar, h265Grammar, NalDepacketizer } from './nal-depacketizer.ts';

/** The reader of a medium's payloads. Throws WireError for codecs that have none. */
export function depacketizerFor(medium: RtpMedium, limits: DepacketizerLimits, emit: Emit): Depacketizer {
  const name = codecNameOf(medium.kind, medium.format);
  switch (name) {
    case 'h264':
      return new NalDepacketizer(h264Grammar, limits, emit);
    case 'h265':
      return new NalDepacketizer(h265Grammar, limits, emit);
    case 'aac': {
      const codec = audioCodecOf(medium.format);
      const ticks =
        codec?.name === 'aac'
          ? Math.round((codec.samplesPerFrame * medium.format.clockRate) / codec.sampleRate)
          : 1_024;
      if (!isLatm(medium.format)) return new AacDepacketizer(medium.format, ticks, emit);
      const config = Buffer.from(medium.format.parameters.get('config') ?? '', 'hex');
      return new LatmDepacketizer(readLatmConfig(config).frames, ticks, emit);
    }
    case 'opus':
    case 'pcmu':
    case 'pcma':
    case 'g722':
    case 'g729':
    case 'speex':
      return new PlainDepacketizer(emit);
    default:
      throw new WireError('unsupported', 'rtp', `payloads of ${name ?? medium.format.encoding}`);
  }
}

/** A packet is a unit: RFC 3551 4.5, RFC 7587 4.2, RFC 5574 3.1. */
class PlainDepacketizer implements Depacketizer {
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
