import type { Buffer } from 'node:buffer';
import type { Core } from '../../core/core.ts';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import type { Publication } from '../../core/streams/publication.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import { fromTicks, type Micros, micros, seconds, ZERO } from '../../core/time/micros.ts';
import { unixFromNtp } from '../../wire/rtcp/ntp.ts';
import type { ReportBlock, SenderReport } from '../../wire/rtcp/packet.ts';
import { findExtension } from '../../wire/rtp/extensions.ts';
import { RtpPacket, readRtpPacket } from '../../wire/rtp/packet.ts';
import { sequenceDistance, unwrapSequence, unwrapTimestamp } from '../../wire/rtp/sequence.ts';
import type { RtpFormat } from './contract.ts';
import type { RtpCounters } from './metrics.ts';
import { Reception } from './reception.ts';
import { ReorderBuffer } from './reorder-buffer.ts';
import { type UnitIntake, unitIntakeFor } from './unit-intake.ts';

export interface TrackIntakeSettings {
  readonly kind: MediaKind;
  /** What the source may send, told apart by payload type; never empty. */
  readonly formats: readonly RtpFormat[];
  /** How long a missing packet is waited for; 0 on a connection. */
  readonly reorder: Micros;
  /** Packets that may wait for a missing one; a power of two. */
  readonly capacity?: number;
  readonly unitPackets: number;
  /** Id of the header extension for the time of capture; 0 without. */
  readonly captureTime?: number;
  /** The track to write, by default that of the kind. */
  readonly trackId?: string;
}

export interface TrackIntakeDependencies {
  readonly core: Pick<Core, 'clock'>;
  readonly publication: Publication;
  readonly counters: RtpCounters;
  /** Media was lost: the decoder can't go on. */
  readonly onLoss: () => void;
  /** Sees each unit before it is written. */
  readonly onUnit?: (unit: AccessUnit) => void;
}

/** A source that has been silent for so long may be followed by another one. */
const sourcePatience = seconds(1);
/** So far a sequence number may leap and still be of the same row. RFC 3550 A.1, more generous: cameras pause. */
const farthest = 3_000;
/** The end of a picture may be lost and come again before anything behind it. */
const farthestAhead = 64;

/** The packets of one medium → units: source, order, numbers, loss. */
export class TrackIntake {
  readonly kind: MediaKind;
  readonly #settings: TrackIntakeSettings;
  readonly #d: TrackIntakeDependencies;
  readonly #packet = new RtpPacket();
  readonly #ordered = new RtpPacket();
  readonly #buffer: ReorderBuffer;
  readonly #unitsOf = new Map<number, UnitIntake>();
  #reception: Reception;
  #clockRate: number;
  /** What comes out of the buffer now goes there. */
  #units: UnitIntake;
  #format: RtpFormat;
  #ssrc: number | undefined;
  #sequence = 0;
  #timestamp = 0;
  #reported: number | undefined;
  #lastArrival: Micros = ZERO;
  #captured: { readonly timestamp: number; readonly wall: number } | undefined;
  /** Times that a source was begun with: what is known of earlier sequence numbers is void then. */
  rows = 0;

