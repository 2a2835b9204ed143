import type { Buffer } from 'node:buffer';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import { sameCodec } from '../../core/media/codecs/same-codec.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import type { QueuedUnit } from '../../core/streams/track-log.ts';
import type { Micros } from '../../core/time/micros.ts';
import type { RtpMedium, RtpRoute, RtpStart } from './contract.ts';
import type { InterleavedLeg } from './interleaved-batches.ts';
import type { OutgoingTrack } from './outgoing-track.ts';

/** Where one peer's datagrams of one medium go. */
export interface DatagramLeg {
  send(packet: Buffer): void;
  sendControl(packet: Buffer): void;
}

export interface SourceLeg {
  readonly medium: RtpMedium;
  readonly route: RtpRoute;
  readonly source: OutgoingTrack;
  readonly datagrams: DatagramLeg | undefined;
}

/** The media that one peer has set up, and whether what comes is still what it was told. */
export class PlayLegs {
  readonly #legs: ReadonlyMap<MediaKind, SourceLeg>;
  readonly #codecs = new Map<MediaKind, CodecDescriptor>();
  readonly #onEnd: (why: string | undefined) => void;
  #ended = false;

  /** `onEnd` is called once; with a reason when the stream became something that this peer was not told. */
  constructor(legs: readonly SourceLeg[], onEnd: (why: string | undefined) => void) {
    this.#legs = new Map(legs.map((leg) => [leg.medium.kind, leg]));
    this.#onEnd = onEnd;
    for (const { medium, source } of legs) this.#codecs.set(medium.kind, source.track.codec);
  }

  find(kind: MediaKind): SourceLeg | undefined {
    return this.#legs.get(kind);
  }

  all(): Iterable<SourceLeg> {
    return this.#legs.values();
  }

  interleaved(kind: MediaKind): InterleavedLeg | undefined {
    const leg = this.#legs.get(kind);
    if (leg?.route.kind !== 'interleaved') return undefined;
    return { source: leg.source, channel: leg.route.channel, controlChannel: leg.route.controlChannel };
  }

  datagram(kind: MediaKind): DatagramLeg | undefined {
    return this.#legs.get(kind)?.datagrams;
  }

  end(why?: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd(why);
  }

  fit(units: readonly QueuedUnit[]): boolean {
    for (let index = 0; index < units.length; index += 1) {
      if (!this.fitsOne(units[index] as QueuedUnit)) return false;
    }
    return true;
  }

  /** Parameter sets go in band; another codec, clock or configuration would need another description. */
  fitsOne({ unit, track }: QueuedUnit): boolean {
    const told = this.#codecs.get(track.kind);
    if (told === unit.codec || told === undefined) return true;
    this.#codecs.set(track.kind, unit.codec);
    if (sameFormat(told, unit.codec)) return true;
    this.end(`the ${track.kind} became ${unit.codec.name}, which needs another description`);
    return false;
  }

  /** Where playing begins: the same moment for all media; undefined while nothing is there. */
  starts(first: readonly QueuedUnit[]): readonly RtpStart[] {
    const from = earliest(first);
    if (from === undefined) return [];
    const starts: RtpStart[] = [];
    for (const { medium, source } of this.#legs.values()) {
      const head = first.find((queued) => queued.track.kind === medium.kind);
      const sequence = head === undefined ? source.nextSequence : source.send(head).sequence;
      starts.push({
        kind: medium.kind,
        ssrc: source.ssrc,
        sequence: sequence & 0xffff,
        timestamp: source.timestampOf(from) >>> 0,
      });
    }
    return starts;
  }

  /** A report for each medium, so that the peer can put them side by side from the first packet on. */
  firstReports(first: readonly QueuedUnit[]): readonly { readonly leg: SourceLeg; readonly report: Buffer }[] {
    const from = earliest(first);
    if (from === undefined) return [];
    return [...this.#legs.values()].map((leg) => ({ leg, report: leg.source.reportFor(from) }));
  }
}

function earliest(units: readonly QueuedUnit[]): Micros | undefined {
  let least: Micros | undefined;
  for (const { unit } of units) if (least === undefined || unit.pts < least) least = unit.pts;
  return least;
}

function sameFormat(told: CodecDescriptor, now: CodecDescriptor): boolean {
  if (told.name !== now.name) return false;
  if (now.kind === 'video' || told.kind === 'video') return true;
  return now.name === 'aac'
    ? sameCodec(told, now)
    : now.sampleRate === told.sampleRate && now.channels === told.channels;
}
