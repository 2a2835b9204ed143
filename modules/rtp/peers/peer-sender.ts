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
import type { PeerBitrate, PeerMedium, PeerPlayback } from '../contract.ts';
import type { RtpCounters } from '../metrics.ts';
import { peerPayloads, ticksOfPayload } from '../payloads.ts';
import { BandwidthProbe } from './bandwidth/bandwidth-probe.ts';
import { CatchUp } from './catch-up.ts';
import { LayerChoice } from './layer-choice.ts';
import { OutgoingLink } from './outgoing-link.ts';
import { OutgoingMedium } from './outgoing-medium.ts';
import type { PacketHearing, PacketTransport } from './packet-transport.ts';
import { PictureQueue } from './picture-queue.ts';
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
/** Media that a connection has not taken yet: more is not put on top, but waits where it can still be skipped. */
const mostBacklog = 128 * 1_024;
const backlogPause = millis(20);
/** A picture that had to wait so long is out of date: the viewer goes on at a newer keyframe rather than behind the live picture. */
const patience = millis(500);
const leastStep = 1_000;
const padInterval = millis(10);
/** While the cached group is caught up with, which the viewer asked for. */
const joinPatience = seconds(3);
/** When the stream has ended: what still waits leaves within this, or not at all. */
const lastWords = seconds(1);
/** One viewer without bandwidth must not cost all the others a large keyframe each half second. */
const skipRequestInterval = seconds(3);

/**
 * Subscription → packets to one browser. Sound leaves at once; pictures wait for room in the budget, and those that have waited too
 * long are skipped up to the next keyframe.
 */
