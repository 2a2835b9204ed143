import { createHash } from 'node:crypto';
import { AccessUnit } from '../../core/media/access-unit.ts';
import type { H264Codec } from '../../core/media/codecs/codec-descriptor.ts';
import { h264NalType } from '../../core/media/codecs/nal-unit.ts';
import { layerId } from '../../core/streams/layers.ts';
import type { Publication, TrackWriter } from '../../core/streams/publication.ts';
import type { SubscribeRequest } from '../../core/streams/requests.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { QueuedUnit } from '../../core/streams/track-log.ts';
import { WritePacer } from '../../core/streams/write-pacer.ts';
import { ManualClock } from '../../core/time/manual-clock.ts';
import { type Micros, micros, millis, ZERO } from '../../core/time/micros.ts';
import type { PeerBitrate, PeerMedium } from '../../modules/rtp/contract.ts';
import { RtpCounters } from '../../modules/rtp/metrics.ts';
import { extensionUri, peerFeedback } from '../../modules/rtp/peers/header-extensions.ts';
import { PeerReceiver } from '../../modules/rtp/peers/peer-receiver.ts';
import { PeerSender } from '../../modules/rtp/peers/peer-sender.ts';
import { fakeH264, fakeOpus } from './fake-media.ts';
import { type PipeEnd, type PipeWay, packetPipe } from './packet-pipe.ts';
import { randomFrom } from './random.ts';
import { TestCore } from './test-core.ts';

export const ids = new Map<string, number>([
  [extensionUri.mid, 1],
  [extensionUri.sendTime, 2],
  [extensionUri.transportSequence, 3],
  [extensionUri.playoutDelay, 5],
  [extensionUri.captureTime, 6],
]);

export function videoMedium(
  overrides: Partial<PeerMedium> & { rtx?: number | undefined; feedback?: readonly string[] } = {},
): PeerMedium {
  const {
    rtx = 97,
    feedback = peerFeedback('video'),
    ...rest
  } = 'rtx' in overrides ? overrides : { ...overrides, rtx: 97 };
  const parameters = new Map([
    ['packetization-mode', '1'],
    ['profile-level-id', '640028'],
  ]);
  return {
    kind: 'video',
    mid: 'v',
    formats: [
      {
        payloadType: 96,
        encoding: 'H264',
        clockRate: 90_000,
        channels: undefined,
        parameters,
        feedback,
        rtx: 'rtx' in overrides ? overrides.rtx : rtx,
      },
    ],
    extensions: ids,
    rids: [],
    sources: [],
    ...rest,
  };
}

export function audioMedium(overrides: Partial<PeerMedium> = {}): PeerMedium {
  return {
    kind: 'audio',
    mid: 'a',
    formats: [
      {
        payloadType: 111,
        encoding: 'opus',
        clockRate: 48_000,
        channels: 2,
        parameters: new Map([['sprop-stereo', '1']]),
        feedback: peerFeedback('audio'),
        rtx: undefined,
      },
    ],
    extensions: ids,
    rids: [],
    sources: [],
    ...overrides,
  };
}

/** A stream whose pictures and sound are made up, on a manual clock: what a publisher of any protocol leaves in the core. */
export class FakeLive {
  readonly codec = fakeH264();
  readonly opus = fakeOpus();
  readonly clock: ManualClock;
  readonly publication: Publication;
  readonly #video: TrackWriter;
  readonly #audio: TrackWriter;
  readonly #random = randomFrom(7);
  #frame = 0;
  #sound = 0;
  #wanted = false;
  /** Bits a second of pictures. */
  rate = 1_000_000;
  group = 60;
  /** Layers beside the published track, which carries the last of them: bits a second by name. */
  layers: Readonly<Record<string, number>> = {};
  /** Their sizes, where they differ from that of the published track. */
  sizes: Readonly<Record<string, readonly [width: number, height: number]>> = {};
  readonly #codecs = new Map<string, H264Codec>();
  /** Hashes of the pictures of each layer. */
  readonly layerPictures = new Map<string, Set<string>>();
  readonly #layers = new Map<string, TrackWriter>();

