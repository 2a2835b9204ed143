import type { Buffer } from 'node:buffer';
import type { Core } from '../../core/core.ts';
import type { Publication } from '../../core/streams/publication.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import { type Micros, micros, seconds, ZERO } from '../../core/time/micros.ts';
import { unixFromNtp } from '../../wire/rtcp/ntp.ts';
import type { ReportBlock, SenderReport } from '../../wire/rtcp/packet.ts';
import { RtpPacket, readRtpPacket } from '../../wire/rtp/packet.ts';
import { sequenceDistance, unwrapSequence, unwrapTimestamp } from '../../wire/rtp/sequence.ts';
import type { RtpMedium } from './contract.ts';
import type { RtpCounters } from './metrics.ts';
import { Reception } from './reception.ts';
import { ReorderBuffer } from './reorder-buffer.ts';
import { type UnitIntake, unitIntakeFor } from './unit-intake.ts';

export interface TrackIntakeSettings {
  readonly medium: RtpMedium;
  /** How long a missing packet is waited for; 0 on a connection. */
  readonly reorder: Micros;
  readonly unitPackets: number;
}

export interface TrackIntakeDependencies {
  readonly core: Core;
  readonly publication: Publication;
  readonly counters: RtpCounters;
  /** Media was lost: the decoder can't go on. */
  readonly onLoss: () => void;
}

/** A source that has been silent for so long may be followed by another one. */
const sourcePatience = seconds(1);
/** So far a sequence number may leap and still be of the same row. RFC 3550 A.1, more generous: cameras pause. */
const farthest = 3_000;

/** The packets of one medium → units: source, order, numbers, loss. */
export class TrackIntake {
  readonly kind: MediaKind;
  readonly #medium: RtpMedium;
  readonly #core: Core;
  readonly #publication: Publication;
  readonly #counters: RtpCounters;
  readonly #onLoss: () => void;
  readonly #packet = new RtpPacket();
  readonly #ordered = new RtpPacket();
  readonly #buffer: ReorderBuffer;
  readonly #units: UnitIntake;
  #reception: Reception;
  #ssrc: number | undefined;
  #sequence = 0;
  #timestamp = 0;
  #reported: number | undefined;
  #lastArrival: Micros = ZERO;

  constructor(settings: TrackIntakeSettings, dependencies: TrackIntakeDependencies) {
    const { core, publication, counters } = dependencies;
    this.#medium = settings.medium;
    this.kind = settings.medium.kind;
    this.#core = core;
    this.#publication = publication;
    this.#counters = counters;
    this.#onLoss = dependencies.onLoss;
    this.#reception = new Reception(settings.medium.format.clockRate);
    this.#units = unitIntakeFor(settings.medium, {
      publication,
      unitPackets: settings.unitPackets,
      onDrop: () => this.#dropped(),
      onMalformed: () => this.#malformed(),
    });
    this.#buffer = new ReorderBuffer(
      { wait: settings.reorder },
      {
        clock: core.clock,
        scope: publication.scope,
        release: (bytes) => this.#release(bytes),
        lose: (count) => this.#lose(count),
      },
    );
  }

  /** The source that is being taken in. */
  get ssrc(): number | undefined {
    return this.#ssrc;
  }

  get lastArrival(): Micros {
    return this.#lastArrival;
  }

  /** A packet as it came. Never throws for what a stranger sends. */
  take(bytes: Buffer, arrival: Micros): void {
    const packet = this.#packet;
    const counters = this.#counters;
    counters.packetsIn += 1;
    counters.bytesIn += bytes.length;
    if (!readRtpPacket(bytes, packet)) {
      counters.malformed += 1;
      return;
    }
    if (packet.payloadType !== this.#medium.format.payloadType || !this.#isSource(packet.ssrc, packet, arrival)) {
      counters.foreign += 1;
      return;
    }
    this.#lastArrival = arrival;
    this.#sequence = unwrapSequence(this.#sequence, packet.sequence);
    const timestamp = unwrapTimestamp(this.#timestamp, packet.timestamp);
    if (timestamp > this.#timestamp) this.#timestamp = timestamp;
    this.#reception.note(this.#sequence, timestamp, arrival);
    const { duplicates, reordered } = this.#buffer;
    this.#buffer.push(this.#sequence, bytes);
    counters.duplicates += this.#buffer.duplicates - duplicates;
    counters.reordered += this.#buffer.reordered - reordered;
  }

  /** The source's own clock beside the wall's. RFC 3550 6.4.1. */
  learn(report: SenderReport): void {
    if (this.#ssrc !== undefined && report.ssrc !== this.#ssrc) return;
    this.#reception.noteReport(report.ntp, this.#core.clock.now());
    if (report.ntp.seconds === 0) return; // it has no wall clock
    const before = this.#ssrc === undefined ? (this.#reported ?? report.rtpTimestamp) : this.#timestamp;
    const ticks = unwrapTimestamp(before, report.rtpTimestamp);
    // The report may come before the first packet: both are then counted from the same value.
    if (this.#ssrc === undefined) this.#reported = ticks;
    const wall = micros(unixFromNtp(report.ntp));
    this.#publication.timeline.learn(this.kind, ticks, this.#medium.format.clockRate, wall);
  }

  report(now: Micros): ReportBlock | undefined {
    return this.#ssrc === undefined ? undefined : this.#reception.report(this.#ssrc, now);
  }

  /** The source said goodbye: another may come. */
  forgetSource(ssrc: number): void {
    if (ssrc !== this.#ssrc) return;
    this.#buffer.flush();
    this.#ssrc = undefined;
    this.#reported = undefined;
  }

  flush(): void {
    this.#buffer.flush();
  }

  inspect(): Record<string, unknown> {
    const { received, lost, jitter } = this.#reception;
    const { encoding, clockRate } = this.#medium.format;
    return { kind: this.kind, encoding, received, lost, jitterMillis: Math.round((jitter * 1_000) / clockRate) };
  }

  /** One source at a time; a stranger's packets among them change nothing. */
  #isSource(ssrc: number, packet: RtpPacket, arrival: Micros): boolean {
    if (ssrc === this.#ssrc) {
      if (Math.abs(sequenceDistance(this.#sequence & 0xffff, packet.sequence)) <= farthest) return true;
      this.#begin(ssrc, packet);
      return true;
    }
    if (this.#ssrc !== undefined && arrival - this.#lastArrival < sourcePatience) return false;
    this.#begin(ssrc, packet);
    return true;
  }

  #begin(ssrc: number, packet: RtpPacket): void {
    const again = this.#ssrc === ssrc;
    this.#buffer.flush();
    this.#buffer.reset();
    this.#units.reset();
    if (!again && this.#reception.received > 0) this.#lose(0);
    this.#ssrc = ssrc;
    this.#sequence = packet.sequence;
    this.#timestamp = unwrapTimestamp(this.#reported ?? this.#timestamp, packet.timestamp);
    this.#reception = new Reception(this.#medium.format.clockRate);
  }

  #release(bytes: Buffer): void {
    const packet = this.#ordered;
    if (!readRtpPacket(bytes, packet)) return;
    this.#units.push(packet, unwrapTimestamp(this.#timestamp, packet.timestamp), this.#lastArrival);
  }

  #lose(count: number): void {
    this.#counters.lost += count;
    this.#units.lose();
  }

  #dropped(): void {
    this.#counters.incomplete += 1;
    this.#onLoss();
  }

  #malformed(): void {
    this.#counters.malformed += 1;
  }
}