export class PeerSender implements PeerPlayback, PacketHearing {
  readonly #settings: PeerSenderSettings;
  readonly #d: PeerSenderDependencies;
  readonly #media = new Map<MediaKind, OutgoingMedium>();
  readonly #queue = new PictureQueue();
  readonly #layers: LayerChoice;
  readonly #probe = new BandwidthProbe();
  readonly #budget: SendBudget;
  readonly #control: ViewerControl;
  #catchUp: CatchUp | undefined;
  /** Until everything that was there or came while it was being sent has been sent. */
  #joining = false;
  /** Packets of the first picture that waits, how many of them have left, and whether that picture was begun. */
  #payloads: readonly Buffer[] = [];
  #at = 0;
  #begun = false;
  #playing = false;
  #waiting = false;
  #skipping = false;
  /** Bits a second at which what waits at the end of the stream leaves in time; 0 before the end. */
  #lastRate = 0;
  #lastSkipRequest = -Infinity;
  #newestPts: Micros = ZERO;
  #lastStamp = -Infinity;
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
    this.#layers = new LayerChoice(subscription, (pictures) => this.#control.neededFor(pictures));
    counters.players += 1;
    subscription.scope.defer((reason) => {
      counters.players -= 1;
      this.#queue.clear();
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
    this.#catchUp = CatchUp.of(subscription);
    this.#joining = true;
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
    this.#budget.rate = Math.max(control.pacing, this.#lastRate);
    if (control.resent !== before) this.#d.transport.flush();
    this.#layers.choose(control.estimate, arrival);
    // What would be of use if the way bore it: the next larger layer, or the whole of the one that is being watched.
    const goal = this.#layers.goal ?? (control.short ? control.needed : undefined);
    if (this.#probe.begin(arrival, control, goal, this.#sent)) this.#pad();
  }

  /** Sends what there is, as far as there is room. */
  flush(): void {
    const { subscription, core } = this.#d;
    if (!this.#playing || subscription.scope.closed) return;
    const now = core.clock.now();
    this.#budget.refill(now);
    this.#changeLayer(now);
    for (let next = subscription.pull(); next !== undefined; next = subscription.pull()) this.#take(next, now);
    this.#drain(now);
    if (!this.#reported) this.#report();
    const ended = subscription.endReason;
    if (ended === undefined) return;
    // Whatever it was to the publisher: to its viewers it has left.
    if (this.#queue.length > 0) this.#hurry();
    else void subscription.scope.close({ code: 'publisher-left', detail: describeReason(ended) });
  }

  /** Nothing will come after what waits: it needs no room for the next picture, and is not waited for long. */
  #hurry(): void {
    if (this.#lastRate > 0) return;
    const { subscription, core } = this.#d;
    this.#lastRate = Math.max(1, (this.#queue.bytes * 8e6) / (lastWords * 0.75));
    this.#budget.rate = Math.max(this.#budget.rate, this.#lastRate);
    afterIn(subscription.scope, core.clock, lastWords, () => {
      for (const queued of this.#queue.drop(0)) this.#countDropped(queued);
      this.flush();
    });
  }

  inspect(): Record<string, unknown> {
    return {
      state: this.#playing ? (this.#skipping ? 'waiting for a keyframe' : 'playing') : 'waiting for the transport',
      ...this.#d.subscription.counters,
      media: [...this.#media.values()].map((medium) => medium.inspect()),
      waitingPictures: this.#queue.length,
      pacing: Math.round(this.#budget.rate),
      probes: this.#probe.probes,
      ...(this.#layers.layer === undefined ? {} : { layer: this.#layers.layer, layerChanges: this.#layers.changes }),
      ...(this.#unfit === undefined ? {} : { unfit: this.#unfit }),
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
    // What is left of the layer before is not sent: its successor's key frame is there.
    for (const queued of this.#queue.drop(this.#begun ? 1 : 0)) this.#countDropped(queued);
    this.#skipping = false;
    this.#control.restart();
    this.#probe.renew(now);
    this.#d.counters.layerChanges += 1;
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
    if (queued.track.kind === 'audio') {
      this.#sendSound(queued, now);
      return;
    }
    if (this.#skipping) {
      if (!unit.keyframe) {
        this.#countDropped(queued);
        return;
      }
      this.#skipping = false;
    }
    this.#queue.push(queued, now);
  }

  #sendSound({ unit }: QueuedUnit, now: Micros): void {
    const medium = this.#media.get('audio');
    if (medium === undefined || this.#catchUp?.isPast(unit.pts) === true) return;
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

  #drain(now: Micros): void {
    const { transport } = this.#d;
    this.#skipWhatIsLate(now);
    while (this.#queue.length > 0) {
      if (!this.#begun && !this.#begin()) continue;
      if (!this.#budget.open || transport.backlog > mostBacklog) {
        this.#wait();
        break;
      }
      this.#sendPacket(now);
    }
    if (this.#queue.length === 0) this.#joining = false;
    transport.flush();
  }

  /** Takes up the first picture; false when the viewer has no format for it. */
  #begin(): boolean {
    const unit = this.#queue.first?.unit;
    const medium = this.#media.get('video');
    if (unit === undefined || medium === undefined || !medium.begin(unit, this.#stampOf(unit.pts))) {
      if (unit !== undefined && medium !== undefined) this.#unfit = unit.codec.name;
      this.#queue.shift();
      return false;
    }
    this.#payloads = unit.as(peerPayloads);
    this.#at = 0;
    this.#begun = this.#payloads.length > 0;
    if (!this.#begun) this.#queue.shift();
    return this.#begun;
  }

  #sendPacket(now: Micros): void {
    const payload = this.#payloads[this.#at];
    this.#at += 1;
    const last = this.#at >= this.#payloads.length;
    if (payload !== undefined) this.#media.get('video')?.send(payload, last, now); // RFC 6184 5.1, RFC 7741 4.1
    if (!last) return;
    this.#begun = false;
    this.#payloads = [];
    this.#queue.shift();
  }

  /** Rises from picture to picture: the clocks of two layers may differ a little, and browsers take no B-frames. */
  #stampOf(pts: Micros): Micros {
    if (this.#catchUp?.isPast(pts) === false) this.#catchUp = undefined;
    const stamp = Math.max(this.#catchUp?.stampOf(pts) ?? pts, this.#lastStamp + leastStep) as Micros;
    this.#lastStamp = stamp;
    return stamp;
  }

  #wait(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    const { subscription, core, transport } = this.#d;
    const pause = transport.backlog > mostBacklog ? backlogPause : this.#budget.pause;
    afterIn(subscription.scope, core.clock, pause, () => {
      this.#waiting = false;
      this.flush();
    });
  }

  /** The first picture waited too long: on to the newest keyframe, or to the next one that comes. */
  #skipWhatIsLate(now: Micros): void {
    const queue = this.#queue;
    const limit = this.#joining ? joinPatience : patience;
    if (queue.length < 2 || queue.waited(now) <= limit || this.#lastRate > 0) return;
    // What was begun is ended, and a keyframe is always of use.
    const from = this.#begun || queue.first?.unit.keyframe === true ? 1 : 0;
    const dropped = queue.skip(from);
    if (dropped.length === 0) return;
    for (const queued of dropped) this.#countDropped(queued);
    this.#d.subscription.counters.jumps += 1;
    this.#control.noteSkip();
    if (queue.length > from) return;
    this.#skipping = true;
    if (now - this.#lastSkipRequest < skipRequestInterval) return;
    this.#lastSkipRequest = now;
    this.#d.subscription.stream.requestKeyframe();
  }

  #countDropped({ unit }: QueuedUnit): void {
    const { counters } = this.#d.subscription;
    counters.droppedUnits += 1;
    counters.droppedBytes += unit.size;
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
