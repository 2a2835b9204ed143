import type { Buffer } from 'node:buffer';
import type { Core } from '../../core/core.ts';
import type { Publication } from '../../core/streams/publication.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import { every } from '../../core/time/clock.ts';
import { type Micros, seconds, ZERO } from '../../core/time/micros.ts';
import { WireError } from '../../wire/errors.ts';
import type { RtcpPacket } from '../../wire/rtcp/packet.ts';
import { readRtcp } from '../../wire/rtcp/reader.ts';
import { receiverCompound } from './compound.ts';
import type { RtpConfig } from './config.ts';
import { type IngestLeg, type IngestRequest, type RtpIngest } from './contract.ts';
import { interleave } from './interleaved-batches.ts';
import type { RtpCounters } from './metrics.ts';
import type { DatagramLeg } from './play-legs.ts';
import { TrackIntake } from './track-intake.ts';

export interface IngestDependencies {
  readonly core: Core;
  readonly counters: RtpCounters;
  readonly ssrc: number;
  readonly cname: string;
  /** Makes a publisher's datagrams come in; gives the way back. */
  readonly attach: (
    leg: IngestLeg,
    hear: { onPacket: (bytes: Buffer) => void; onControl: (bytes: Buffer) => void },
  ) => DatagramLeg;
}

interface Leg extends IngestLeg {
  readonly intake: TrackIntake;
  sendControl(packet: Buffer): void;
}

/** RFC 3550 6.2. */
const reportInterval = seconds(5);

/** Packets of one publisher → units, with RTCP both ways. */
export class Ingest implements RtpIngest {
  readonly #core: Core;
  readonly #publication: Publication;
  readonly #counters: RtpCounters;
  readonly #dependencies: IngestDependencies;
  readonly #legs = new Map<MediaKind, Leg>();
  #firSequence = 0;

  constructor(config: RtpConfig, request: IngestRequest, dependencies: IngestDependencies) {
    const { core, counters } = dependencies;
    this.#core = core;
    this.#publication = request.publication;
    this.#counters = counters;
    this.#dependencies = dependencies;
    for (const leg of request.legs) this.#legs.set(leg.medium.kind, this.#open(config, leg));
    counters.publishers += 1;
    const { scope } = request.publication;
    scope.defer(() => {
      counters.publishers -= 1;
    });
    every(scope, core.clock, reportInterval, () => this.#report());
    // The first opens a way through a translator where it is we who sit behind one.
    this.#report();
  }

  get lastMedia(): Micros {
    let last = ZERO;
    for (const { intake } of this.#legs.values()) if (intake.lastArrival > last) last = intake.lastArrival;
    return last;
  }

  takePacket(kind: MediaKind, bytes: Buffer): void {
    this.#legs.get(kind)?.intake.take(bytes, this.#core.clock.now());
  }

  takeControl(kind: MediaKind, bytes: Buffer): void {
    const leg = this.#legs.get(kind);
    if (leg === undefined) return;
    try {
      for (const packet of readRtcp(bytes).packets) this.#obey(packet, leg);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#counters.malformed += 1;
    }
  }

  requestKeyframe(): void {
    const leg = this.#legs.get('video');
    const mediaSsrc = leg?.intake.ssrc;
    if (leg === undefined || mediaSsrc === undefined) return;
    const { feedback } = leg.medium;
    const senderSsrc = this.#dependencies.ssrc;
    const request: RtcpPacket | undefined = feedback.includes('nack pli')
      ? { kind: 'picture-loss', senderSsrc, mediaSsrc } // RFC 4585 6.3.1
      : feedback.includes('ccm fir')
        ? { kind: 'full-intra-request', senderSsrc, requests: [{ ssrc: mediaSsrc, sequence: this.#nextFir() }] } // RFC 5104 4.3.1
        : undefined;
    if (request === undefined) return;
    this.#counters.keyframeRequests += 1;
    leg.sendControl(this.#compound(leg, request));
  }

  inspect(): Record<string, unknown> {
    return { media: [...this.#legs.values()].map(({ intake }) => intake.inspect()) };
  }

  #open(config: RtpConfig, leg: IngestLeg): Leg {
    const core = this.#core;
    const { route, medium } = leg;
    const intake = new TrackIntake(
      {
        kind: medium.kind,
        formats: [medium.format],
        reorder: route.kind === 'datagram' ? config.reorder : ZERO,
        unitPackets: config.unitPackets,
      },
      {
        core,
        publication: this.#publication,
        counters: this.#counters,
        onLoss: () => undefined,
      },
    );
    if (route.kind === 'interleaved') {
      const { sink, controlChannel } = route;
      return {
        ...leg,
        intake,
        sendControl: (packet) => void sink.write(interleave(controlChannel, packet), () => undefined),
      };
    }
    const back = this.#dependencies.attach(leg, {
      onPacket: (bytes) => intake.take(bytes, core.clock.now()),
      onControl: (bytes) => this.takeControl(medium.kind, bytes),
    });
    return { ...leg, intake, sendControl: (packet) => back.sendControl(packet) };
  }

  #obey(packet: RtcpPacket, leg: Leg): void {
    if (packet.kind === 'sender-report') leg.intake.learn(packet);
    else if (packet.kind === 'goodbye') for (const ssrc of packet.ssrcs) leg.intake.forgetSource(ssrc);
  }

  #report(): void {
    for (const leg of this.#legs.values()) leg.sendControl(this.#compound(leg));
  }

  #compound(leg: Leg, more?: RtcpPacket): Buffer {
    const { ssrc, cname } = this.#dependencies;
    const block = leg.intake.report(this.#core.clock.now());
    return receiverCompound(ssrc, cname, block === undefined ? [] : [block], more === undefined ? [] : [more]);
  }

  #nextFir(): number {
    this.#firSequence = (this.#firSequence + 1) & 0xff;
    return this.#firSequence;
  }
}
