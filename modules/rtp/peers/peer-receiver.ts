import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { Core } from '../../../core/core.ts';
import type { Publication } from '../../../core/streams/publication.ts';
import { afterIn, every } from '../../../core/time/clock.ts';
import { type Micros, millis, ZERO } from '../../../core/time/micros.ts';
import { WireError } from '../../../wire/errors.ts';
import type { ReportBlock, RtcpPacket } from '../../../wire/rtcp/packet.ts';
import { readRtcp } from '../../../wire/rtcp/reader.ts';
import { findExtensionNumber } from '../../../wire/rtp/extensions.ts';
import { RtpPacket, readRtpPacket } from '../../../wire/rtp/packet.ts';
import { receiverCompound } from '../compound.ts';
import type { RtpConfig } from '../config.ts';
import type { PeerBitrate, PeerIngest, PeerMedium } from '../contract.ts';
import { understands } from '../formats.ts';
import type { RtpCounters } from '../metrics.ts';
import { BestLayer } from './best-layer.ts';
import { type ExtensionIds, extensionIds } from './header-extensions.ts';
import { IncomingLayer } from './incoming-layer.ts';
import type { PacketHearing, PacketTransport } from './packet-transport.ts';
import { ReceiverBandwidth } from './receiver-bandwidth.ts';
import { restoreOriginal } from './retransmission.ts';
import { type IncomingSource, SourceBook } from './source-book.ts';

export interface PeerReceiverSettings {
  readonly config: Pick<RtpConfig, 'reorder' | 'unitPackets'>;
  readonly media: readonly PeerMedium[];
  readonly cname: string;
  readonly bitrate?: PeerBitrate;
}

export interface PeerReceiverDependencies {
  readonly core: Pick<Core, 'clock'>;
  readonly counters: RtpCounters;
  readonly transport: PacketTransport;
  readonly publication: Publication;
}

/** draft-holmer-rmcat-transport-wide-cc-extensions-01 3: once a round trip or so; libwebrtc sends 50 to 250 ms apart. */
const feedbackInterval = millis(50);
/** Reports go out with every twentieth feedback: once a second. */
const feedbacksPerReport = 20;
/** So often it is seen to that pictures which come can be decoded. */
const feedbacksPerSearch = 6;
/** So long without a picture while packets of it come. */
const pictureless = millis(800);
/** RFC 8853 knows no limit; browsers make three. */
const mostLayers = 6;
/** Reordering is not loss: so long after a gap shows it is asked for, and then again and again. */
const nackDelay = millis(5);
const nackInterval = millis(10);
/** The stream repeats what is not answered; whoever else asks is merged with that. */
const keyframeInterval = millis(100);

/** A browser's packets → publication: sources told apart, what is missing asked for, what arrived reported. */
export class PeerReceiver implements PeerIngest, PacketHearing {
  readonly #settings: PeerReceiverSettings;
  readonly #d: PeerReceiverDependencies;
  readonly #layers: readonly IncomingLayer[];
  readonly #sources: SourceBook;
  readonly #bandwidth: ReceiverBandwidth;
  readonly #packet = new RtpPacket();
  readonly #idsOf = new Map<PeerMedium, ExtensionIds>();
  /** The payload type that is repaired, by that of the retransmission. */
  readonly #repairs = new Map<number, number>();
  /** Ours, RFC 3550 5.1. */
  readonly #ssrc = randomBytes(4).readUInt32BE(0);
  #connected = false;
  #ticks = 0;
  #asking = false;
  #firSequence = 0;
  #lastKeyframeRequest = -Infinity;
  #orientation: number | undefined;
  #audioLevel: number | undefined;