  constructor(clock: ManualClock, publication: Publication) {
    this.clock = clock;
    this.publication = publication;
    this.#video = publication.addTrack(this.codec);
    this.#audio = publication.addTrack(this.opus);
  }

  /** The next picture is a key frame. */
  wantKeyframe(): void {
    this.#wanted = true;
  }

  /** Writes what has come due in `duration`, as time goes by. */
  async run(duration: Micros, step: Micros = millis(10)): Promise<void> {
    for (let passed = 0; passed < duration; passed += step) {
      const now = this.clock.now();
      while (this.#frame * 33_333 <= now) this.#writePicture();
      while (this.#sound * 20_000 <= now) this.#writeSound();
      await this.clock.advanceSettling(step, step);
    }
  }

  #writePicture(): void {
    const keyframe = this.#frame % this.group === 0 || this.#wanted;
    this.#wanted = false;
    const at = micros(this.#frame * 33_333);
    this.#frame += 1;
    const names = Object.keys(this.layers);
    if (names.length === 0) this.#video.write(this.#picture(at, keyframe, this.rate));
    for (const name of names) {
      const codec = this.#codecOf(name);
      const unit = this.#picture(at, keyframe, this.layers[name] ?? 0, codec);
      if (name === names.at(-1)) this.#video.write(unit);
      const writer = this.#layers.get(name) ?? this.publication.addTrack(codec, layerId('video', name));
      this.#layers.set(name, writer);
      writer.write(unit);
      const pictures = this.layerPictures.get(name) ?? new Set();
      this.layerPictures.set(name, pictures.add(fingerprint(unit)));
    }
  }

  #codecOf(name: string): H264Codec {
    const size = this.sizes[name];
    if (size === undefined) return this.codec;
    const codec = this.#codecs.get(name) ?? fakeH264({ width: size[0], height: size[1] });
    this.#codecs.set(name, codec);
    return codec;
  }

  #picture(at: Micros, keyframe: boolean, rate: number, codec = this.codec): AccessUnit {
    const size = Math.max(20, Math.round((rate / 8 / 30) * (keyframe ? 4 : 0.95)));
    const parts = keyframe ? [...codec.sps, ...codec.pps, this.#nal(0x65, size)] : [this.#nal(0x41, size)];
    return new AccessUnit({ codec, pts: at, dts: at, keyframe, parts });
  }

  #writeSound(): void {
    const at = micros(this.#sound * 20_000);
    const part = Buffer.alloc(60, this.#sound & 0xff);
    part.writeUInt32BE(this.#sound);
    this.#sound += 1;
    this.#audio.write(new AccessUnit({ codec: this.opus, pts: at, dts: at, keyframe: true, parts: [part] }));
  }

  #nal(header: number, size: number): Buffer {
    const nal = Buffer.alloc(size);
    for (let at = 0; at < size; at += 7) nal[at] = 1 + Math.floor(this.#random() * 254);
    nal[0] = header;
    nal[1] = 0x88; // first_mb_in_slice 0
    return nal;
  }
}

export interface Pair {
  readonly clock: ManualClock;
  readonly core: TestCore;
  readonly live: FakeLive;
  readonly subscription: Subscription;
  readonly sender: PeerSender;
  readonly receiver: PeerReceiver;
  readonly senderEnd: PipeEnd;
  readonly receiverEnd: PipeEnd;
  readonly counters: RtpCounters;
  readonly copy: Publication;
  /** Units that were written into the stream, and those that came out at the other end. */
  written(kind: 'video' | 'audio'): string[];
  received(kind: 'video' | 'audio'): string[];
  keyframesAsked: number;
}

export interface PairOptions {
  readonly way?: Partial<PipeWay>;
  readonly back?: Partial<PipeWay>;
  readonly video?: PeerMedium;
  readonly audio?: PeerMedium;
  readonly seed?: number;
  readonly subscribe?: Partial<SubscribeRequest>;
  readonly senderBitrate?: PeerBitrate;
  readonly receiverBitrate?: PeerBitrate;
  readonly rate?: number;
  readonly group?: number;
  readonly layers?: FakeLive['layers'];
  readonly sizes?: FakeLive['sizes'];
  /** Whether the publisher can be asked for key frames. */
  readonly asks?: boolean;
}

/** Stream → sender → network → receiver → stream. */
export async function openPair(options: PairOptions = {}): Promise<Pair> {
  const clock = new ManualClock();
  const core = new TestCore({ clock });
  const pair = { keyframesAsked: 0 } as { -readonly [K in keyof Pair]: Pair[K] };
  const asks = options.asks ?? true;
  const publication = await core.publish('live', {
    expects: ['video', 'audio'],
    ...(asks
      ? {
          requestKeyframe: () => {
            pair.keyframesAsked += 1;
            pair.live.wantKeyframe();
          },
        }
      : {}),
  });
  const live = new FakeLive(clock, publication);
  live.rate = options.rate ?? live.rate;
  live.group = options.group ?? live.group;
  live.layers = options.layers ?? {};
  live.sizes = options.sizes ?? {};
  const copy = await core.publish('copy', {
    expects: ['video', 'audio'],
    requestKeyframe: () => pair.receiver.requestKeyframe(),
  });
  const [senderEnd, receiverEnd] = packetPipe(clock, {
    seed: options.seed ?? 1,
    scope: core.scope.child('pipe'),
    ...options.way,
  });
  Object.assign(receiverEnd.way, { loss: 0, jitter: ZERO, rate: Infinity, queue: Infinity, ...options.back });
  const pacer = new WritePacer(
    { merge: ZERO, share: () => ({ clear: () => undefined }) },
    { clock, scope: core.scope, busyness: () => 0 },
  );
  const media = [options.video ?? videoMedium(), options.audio ?? audioMedium()];
  const counters = new RtpCounters();
  // One who has seen everything that was written.
  const everything = collect(await joined(core, 'live', {}, live));
  const subscription = await joined(core, 'live', { start: 'fresh', ...options.subscribe }, live);
  Object.assign(pair, { clock, core, live, subscription, senderEnd, receiverEnd, counters, copy });
  pair.receiver = new PeerReceiver(
    {
      config: { reorder: millis(60), unitPackets: 4_096 },
      media,
      cname: 'viewer',
      ...(options.receiverBitrate === undefined ? {} : { bitrate: options.receiverBitrate }),
    },
    { core, counters, transport: receiverEnd, publication: copy },
  );
  pair.sender = new PeerSender(
    { media, cname: 'server', ...(options.senderBitrate === undefined ? {} : { bitrate: options.senderBitrate }) },
    { core, counters, transport: senderEnd, subscription, pacer },
  );
  let copied: Collected | undefined;
  void core.subscribe('copy', { start: 'cached' }).then((reader) => {
    copied = collect(reader);
  });
  pair.written = (kind) => everything.of(kind);
  pair.received = (kind) => copied?.of(kind) ?? [];
  return pair;
}

async function joined(
  core: TestCore,
  name: string,
  request: Partial<SubscribeRequest>,
  live: FakeLive,
): Promise<Subscription> {
  const subscribed = core.subscribe(name, request);
  await live.run(millis(50));
  return subscribed;
}

interface Collected {
  of(kind: 'video' | 'audio'): string[];
}

function collect(subscription: Subscription): Collected {
  const units: QueuedUnit[] = [];
  void (async () => {
    for await (const queued of subscription) units.push(queued);
  })();
  return {
    of: (kind) => units.filter(({ track }) => track.kind === kind).map(({ unit }) => fingerprint(unit)),
  };
}

/** A hash of the bytes of a unit without parameter sets, which may go in band or not. */
function fingerprint(unit: AccessUnit): string {
  const parts =
    unit.codec.name === 'h264' ? unit.parts.filter((part) => ![7, 8].includes(h264NalType(part))) : unit.parts;
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 12);
}
