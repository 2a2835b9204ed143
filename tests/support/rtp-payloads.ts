import { Buffer } from 'node:buffer';
import { RtpPacket, readRtpPacket, writeRtpHeader } from '../../wire/rtp/packet.ts';
import { AacDepacketizer } from '../../wire/rtp/payload/aac-depacketizer.ts';
import { Av1Depacketizer } from '../../wire/rtp/payload/av1-depacketizer.ts';
import type { Depacketizer, DepacketizerLimits, Emit } from '../../wire/rtp/payload/depacketizer.ts';
import { G729Depacketizer } from '../../wire/rtp/payload/g729.ts';
import { LatmDepacketizer } from '../../wire/rtp/payload/latm.ts';
import { Mp3AduDepacketizer } from '../../wire/rtp/payload/mp3-adu.ts';
import { MpegAudioDepacketizer } from '../../wire/rtp/payload/mpeg-audio.ts';
import { Mpeg4VideoDepacketizer } from '../../wire/rtp/payload/mpeg4-video.ts';
import { h264Grammar, h265Grammar, NalDepacketizer } from '../../wire/rtp/payload/nal-depacketizer.ts';
import { PlainDepacketizer } from '../../wire/rtp/payload/plain.ts';
import { Vp8Depacketizer } from '../../wire/rtp/payload/vp8.ts';
import { Vp9Depacketizer } from '../../wire/rtp/payload/vp9.ts';

export const roomyLimits: DepacketizerLimits = { unitPackets: 4_096, unitBytes: 1 << 22 };

/** Ticks of a frame in what `depacketizers` reads of AAC. */
export const aacTicks = 1_024;

/** Every reader of payloads, by a name. AAC is AAC-hbr, LATM has two frames an element. */
export const depacketizers: Readonly<Record<string, (emit: Emit, limits: DepacketizerLimits) => Depacketizer>> = {
  h264: (emit, limits) => new NalDepacketizer(h264Grammar, limits, emit),
  h265: (emit, limits) => new NalDepacketizer(h265Grammar, limits, emit),
  vp8: (emit, limits) => new Vp8Depacketizer(limits, emit),
  vp9: (emit, limits) => new Vp9Depacketizer(limits, emit),
  mpeg4: (emit, limits) => new Mpeg4VideoDepacketizer(limits, emit),
  av1: (emit, limits) => new Av1Depacketizer(limits, emit),
  aac: (emit) => new AacDepacketizer(aacHbr, emit),
  latm: (emit) => new LatmDepacketizer(1, aacTicks, emit),
  latm2: (emit) => new LatmDepacketizer(2, aacTicks, emit),
  mpa: (emit) => new MpegAudioDepacketizer(emit),
  adu: (emit) => new Mp3AduDepacketizer(emit),
  g729: (emit) => new G729Depacketizer(emit),
  plain: (emit) => new PlainDepacketizer(emit),
};

export const aacHbr = {
  sizeLength: 13,
  indexLength: 3,
  indexDeltaLength: 3,
  auxiliaryDataSizeLength: 0,
  constantSize: 0,
  frameTicks: aacTicks,
};

export interface ReadUnit {
  readonly timestamp: number;
  /** Hexadecimal. */
  readonly parts: readonly string[];
}

/** A depacketizer by name with what it gives, fed with payloads. */
export class PayloadFeed {
  readonly units: ReadUnit[] = [];
  /** What `push` said. */
  readonly answers: boolean[] = [];
  readonly #packet = new RtpPacket();
  readonly #depacketizer: Depacketizer;

  constructor(format: string, limits: DepacketizerLimits = roomyLimits) {
    const make = depacketizers[format];
    if (make === undefined) throw new TypeError(`no depacketizer ${format}`);
    this.#depacketizer = make((parts, timestamp) => {
      this.units.push({ timestamp, parts: parts.map((part) => part.toString('hex')) });
    }, limits);
  }

  /** A whole packet. Its own timestamp counts where none is told. */
  packet(bytes: Buffer, timestamp?: number): void {
    if (!readRtpPacket(bytes, this.#packet)) throw new TypeError('no RTP');
    this.answers.push(this.#depacketizer.push(this.#packet, timestamp ?? this.#packet.timestamp));
  }

  payload(payload: Buffer, timestamp: number, marker: boolean): void {
    const bytes = Buffer.alloc(12 + payload.length);
    writeRtpHeader(bytes, 0, { marker, payloadType: 96, sequence: 0, timestamp, ssrc: 1 });
    payload.copy(bytes, 12);
    this.packet(bytes, timestamp);
  }

  /** All payloads of a unit, the marker on the last. */
  unit(payloads: readonly Buffer[], timestamp: number): void {
    payloads.forEach((payload, index) => this.payload(payload, timestamp, index === payloads.length - 1));
  }

  lose(): void {
    this.#depacketizer.lose();
  }
}