  constructor(settings: PeerReceiverSettings, dependencies: PeerReceiverDependencies) {
    this.#settings = settings;
    this.#d = dependencies;
    const { core, counters, transport, publication } = dependencies;
    const media = settings.media.filter(
      ({ kind, formats }, index) =>
        formats.some((format) => understands(kind, format)) &&
        settings.media.findIndex((other) => other.kind === kind) === index, // a stream has one track of a kind
    );
    this.#layers = media.flatMap((medium) => this.#openLayers(medium));
    this.#sources = new SourceBook(this.#layers);
    this.#bandwidth = new ReceiverBandwidth(media, settings.bitrate ?? {});
    for (const medium of media) {
      this.#idsOf.set(medium, extensionIds(medium));
      for (const { payloadType, rtx } of medium.formats) if (rtx !== undefined) this.#repairs.set(rtx, payloadType);
    }
    counters.publishers += 1;
    publication.scope.defer(() => {
      counters.publishers -= 1;
    });
    every(publication.scope, core.clock, feedbackInterval, () => this.#tick());
    transport.listen(this);
  }

  get videoBytes(): number {
    let bytes = 0;
    for (const { intake, bytes: of } of this.#layers) if (intake.kind === 'video') bytes += of;
    return bytes;
  }

  get lastMedia(): Micros {
    let last = ZERO;
    for (const { intake } of this.#layers) if (intake.lastArrival > last) last = intake.lastArrival;
    return last;
  }

  onConnected(): void {
    this.#connected = true;
  }

  onRtp(bytes: Buffer, arrival: Micros): void {
    const { counters, publication } = this.#d;
    if (publication.scope.closed) return;
    const packet = this.#packet;
    counters.packetsIn += 1;
    counters.bytesIn += bytes.length;
    if (!readRtpPacket(bytes, packet)) {
      counters.malformed += 1;
      return;
    }
    this.#bandwidth.note(packet, arrival);
    const source = this.#sources.find(packet, arrival);
    if (source === undefined) counters.foreign += 1;
    else this.#take(packet, source, arrival);
    if (this.#bandwidth.pressing) this.#sendFeedback();
  }

  onRtcp(bytes: Buffer): void {
    if (this.#d.publication.scope.closed) return;
    try {
      for (const packet of readRtcp(bytes).packets) this.#obey(packet);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#d.counters.malformed += 1;
    }
  }

  requestKeyframe(): void {
    const { core, counters } = this.#d;
    const now = core.clock.now();
    if (now - this.#lastKeyframeRequest < keyframeInterval) return;
    const requests: RtcpPacket[] = [];
    for (const { intake, medium, ssrc } of this.#layers) {
      if (intake.kind !== 'video' || ssrc === undefined) continue;
      const request = this.#keyframeRequest(medium, ssrc);
      if (request !== undefined) requests.push(request);
    }
    if (requests.length === 0) return;
    this.#lastKeyframeRequest = now;
    counters.keyframeRequests += requests.length;
    this.#write(requests, []);
  }

  inspect(): Record<string, unknown> {
    return {
      layers: this.#layers.map((layer) => layer.inspect()),
      sources: this.#sources.size,
      ...this.#bandwidth.inspect(),
      ...(this.#orientation === undefined ? {} : { orientation: orientationOf(this.#orientation) }),
      ...(this.#audioLevel === undefined
        ? {}
        : { audioLevel: -(this.#audioLevel & 0x7f), voice: this.#audioLevel >= 0x80 }),
    };
  }

  #openLayers(medium: PeerMedium): IncomingLayer[] {
    const layered = medium.kind === 'video' && medium.rids.length > 0;
    const rids = layered ? medium.rids.slice(0, mostLayers) : [''];
    const { core, counters, publication } = this.#d;
    const best = layered ? new BestLayer(publication, core.clock) : undefined;
    return rids.map(
      (rid) =>
        new IncomingLayer(
          { medium, rid, config: this.#settings.config },
          {
            core,
            counters,
            publication,
            onLoss: () => publication.stream.requestKeyframe(),
            onUnit: (layer, unit) => best?.take(layer.rid, unit),
          },
        ),
    );
  }

  #take(packet: RtpPacket, { layer, retransmits }: IncomingSource, arrival: Micros): void {
    if (retransmits) {
      const original = this.#repairs.get(packet.payloadType);
      if (layer.ssrc === undefined || original === undefined) return;
      if (!restoreOriginal(packet, layer.ssrc, original)) return;
      this.#d.counters.retransmissions += 1;
    } else this.#look(packet, layer);
    layer.take(packet, arrival, retransmits);
    if (layer.missing > 0 && !this.#asking) this.#askIn(nackDelay);
  }

  /** What the packet tells besides its media. */
  #look(packet: RtpPacket, { medium }: IncomingLayer): void {
    const ids = this.#idsOf.get(medium);
    if (ids === undefined) return;
    if (ids.orientation !== 0) this.#orientation = findExtensionNumber(packet, ids.orientation, 1) ?? this.#orientation;
    if (ids.audioLevel !== 0) this.#audioLevel = findExtensionNumber(packet, ids.audioLevel, 1) ?? this.#audioLevel;
  }

  #obey(packet: RtcpPacket): void {
    if (packet.kind === 'sender-report') this.#sources.findLayer(packet.ssrc)?.intake.learn(packet);
    else if (packet.kind === 'goodbye') {
      for (const ssrc of packet.ssrcs) {
        this.#sources.findLayer(ssrc)?.intake.forgetSource(ssrc);
        this.#sources.forget(ssrc);
      }
    }
  }

  #askIn(delay: Micros): void {
    const { core, publication } = this.#d;
    this.#asking = true;
    afterIn(publication.scope, core.clock, delay, () => {
      this.#asking = false;
      const nacks: RtcpPacket[] = [];
      let missing = 0;
      for (const layer of this.#layers) {
        const nack = layer.nack(this.#ssrc, core.clock.now());
        if (nack !== undefined) nacks.push(nack);
        missing += layer.missing;
      }
      if (nacks.length > 0) this.#write(nacks, []);
      if (missing > 0) this.#askIn(nackInterval);
    });
  }

  #tick(): void {
    if (!this.#connected) return;
    this.#ticks += 1;
    this.#bandwidth.update(this.#d.core.clock.now());
    this.#sendFeedback();
    if (this.#ticks % feedbacksPerReport === 1) this.#report();
    if (this.#ticks % feedbacksPerSearch === 0) this.#seekKeyframe();
  }

  /** Packets of pictures come and no picture: the key frame that they began with was lost, or never sent. */
  #seekKeyframe(): void {
    const { core, publication } = this.#d;
    const since = core.clock.now() - pictureless;
    for (const { intake, lastUnit } of this.#layers) {
      if (intake.kind !== 'video' || intake.lastArrival < since || lastUnit >= since) continue;
      publication.stream.requestKeyframe();
    }
  }

  #sendFeedback(): void {
    const mediaSsrc = this.#layers.find(({ ssrc }) => ssrc !== undefined)?.ssrc ?? 0;
    for (;;) {
      const feedback = this.#bandwidth.feedback(this.#ssrc, mediaSsrc);
      if (feedback === undefined) return;
      this.#write([feedback], []);
    }
  }

  #keyframeRequest({ formats }: PeerMedium, mediaSsrc: number): RtcpPacket | undefined {
    const senderSsrc = this.#ssrc;
    const takes = (value: string): boolean => formats.some(({ feedback }) => feedback.includes(value));
    if (takes('nack pli')) return { kind: 'picture-loss', senderSsrc, mediaSsrc }; // RFC 4585 6.3.1
    if (!takes('ccm fir')) return undefined;
    this.#firSequence = (this.#firSequence + 1) & 0xff;
    return { kind: 'full-intra-request', senderSsrc, requests: [{ ssrc: mediaSsrc, sequence: this.#firSequence }] }; // RFC 5104 4.3.1
  }

  /** RFC 3550 6.4.2: a block for every source. */
  #report(): void {
    const now = this.#d.core.clock.now();
    const blocks: ReportBlock[] = [];
    for (const { intake } of this.#layers) {
      const block = intake.report(now);
      if (block !== undefined) blocks.push(block);
    }
    const ssrcs: number[] = [];
    for (const { intake, ssrc } of this.#layers) if (intake.kind === 'video' && ssrc !== undefined) ssrcs.push(ssrc);
    const remb = this.#bandwidth.remb(this.#ssrc, ssrcs);
    this.#write(remb === undefined ? [] : [remb], blocks);
  }

  #write(more: readonly RtcpPacket[], blocks: readonly ReportBlock[]): void {
    if (!this.#connected) return;
    const { transport } = this.#d;
    transport.sendRtcp(receiverCompound(this.#ssrc, this.#settings.cname, blocks, more));
    transport.flush();
  }
}

/** 3GPP TS 26.114 7.4.5: the lowest two bits are quarter turns. */
function orientationOf(value: number): Record<string, unknown> {
  return { degrees: (value & 3) * 90, mirrored: (value & 4) !== 0, backCamera: (value & 8) !== 0 };
}