  constructor(settings: TrackIntakeSettings, dependencies: TrackIntakeDependencies) {
    const { core, publication } = dependencies;
    const format = settings.formats[0];
    if (format === undefined) throw new TypeError('a medium without formats');
    this.#settings = settings;
    this.#d = dependencies;
    this.kind = settings.kind;
    this.#clockRate = format.clockRate;
    this.#reception = new Reception(format.clockRate);
    this.#format = format;
    this.#units = this.#openUnits(format);
    this.#buffer = new ReorderBuffer(
      { wait: settings.reorder, ...(settings.capacity === undefined ? {} : { capacity: settings.capacity }) },
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

  /** The sequence number of the packet taken last, unwrapped. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The sequence number that is waited for, unwrapped: whatever is before it came or was given up. */
  get awaited(): number {
    return this.#buffer.next ?? this.#sequence;
  }

  /** How long missing packets are waited for from here on. */
  set reorder(wait: Micros) {
    this.#buffer.wait = wait;
  }

  /** A packet as it came. Never throws for what a stranger sends. */
  take(bytes: Buffer, arrival: Micros): void {
    const { counters } = this.#d;
    counters.packetsIn += 1;
    counters.bytesIn += bytes.length;
    if (readRtpPacket(bytes, this.#packet)) this.takePacket(this.#packet, arrival);
    else counters.malformed += 1;
  }

  /**
   * As `take`, for a packet that has been read and counted. Of one that was sent again the network's loss and jitter are not made
   * better or worse. False when it is of another source or format.
   */
  takePacket(packet: RtpPacket, arrival: Micros, retransmitted = false): boolean {
    const { counters } = this.#d;
    const format = this.#formatOf(packet.payloadType);
    // What is sent again begins nothing, and is not of what is still to come.
    if (retransmitted && (!this.#isNear(packet) || this.#ahead(packet) > farthestAhead)) return false;
    if (format === undefined || !this.#isSource(packet.ssrc, packet, arrival)) {
      counters.foreign += 1;
      return false;
    }
    if (format.clockRate !== this.#clockRate) this.#changeClock(format, packet);
    // Padding, and what is sent again as padding, is no sign of media.
    if (!retransmitted && packet.payloadEnd > packet.payloadStart) this.#lastArrival = arrival;
    this.#sequence = unwrapSequence(this.#sequence, packet.sequence);
    const timestamp = unwrapTimestamp(this.#timestamp, packet.timestamp);
    if (timestamp > this.#timestamp) this.#timestamp = timestamp;
    if (!retransmitted) this.#reception.note(this.#sequence, timestamp, arrival);
    const { duplicates, reordered } = this.#buffer;
    this.#buffer.push(this.#sequence, packet.bytes);
    counters.duplicates += this.#buffer.duplicates - duplicates;
    counters.reordered += this.#buffer.reordered - reordered;
    return true;
  }

  /** The source's own clock beside the wall's. RFC 3550 6.4.1. */
  learn(report: SenderReport): void {
    if (this.#ssrc !== undefined && report.ssrc !== this.#ssrc) return;
    const { core, publication } = this.#d;
    this.#reception.noteReport(report.ntp, core.clock.now());
    if (report.ntp.seconds === 0) return; // it has no wall clock
    const before = this.#ssrc === undefined ? (this.#reported ?? report.rtpTimestamp) : this.#timestamp;
    const ticks = unwrapTimestamp(before, report.rtpTimestamp);
    // The report may come before the first packet: both are then counted from the same value.
    if (this.#ssrc === undefined) this.#reported = ticks;
    publication.timeline.learn(
      this.#settings.trackId ?? this.kind,
      ticks,
      this.#clockRate,
      micros(unixFromNtp(report.ntp)),
    );
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

  /** Waits for nothing that is missing now. */
  flush(): void {
    this.#buffer.flush();
  }

  inspect(): Record<string, unknown> {
    const { received, lost, jitter } = this.#reception;
    const { encoding, clockRate } = this.#format;
    return { kind: this.kind, encoding, received, lost, jitterMillis: Math.round((jitter * 1_000) / clockRate) };
  }

  #formatOf(payloadType: number): RtpFormat | undefined {
    const { formats } = this.#settings;
    for (let index = 0; index < formats.length; index += 1) {
      const format = formats[index];
      if (format?.payloadType === payloadType) return format;
    }
    return undefined;
  }

  #isNear(packet: RtpPacket): boolean {
    return packet.ssrc === this.#ssrc && Math.abs(this.#ahead(packet)) <= farthest;
  }

  #ahead({ sequence }: RtpPacket): number {
    return sequenceDistance(this.#sequence & 0xffff, sequence);
  }

  /** One source at a time; a stranger's packets among them change nothing. */
  #isSource(ssrc: number, packet: RtpPacket, arrival: Micros): boolean {
    if (ssrc === this.#ssrc) {
      if (!this.#isNear(packet)) this.#begin(ssrc, packet);
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
    for (const units of this.#unitsOf.values()) units.reset();
    if (!again && this.#reception.received > 0) this.#lose(0);
    this.#ssrc = ssrc;
    this.#sequence = packet.sequence;
    this.#timestamp = unwrapTimestamp(this.#reported ?? this.#timestamp, packet.timestamp);
    this.#captured = undefined;
    this.#reception = new Reception(this.#clockRate);
    this.rows += 1;
  }

  /** Another codec that counts with another clock: nothing of before says anything of what comes. */
  #changeClock(format: RtpFormat, packet: RtpPacket): void {
    this.#clockRate = format.clockRate;
    this.#reported = undefined;
    this.#begin(packet.ssrc, packet);
  }

  #release(bytes: Buffer): void {
    const packet = this.#ordered;
    if (!readRtpPacket(bytes, packet)) return;
    const timestamp = unwrapTimestamp(this.#timestamp, packet.timestamp);
    this.#noteCapture(packet, timestamp);
    // Browsers find out about bandwidth with packets of nothing but padding, numbered among the others.
    if (packet.payloadStart === packet.payloadEnd) return;
    if (packet.payloadType !== this.#format.payloadType) this.#changeFormat(packet.payloadType);
    this.#units.push(packet, timestamp, this.#lastArrival);
  }

  #changeFormat(payloadType: number): void {
    const format = this.#formatOf(payloadType);
    if (format === undefined) return;
    const known = this.#unitsOf.get(payloadType);
    this.#format = format;
    this.#units = known ?? this.#openUnits(format);
    known?.reset();
    known?.lose();
  }

  #openUnits(format: RtpFormat): UnitIntake {
    const { publication, onUnit } = this.#d;
    const { trackId } = this.#settings;
    const units = unitIntakeFor(
      { kind: this.kind, format, feedback: [] },
      {
        publication,
        unitPackets: this.#settings.unitPackets,
        onDrop: () => this.#dropped(),
        onMalformed: () => this.#malformed(),
        capturedAt: (timestamp) => this.#capturedAt(timestamp, format.clockRate),
        ...(trackId === undefined ? {} : { trackId }),
        ...(onUnit === undefined ? {} : { onUnit }),
      },
    );
    this.#unitsOf.set(format.payloadType, units);
    return units;
  }

  /** abs-capture-time: UQ32.32 seconds since 1900, on some packets only; the receiver counts on from there. */
  #noteCapture(packet: RtpPacket, timestamp: number): void {
    const { captureTime = 0 } = this.#settings;
    if (captureTime === 0) return;
    const value = findExtension(packet, captureTime);
    if (value === undefined || value.length < 8) return;
    const ntp = { seconds: value.readUInt32BE(0), fraction: value.readUInt32BE(4) };
    this.#captured = { timestamp, wall: unixFromNtp(ntp) };
  }

  #capturedAt(timestamp: number, clockRate: number): Micros | undefined {
    const known = this.#captured;
    return known === undefined ? undefined : micros(known.wall + fromTicks(timestamp - known.timestamp, clockRate));
  }

  #lose(count: number): void {
    this.#d.counters.lost += count;
    this.#units.lose();
  }

  #dropped(): void {
    this.#d.counters.incomplete += 1;
    this.#d.onLoss();
  }

  #malformed(): void {
    this.#d.counters.malformed += 1;
  }
}
