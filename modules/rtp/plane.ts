import { randomBytes } from 'node:crypto';
import type { Core } from '../../core/core.ts';
import { describeReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import type { Stream } from '../../core/streams/stream.ts';
import type { MediaKind, Track } from '../../core/streams/track.ts';
import { WritePacer } from '../../core/streams/write-pacer.ts';
import { measureBusyness } from '../../core/time/busyness.ts';
import type { Micros } from '../../core/time/micros.ts';
import type { RtpConfig } from './config.ts';
import type {
  DatagramPorts,
  DatagramRoute,
  IngestRequest,
  InterleavedSink,
  PlayLeg,
  PlayRequest,
  PortsRequest,
  RtpFormat,
  RtpIngest,
  RtpPlane,
  RtpPlayback,
} from './contract.ts';
import { formatFor, targetsFor, understands } from './formats.ts';
import { Ingest } from './ingest.ts';
import { InterleavedBatches } from './interleaved-batches.ts';
import { RtpCounters } from './metrics.ts';
import { OutgoingTrack } from './outgoing-track.ts';
import { PlayLegs, type SourceLeg } from './play-legs.ts';
import { Playback } from './playback.ts';
import { PortsBook } from './ports-book.ts';

/** RTP/AVP and AVPF over UDP and over connections. */
export class Plane implements RtpPlane {
  readonly counters = new RtpCounters();
  readonly ports: PortsBook;
  readonly #config: RtpConfig;
  readonly #core: Core;
  readonly #pacer: WritePacer<InterleavedBatches>;
  /** One source a track and payload type: all viewers share it. */
  readonly #sources = new WeakMap<Track, Map<number, OutgoingTrack>>();
  /** RFC 3550 6.5.1: one a server, which says nothing of the host. */
  readonly #cname = `switchyard-${randomBytes(6).toString('hex')}`;

  constructor(config: RtpConfig, core: Core) {
    this.#config = config;
    this.#core = core;
    this.ports = new PortsBook(config.ports, { core, counters: this.counters, latchWindow: config.latchWindow });
    this.#pacer = new WritePacer(
      { merge: config.merge, share: () => new InterleavedBatches() },
      { clock: core.clock, scope: core.scope, busyness: measureBusyness() },
    );
  }

  /** For how long interleaved media is held back now. */
  get merging(): Micros {
    return this.#pacer.interval;
  }

  /** Calls those who take media away. */
  get viewers(): WritePacer<InterleavedBatches> {
    return this.#pacer;
  }

  formatFor(codec: CodecDescriptor, payloadType: number): RtpFormat | undefined {
    return formatFor(codec, payloadType);
  }

  understands(kind: MediaKind, format: RtpFormat): boolean {
    return understands(kind, format);
  }

  targets(kind: MediaKind): readonly CodecTarget[] {
    return targetsFor(kind);
  }

  openPorts(request: PortsRequest, scope: Scope): Promise<DatagramPorts> {
    return this.ports.take(request, scope);
  }

  expect(route: DatagramRoute, scope: Scope): void {
    this.ports.expect(route, scope);
  }

  play(request: PlayRequest, scope: Scope): RtpPlayback {
    const { subscription, onEnd, onSign = () => undefined } = request;
    const hearing: { playback?: Playback } = {};
    const sources = request.legs.map((leg): SourceLeg => {
      const { kind } = leg.medium;
      const datagrams =
        leg.route.kind === 'datagram'
          ? this.ports.attach(
              leg.route,
              {
                onPacket: onSign, // it opens a way through a translator, and says that the peer lives
                onControl: (bytes) => hearing.playback?.takeControl(kind, bytes),
                anySource: false,
              },
              scope,
            )
          : undefined;
      return { ...leg, source: this.#sourceFor(subscription.stream, trackOf(request, leg), leg), datagrams };
    });
    const legs = new PlayLegs(sources, (why) => {
      if (why !== undefined) void subscription.scope.close({ code: 'failed', detail: why });
      onEnd();
    });
    const playback = new Playback({
      core: this.#core,
      scope,
      subscription,
      legs,
      sink: sinkOf(request.legs),
      merge: this.#config.merge,
      pacer: this.#pacer,
      counters: this.counters,
      onSign,
    });
    hearing.playback = playback;
    subscription.scope.defer(() => legs.end());
    return playback;
  }

  ingest(request: IngestRequest): RtpIngest {
    const { scope, stream } = request.publication;
    scope.defer((reason) =>
      this.#core.observe.log.debug('RTP ends.', { stream: stream.name, why: describeReason(reason) }),
    );
    return new Ingest(this.#config, request, {
      core: this.#core,
      counters: this.counters,
      ssrc: randomBytes(4).readUInt32BE(0),
      cname: this.#cname,
      attach: (leg, hear) => {
        if (leg.route.kind !== 'datagram') throw new TypeError('a connection needs no ports');
        return this.ports.attach(leg.route, { ...hear, anySource: request.anySource }, scope);
      },
    });
  }

  #sourceFor(stream: Stream, track: Track, { medium }: PlayLeg): OutgoingTrack {
    const { payloadType, clockRate } = medium.format;
    const ofTrack = this.#sources.get(track) ?? new Map<number, OutgoingTrack>();
    this.#sources.set(track, ofTrack);
    const known = ofTrack.get(payloadType);
    if (known !== undefined && known.clockRate === clockRate) return known;
    const random = randomBytes(10);
    const source = new OutgoingTrack(track, {
      payloadType,
      clockRate,
      ssrc: random.readUInt32BE(0),
      firstSequence: random.readUInt16BE(4) >> 1, // far from the wrap, which some old players stumble over at once
      firstTimestamp: random.readUInt32BE(6),
      cname: this.#cname,
      wallAt: (pts) => stream.publication?.timeline.wallAt(pts) ?? this.#core.clock.wallNow(),
    });
    ofTrack.set(payloadType, source);
    return source;
  }
}

function trackOf({ subscription }: PlayRequest, { medium }: PlayLeg): Track {
  const track = subscription.tracks.find(({ kind }) => kind === medium.kind);
  if (track === undefined) throw new TypeError(`the subscription reads no ${medium.kind}`);
  return track;
}

function sinkOf(legs: readonly PlayLeg[]): InterleavedSink | undefined {
  for (const { route } of legs) if (route.kind === 'interleaved') return route.sink;
  return undefined;
}
