import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { Core } from '../../../core/core.ts';
import { describeReason } from '../../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../../core/lifecycle/scope.ts';
import type { Stream } from '../../../core/streams/stream.ts';
import type { Subscription } from '../../../core/streams/subscription.ts';
import type { MediaKind } from '../../../core/streams/track.ts';
import type { QueuedUnit } from '../../../core/streams/track-log.ts';
import { afterIn, every } from '../../../core/time/clock.ts';
import { type Micros, millis, seconds, ZERO } from '../../../core/time/micros.ts';
import type { RtcpPacket } from '../../../wire/rtcp/packet.ts';
import { writeRtcp } from '../../../wire/rtcp/writer.ts';
import { goodbyeCompound } from '../compound.ts';
import { type PeerBitrate, type PeerMedium, type PeerPlayback, ViewerLayerChanged } from '../contract.ts';
import type { RtpCounters } from '../metrics.ts';
import { peerPayloads, ticksOfPayload } from '../payloads.ts';
import { BandwidthProbe } from './bandwidth/bandwidth-probe.ts';
import { LayerChoice } from './layer-choice.ts';
import { OutgoingLink } from './outgoing-link.ts';
import { OutgoingMedium } from './outgoing-medium.ts';
import type { PacketHearing, PacketTransport } from './packet-transport.ts';
import { PictureSender } from './picture-sender.ts';
import { SendBudget } from './send-budget.ts';
import { ViewerControl } from './viewer-control.ts';

export interface PeerSenderSettings {
  /** One for each kind of medium that the subscription reads. */
  readonly media: readonly PeerMedium[];
  readonly cname: string;
  readonly bitrate?: PeerBitrate;
}

/** Calls those who take a stream away whenever it has something new: a `WritePacer`. */
export interface ViewerGroups {
  join(stream: Stream, viewer: { flush(): void }, limit: Micros, scope: Scope): void;
}

export interface PeerSenderDependencies {
  readonly core: Pick<Core, 'clock' | 'events'>;
  readonly counters: RtpCounters;
  readonly transport: PacketTransport;
  readonly subscription: Subscription;
  readonly pacer: ViewerGroups;
}

/** Two a second: a player needs one to put sound and picture side by side. RFC 3550 6.2 would allow it for such bandwidths. */
const reportInterval = seconds(1);
const padInterval = millis(10);

/** Subscription → packets to one browser. Sound leaves at once, pictures as `PictureSender` has room for them. */
export class PeerSender implements PeerPlayback, PacketHearing {
  readonly #settings: PeerSenderSettings;
  readonly #d: PeerSenderDependencies;
  readonly #media = new Map<MediaKind, OutgoingMedium>();
  readonly #pictures: PictureSender;
  readonly #layers: LayerChoice;
  readonly #probe = new BandwidthProbe();
  readonly #budget: SendBudget;
  readonly #control: ViewerControl;
  #playing = false;
  #newestPts: Micros = ZERO;
  #reported = false;
  #unfit: string | undefined;

