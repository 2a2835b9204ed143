import type { Core } from '../../../core/core.ts';
import type { AccessUnit } from '../../../core/media/access-unit.ts';
import { layerId } from '../../../core/streams/layers.ts';
import type { Publication } from '../../../core/streams/publication.ts';
import { type Micros, micros, millis, ZERO } from '../../../core/time/micros.ts';
import { nackEntries } from '../../../wire/rtcp/nack.ts';
import type { RtcpPacket } from '../../../wire/rtcp/packet.ts';
import type { RtpPacket } from '../../../wire/rtp/packet.ts';
import type { RtpConfig } from '../config.ts';
import type { PeerMedium } from '../contract.ts';
import { understands } from '../formats.ts';
import type { RtpCounters } from '../metrics.ts';
import { TrackIntake } from '../track-intake.ts';
import { extensionIds } from './header-extensions.ts';
import { MissingPackets } from './missing-packets.ts';

export interface IncomingLayerSettings {
  readonly medium: PeerMedium;
  /** The simulcast layer; empty without. */
  readonly rid: string;
  readonly config: Pick<RtpConfig, 'reorder' | 'unitPackets'>;
}

export interface IncomingLayerDependencies {
  readonly core: Pick<Core, 'clock'>;
  readonly publication: Publication;
  readonly counters: RtpCounters;
  /** What cannot be decoded without a key frame came. */
  readonly onLoss: () => void;
  /** Sees each unit before it is written. */
  readonly onUnit: (layer: IncomingLayer, unit: AccessUnit) => void;
}

/** Four times 10 Mbit/s of pictures for the longest wait. */
const capacity = 2_048;
/** Until an answer has been seen. */
const usualRoundTrip = millis(100);
/** A missing packet is waited for over three requests and their answers, within these bounds: less of a freeze than a key frame. */
const leastWait = millis(150);
const longestWait = millis(600);
const roundTrips = 5;
const slack = millis(40);

/** One source of pictures or sound of a publisher: its packets in order, what it lacks, what it has to be asked for. */
export class IncomingLayer {
  readonly rid: string;
  readonly medium: PeerMedium;
  readonly intake: TrackIntake;
  readonly #counters: RtpCounters;
  readonly #missing: MissingPackets | undefined;
  #rows = 0;
  #recovered = 0;
  #givenUp = 0;
  /** Bytes received, headers and all. */
  bytes = 0;
  /** When something whole last came of it, or its source began. */
  lastUnit: Micros = ZERO;

  constructor(settings: IncomingLayerSettings, dependencies: IncomingLayerDependencies) {
    const { medium, rid, config } = settings;
    const formats = medium.formats.filter((format) => understands(medium.kind, format));
    const asks = formats.some(({ feedback }) => feedback.includes('nack'));
    this.rid = rid;
    this.medium = medium;
    this.#counters = dependencies.counters;
    this.#missing = asks ? new MissingPackets(usualRoundTrip) : undefined;
    this.intake = new TrackIntake(
      {
        kind: medium.kind,
        formats,
        reorder: asks ? waitFor(usualRoundTrip) : config.reorder,
        capacity,
        unitPackets: config.unitPackets,
        captureTime: extensionIds(medium).captureTime,
        ...(rid === '' ? {} : { trackId: layerId(medium.kind, rid) }),
      },
      {
        ...dependencies,
        onUnit: (unit) => {
          this.lastUnit = dependencies.core.clock.now();
          dependencies.onUnit(this, unit);
        },
      },
    );
  }

  /** The source that comes in now. */
  get ssrc(): number | undefined {
    return this.intake.ssrc;
  }

  /** Packets that are missing and have not been given up. */
  get missing(): number {
    return this.#missing?.size ?? 0;
  }

  /** False for packets of another source than that which is being taken in. */
  take(packet: RtpPacket, arrival: Micros, retransmitted: boolean): boolean {
    const { intake } = this;
    const missing = this.#missing;
    this.bytes += packet.bytes.length;
    if (!intake.takePacket(packet, arrival, retransmitted)) return false;
    if (intake.rows !== this.#rows) {
      this.#rows = intake.rows;
      this.lastUnit = arrival;
      missing?.reset();
    }
    if (missing === undefined) return true;
    if (!missing.note(intake.sequence, arrival)) intake.flush();
    if (missing.size > 0) missing.giveUpBefore(intake.awaited);
    this.#count(missing);
    return true;
  }

  /** The NACK that is due, if any. RFC 4585 6.2.1. */
  nack(senderSsrc: number, now: Micros): RtcpPacket | undefined {
    const missing = this.#missing;
    const mediaSsrc = this.ssrc;
    if (missing === undefined || missing.size === 0 || mediaSsrc === undefined) return undefined;
    missing.giveUpBefore(this.intake.awaited);
    this.intake.reorder = waitFor(missing.roundTrip);
    this.#count(missing);
    const due = missing.due(now);
    if (due.length === 0) return undefined;
    this.#counters.nacksOut += 1;
    return { kind: 'nack', senderSsrc, mediaSsrc, entries: nackEntries(due) };
  }

  inspect(): Record<string, unknown> {
    const missing = this.#missing;
    return {
      ...(this.rid === '' ? {} : { rid: this.rid }),
      ...this.intake.inspect(),
      bytes: this.bytes,
      ...(missing === undefined
        ? {}
        : {
            missing: missing.size,
            recovered: missing.recovered,
            givenUp: missing.givenUp,
            answerMillis: Math.round(missing.roundTrip / 1_000),
          }),
    };
  }

  #count({ recovered, givenUp }: MissingPackets): void {
    this.#counters.recovered += recovered - this.#recovered;
    this.#counters.givenUp += givenUp - this.#givenUp;
    this.#recovered = recovered;
    this.#givenUp = givenUp;
  }
}

function waitFor(roundTrip: Micros): Micros {
  return micros(Math.min(longestWait, Math.max(leastWait, roundTrip * roundTrips + slack)));
}
