import type { Buffer } from 'node:buffer';
import { AccessUnit } from '../../core/media/access-unit.ts';
import type { AudioCodec, VideoCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import { CodecError } from '../../core/media/codecs/codec-error.ts';
import { InBandCodec } from '../../core/media/codecs/in-band-codec.ts';
import { hasRecoveryPoint, isKeyframe } from '../../core/media/codecs/keyframe.ts';
import type { Publication, TrackWriter } from '../../core/streams/publication.ts';
import { fromTicks, type Micros, micros } from '../../core/time/micros.ts';
import { WireError } from '../../wire/errors.ts';
import type { RtpPacket } from '../../wire/rtp/packet.ts';
import type { Depacketizer, DepacketizerLimits } from '../../wire/rtp/payload/depacketizer.ts';
import type { RtpMedium } from './contract.ts';
import { DecodeTimes, usualDepth } from './decode-times.ts';
import { depacketizerFor } from './depacketizers.ts';
import { audioCodecOf, isDescribedInBand, mpegAudioCodecOf, videoCodecOf } from './described-codecs.ts';
import { codecNameOf } from './encodings.ts';

export interface UnitIntakeDependencies {
  readonly publication: Publication;
  readonly unitPackets: number;
  /** A unit was dropped, or more than one: a key frame is asked for. */
  readonly onDrop: () => void;
  readonly onMalformed: () => void;
  /** Unix time of capture of what has this (unwrapped) timestamp, where the source tells it. */
  readonly capturedAt?: (timestamp: number) => Micros | undefined;
  /** The track to write, by default that of the kind: also the name of the source's clock. */
  readonly trackId?: string;
  /** Sees each unit before it is written. */
  readonly onUnit?: (unit: AccessUnit) => void;
}

/** What the packets of one medium, in order, make of it: descriptors and units. */
export interface UnitIntake {
  /** `timestamp` is unwrapped. */
  push(packet: RtpPacket, timestamp: number, arrival: Micros): void;
  /** Packets are missing from here. */
  lose(): void;
  /** Another source begins. */
  reset(): void;
}

export function unitIntakeFor(medium: RtpMedium, dependencies: UnitIntakeDependencies): UnitIntake {
  return medium.kind === 'video' ? new VideoIntake(medium, dependencies) : new AudioIntake(medium, dependencies);
}

class VideoIntake implements UnitIntake {
  readonly #medium: RtpMedium;
  readonly #name: VideoCodecName;
  readonly #d: UnitIntakeDependencies;
  readonly #codec: InBandCodec;
  readonly #depacketizer: Depacketizer;
  readonly #times = new DecodeTimes(0, 1);
  #writer: TrackWriter | undefined;
  #adopted: unknown;
  #arrival = 0 as Micros;
  /** After a loss units refer to what is not there. */
  #broken = false;
  /** Packets are missing right in front of the next. */
  #gap = false;
  /** The unit whose first packet came behind a gap. */
  #behindGap: number | undefined;
  /** Type of the first NAL unit of key frames that came without a gap in front of them. */
  #opening: number | undefined;

  constructor(medium: RtpMedium, dependencies: UnitIntakeDependencies) {
    this.#medium = medium;
    this.#d = dependencies;
    const name = codecNameOf('video', medium.format);
    this.#name = (name ?? 'h264') as VideoCodecName;
    this.#codec = new InBandCodec(this.#name, videoCodecOf(medium.format));
    this.#depacketizer = depacketizerFor(medium, limitsOf(dependencies), (parts, timestamp) =>
      this.#write(parts, timestamp),
    );
  }

  push(packet: RtpPacket, timestamp: number, arrival: Micros): void {
    this.#arrival = arrival;
    if (this.#gap) {
      this.#gap = false;
      this.#behindGap = timestamp;
    }
    try {
      if (!this.#depacketizer.push(packet, timestamp)) this.#drop();
    } catch (error) {
      if (!(error instanceof WireError || error instanceof CodecError)) throw error;
      this.#d.onMalformed();
      this.lose();
    }
  }

  lose(): void {
    this.#gap = true;
    this.#depacketizer.lose();
    this.#drop();
  }

  reset(): void {
    this.#opening = undefined;
    this.#depacketizer.lose();
    this.#times.reset();
  }

  #drop(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#d.onDrop();
    this.#writer?.awaitKeyframe();
  }

  /**
   * A key frame behind a gap may have lost the packets in front of its slices, with new parameter sets among them: it is whole when
   * it begins as others do.
   */
  #lacksBeginning(parts: readonly Buffer[], timestamp: number): boolean {
    const header = parts[0]?.[0] ?? 0;
    const first = this.#name === 'h264' ? header & 31 : this.#name === 'h265' ? (header >> 1) & 63 : undefined;
    if (timestamp === this.#behindGap) return this.#opening !== undefined && first !== this.#opening;
    this.#opening = first;
    return false;
  }

  #write(parts: readonly Buffer[], timestamp: number): void {
    const codec = this.#codec.update(parts);
    if (codec === undefined) return;
    const keyframe = isKeyframe(this.#name, parts) || (this.#name === 'h264' && hasRecoveryPoint(parts));
    if (keyframe && this.#lacksBeginning(parts, timestamp)) return;
    if (this.#broken && !keyframe) return;
    this.#broken = false;
    const { clockRate } = this.#medium.format;
    if (codec !== this.#adopted) {
      this.#adopted = codec;
      const reorders = 'bFrames' in codec && codec.bFrames === true;
      const rate = 'frameRate' in codec && codec.frameRate !== undefined ? codec.frameRate : 25;
      this.#times.adopt(reorders ? usualDepth : 0, Math.floor(clockRate / rate));
    }
    const decoded = this.#times.next(timestamp);
    const dts = this.#d.publication.timeline.place(this.#d.trackId ?? 'video', decoded, clockRate, this.#arrival);
    const pts = micros(Math.max(0, dts + fromTicks(timestamp - decoded, clockRate)));
    const capturedAt = this.#d.capturedAt?.(timestamp);
    const unit = new AccessUnit({ codec, pts, dts, keyframe, parts, capturedAt });
    this.#d.onUnit?.(unit);
    this.#writer ??= this.#d.publication.addTrack(codec, this.#d.trackId);
    this.#writer.write(unit);
  }
}

class AudioIntake implements UnitIntake {
  readonly #medium: RtpMedium;
  readonly #d: UnitIntakeDependencies;
  #codec: AudioCodec | undefined;
  readonly #inBand: boolean;
  readonly #depacketizer: Depacketizer;
  #writer: TrackWriter | undefined;
  #arrival = 0 as Micros;

  constructor(medium: RtpMedium, dependencies: UnitIntakeDependencies) {
    this.#medium = medium;
    this.#d = dependencies;
    this.#codec = audioCodecOf(medium.format);
    this.#inBand = isDescribedInBand(medium.format);
    this.#depacketizer = depacketizerFor(medium, limitsOf(dependencies), (parts, timestamp) =>
      this.#write(parts, timestamp),
    );
  }

  push(packet: RtpPacket, timestamp: number, arrival: Micros): void {
    this.#arrival = arrival;
    try {
      this.#depacketizer.push(packet, timestamp);
    } catch (error) {
      if (!(error instanceof WireError || error instanceof CodecError)) throw error;
      this.#d.onMalformed();
    }
  }

  lose(): void {
    this.#depacketizer.lose();
  }

  reset(): void {
    this.#depacketizer.lose();
  }

  #write(parts: readonly Buffer[], timestamp: number): void {
    if (this.#inBand && parts[0] !== undefined) this.#codec = mpegAudioCodecOf(parts[0], this.#codec);
    const codec = this.#codec;
    if (codec === undefined) return;
    const at = this.#d.publication.timeline.place('audio', timestamp, this.#medium.format.clockRate, this.#arrival);
    this.#writer ??= this.#d.publication.addTrack(codec);
    const capturedAt = this.#d.capturedAt?.(timestamp);
    this.#writer.write(new AccessUnit({ codec, pts: at, dts: at, keyframe: true, parts, capturedAt }));
  }
}

function limitsOf({ unitPackets }: UnitIntakeDependencies): DepacketizerLimits {
  return { unitPackets, unitBytes: unitPackets * 2_048 };
}