  constructor(settings: PeerSenderSettings, dependencies: PeerSenderDependencies) {
    this.#settings = settings;
    this.#d = dependencies;
    const { core, counters, transport, subscription } = dependencies;
    const { clock } = core;
    this.#control = new ViewerControl(
      { bitrate: settings.bitrate ?? {} },
      { clock, events: core.events, counters, subscription },
    );
    this.#budget = new SendBudget(this.#control.pacing, clock.now());
    const link = new OutgoingLink({ transport, clock, counters, budget: this.#budget, hearing: this.#control });
    for (const medium of settings.media) {
      if (!this.#media.has(medium.kind)) this.#media.set(medium.kind, openMedium(medium, link));
    }
    for (const medium of this.#media.values()) this.#control.watch(medium);
    this.#pictures = new PictureSender({
      ...{ clock, transport, subscription, budget: this.#budget, medium: this.#media.get('video') },
      onSkip: () => this.#control.noteSkip(),
      onRoom: () => this.flush(),
    });
    this.#layers = new LayerChoice(subscription, (pictures) => this.#control.neededFor(pictures));
    counters.players += 1;
    subscription.scope.defer((reason) => {
      counters.players -= 1;
      this.#pictures.clear();
      if (!this.#playing) return;
      transport.sendRtcp(goodbyeCompound(this.#ssrcs(), reason));
      transport.flush();
    });
    transport.listen(this);
  }

  get videoBytes(): number {
    return this.#media.get('video')?.bytes ?? 0;
  }

  sourceOf(kind: MediaKind): { readonly ssrc: number; readonly rtx: number | undefined } | undefined {
    const medium = this.#media.get(kind);
    return medium === undefined ? undefined : { ssrc: medium.ssrc, rtx: medium.rtxSsrc };
  }

  onConnected(): void {
    const { subscription, pacer, core } = this.#d;
    if (this.#playing || subscription.scope.closed) return;
    this.#playing = true;
    // What was queued while the way was being opened is out of date.
    subscription.rejoin();
    this.#pictures.join();
    this.#budget.refill(core.clock.now());
    every(subscription.scope, core.clock, reportInterval, () => this.#report());
    pacer.join(subscription.stream, this, ZERO, subscription.scope);
    this.flush();
  }

  /** Viewers send no media. */
  onRtp(): void {
    this.#d.counters.foreign += 1;
  }

  onRtcp(bytes: Buffer, arrival: Micros): void {
    if (!this.#playing) return;
    const control = this.#control;
    const before = control.resent;
    control.take(bytes, arrival);
    this.#budget.rate = Math.max(control.pacing, this.#pictures.lastRate);
    if (control.resent !== before) this.#d.transport.flush();
    this.#layers.choose(control.estimate, arrival);
    // What would be of use if the way bore it: the next larger layer, or the whole of the one that is being watched.
    const goal = this.#layers.goal ?? (control.short ? control.needed : undefined);
    if (this.#probe.begin(arrival, control, goal, this.#sent)) this.#pad();
  }

  /** Sends what there is, as far as there is room. */
  flush(): void {
    const { subscription, core, transport } = this.#d;
    if (!this.#playing || subscription.scope.closed) return;
    const now = core.clock.now();
    this.#budget.refill(now);
    this.#changeLayer(now);
    for (let next = subscription.pull(); next !== undefined; next = subscription.pull()) this.#take(next, now);
    this.#pictures.send(now);
    transport.flush();
    if (!this.#reported) this.#report();
    const ended = subscription.endReason;
    if (ended === undefined) return;
    // Whatever it was to the publisher: to its viewers it has left.
    if (this.#pictures.waiting > 0) this.#pictures.hurry();
    else void subscription.scope.close({ code: 'publisher-left', detail: describeReason(ended) });
  }

  inspect(): Record<string, unknown> {
    const unfit = this.#unfit ?? this.#pictures.unfit;
    return {
      state: this.#playing ? this.#pictures.state : 'waiting for the transport',
      ...this.#d.subscription.counters,
      media: [...this.#media.values()].map((medium) => medium.inspect()),
      waitingPictures: this.#pictures.waiting,
      pacing: Math.round(this.#budget.rate),
      probes: this.#probe.probes,
      ...(this.#layers.layer === undefined ? {} : { layer: this.#layers.layer, layerChanges: this.#layers.changes }),
      ...(unfit === undefined ? {} : { unfit }),
      ...this.#control.inspect(),
    };
  }

  /** Bytes that have left. */
  get #sent(): number {
    let bytes = 0;
    for (const medium of this.#media.values()) bytes += medium.bytes;
    return bytes;
  }

  #changeLayer(now: Micros): void {
    if (!this.#layers.change(now)) return;
    this.#pictures.changeLayer();
    this.#control.restart();
    this.#probe.renew(now);
    this.#d.counters.layerChanges += 1;
    const { core, subscription } = this.#d;
    const track = subscription.tracks.find(({ kind }) => kind === 'video');
    if (track !== undefined) core.events.emit(ViewerLayerChanged, { subscription, track });
  }

  /** While a probe runs: padding beside the media. */
  #pad(): void {
    const { subscription, core, transport } = this.#d;
    const video = this.#media.get('video');
    let left = this.#probe.padding(core.clock.now(), this.#control, this.#sent);
    while (left > 0 && transport.backlog === 0) {
      const size = video?.pad() ?? 0;
      if (size === 0) break;
      left -= size;
      this.#budget.spend(-size); // media does not wait for it
    }
    transport.flush();
    if (this.#probe.active) afterIn(subscription.scope, core.clock, padInterval, () => this.#pad());
  }

  #take(queued: QueuedUnit, now: Micros): void {
    const { unit } = queued;
    if (unit.pts > this.#newestPts) this.#newestPts = unit.pts;
    this.#control.noteMedia(unit.size, unit.dts);
    if (queued.track.kind === 'audio') this.#sendSound(queued, now);
    else this.#pictures.take(queued, now);
  }

  #sendSound({ unit }: QueuedUnit, now: Micros): void {
    const medium = this.#media.get('audio');
    if (medium === undefined || this.#pictures.isCatchingUp(unit.pts)) return;
    if (!medium.begin(unit, unit.pts)) {
      this.#unfit = unit.codec.name;
      return;
    }
    const payloads = unit.as(peerPayloads);
    // RFC 3551 4.1: the marker of sound is for talkspurts, of which we know nothing.
    for (let index = 0; index < payloads.length; index += 1) {
      const payload = payloads[index] as Buffer;
      medium.send(payload, false, now);
      medium.advance(ticksOfPayload(unit.codec, payload));
    }
  }

  /** The same moment of the stream on the clocks of all media. RFC 3550 6.4.1. */
  #report(): void {
    const { subscription, core, transport } = this.#d;
    const { publication } = subscription.stream;
    const wall = publication?.timeline.wallAt(this.#newestPts) ?? core.clock.wallNow();
    const packets: RtcpPacket[] = [];
    for (const medium of this.#media.values()) {
      const report = medium.report(this.#newestPts, wall);
      if (report === undefined) continue;
      packets.push(report);
      this.#control.noteReport(report.ntp, core.clock.now());
    }
    if (packets.length === 0) return;
    this.#reported = true;
    const items = [{ type: 1, text: this.#settings.cname }];
    packets.push({ kind: 'source-description', chunks: this.#ssrcs().map((ssrc) => ({ ssrc, items })) });
    transport.sendRtcp(writeRtcp(packets));
    transport.flush();
  }

  #ssrcs(): number[] {
    const ssrcs: number[] = [];
    for (const { ssrc, rtxSsrc } of this.#media.values()) {
      ssrcs.push(ssrc);
      if (rtxSsrc !== undefined) ssrcs.push(rtxSsrc);
    }
    return ssrcs;
  }
}

function openMedium(medium: PeerMedium, link: OutgoingLink): OutgoingMedium {
  const random = randomBytes(14);
  return new OutgoingMedium(
    {
      medium,
      ssrc: random.readUInt32BE(0),
      rtxSsrc: random.readUInt32BE(4),
      firstSequence: random.readUInt16BE(8) >> 1, // far from the wrap, which libsrtp stumbles over when the first packet is lost
      firstTimestamp: random.readUInt32BE(10),
    },
    link,
  );
}
