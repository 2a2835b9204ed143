import { spawn } from 'node:child_process';
import { AccessUnit } from '../../core/media/access-unit.ts';
import { aacCodecFromParameters } from '../../core/media/codecs/aac.ts';
import type { AacCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { InBandCodec } from '../../core/media/codecs/in-band-codec.ts';
import { isKeyframe } from '../../core/media/codecs/keyframe.ts';
import type { Publication, TrackWriter } from '../../core/streams/publication.ts';
import type { PublishRequest } from '../../core/streams/requests.ts';
import { type Cancel, every } from '../../core/time/clock.ts';
import { fromTicks, type Micros, millis, seconds } from '../../core/time/micros.ts';
import { readAdtsHeader } from '../../wire/codec-records/adts.ts';
import { splitAnnexB } from '../../wire/codec-records/nal.ts';
import { TsDemuxer } from '../../wire/mpegts/demuxer.ts';
import { StreamType, TS_CLOCK_RATE } from '../../wire/mpegts/packet.ts';
import type { TsPes } from '../../wire/mpegts/pes-assembler.ts';
import type { TestCore } from './test-core.ts';

export interface ClipOptions {
  /** Eight seconds hold a whole number of AAC frames at 48 kHz, so that the clip can be looped. */
  readonly seconds?: number;
  readonly size?: string;
  readonly frameRate?: number;
  /** Frames from keyframe to keyframe. */
  readonly group?: number;
  readonly bFrames?: number;
  readonly video?: 'h264' | 'h265' | 'none';
  readonly audio?: 'aac' | 'none';
  /** Bits a second of the picture; by quality when not told. */
  readonly videoRate?: number;
}

/** Real access units in decode order, the first at 0. */
export interface Clip {
  readonly units: readonly AccessUnit[];
  readonly duration: Micros;
}

/** Makes a clip with ffmpeg: a test picture that counts, a tone. */
export async function makeClip(options: ClipOptions = {}): Promise<Clip> {
  const bytes = await run('ffmpeg', argumentsFor(options));
  return { units: readUnits(bytes, options), duration: seconds(options.seconds ?? 8) };
}

function argumentsFor(options: ClipOptions): string[] {
  const length = String(options.seconds ?? 8);
  const rate = options.frameRate ?? 30;
  const argv = ['-hide_banner', '-loglevel', 'error', '-nostdin'];
  const hasVideo = options.video !== 'none';
  const hasAudio = options.audio !== 'none';
  if (hasVideo) argv.push('-f', 'lavfi', '-i', `testsrc2=size=${options.size ?? '320x180'}:rate=${rate}`);
  if (hasAudio) argv.push('-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000');
  if (hasVideo) {
    const group = String(options.group ?? 30);
    const encoder = options.video === 'h265' ? 'libx265' : 'libx264';
    argv.push('-c:v', encoder, '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', group);
    if (encoder === 'libx264') argv.push('-sc_threshold', '0', '-bf', String(options.bFrames ?? 0));
    else argv.push('-x265-params', `log-level=none:scenecut=0:bframes=${options.bFrames ?? 0}`);
    if (options.videoRate !== undefined)
      argv.push(
        '-b:v',
        String(options.videoRate),
        '-minrate',
        String(options.videoRate),
        '-maxrate',
        String(options.videoRate),
        '-bufsize',
        String(options.videoRate),
      );
  }
  if (hasAudio) argv.push('-c:a', 'aac', '-ac', '2', '-b:a', '128k');
  return [...argv, '-t', length, '-f', 'mpegts', '-muxdelay', '0', 'pipe:1'];
}

/** What a program wrote; rejects with what it complained of. */
export function run(program: string, argv: readonly string[], input?: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const complaints: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out));
      else reject(new Error(`${program} ended with ${code}: ${Buffer.concat(complaints).toString().slice(-2_000)}`));
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/**
 * Units of a transport stream in decode order. Each track begins at 0, or, with `together`, the first unit of all: then
 * the offset between sound and picture is kept.
 */
export function readUnits(bytes: Buffer, options: ClipOptions, together = false): AccessUnit[] {
  const packets: TsPes[] = [];
  const demuxer = new TsDemuxer({}, { onProgram: () => undefined, onPes: (pes) => packets.push(pes) });
  demuxer.push(bytes);
  demuxer.flush();
  const video = new InBandCodec(options.video === 'h265' ? 'h265' : 'h264');
  const length = seconds(options.seconds ?? 8);
  const first = new Map<boolean, number>();
  let aac: AacCodec | undefined;
  const units: AccessUnit[] = [];
  for (const pes of packets) {
    const isAudio = pes.streamType === StreamType.adtsAac;
    const dts = pes.dts ?? pes.pts ?? 0;
    // Each track at 0: encoders' delays are of no interest here.
    const zero = first.get(isAudio && !together) ?? dts;
    first.set(isAudio && !together, zero);
    if (isAudio) {
      for (const { frame, codec, index } of splitAdts(pes.payload, aac)) {
        aac = codec;
        const at = (fromTicks(dts - zero, TS_CLOCK_RATE) + Math.round((index * 1_024e6) / codec.sampleRate)) as Micros;
        if (at < length) units.push(new AccessUnit({ codec, pts: at, dts: at, keyframe: true, parts: [frame] }));
      }
      continue;
    }
    const name = options.video === 'h265' ? 'h265' : 'h264';
    const parts = splitAnnexB(pes.payload, 'test').filter((part) => !isDelimiter(name, part));
    const codec = video.update(parts);
    if (codec === undefined) continue;
    const at = fromTicks(dts - zero, TS_CLOCK_RATE);
    const pts = fromTicks((pes.pts ?? dts) - zero, TS_CLOCK_RATE);
    units.push(new AccessUnit({ codec, pts, dts: at, keyframe: isKeyframe(name, parts), parts }));
  }
  return units.sort((a, b) => a.dts - b.dts);
}

function isDelimiter(name: 'h264' | 'h265', part: Buffer): boolean {
  const header = part[0] ?? 0;
  return name === 'h264' ? (header & 0x1f) === 9 : header >> 1 === 35;
}

function* splitAdts(payload: Buffer, known: AacCodec | undefined) {
  let codec = known;
  let index = 0;
  for (let at = 0; at < payload.length; index += 1) {
    const header = readAdtsHeader(payload, at);
    codec ??= aacCodecFromParameters({
      objectType: header.objectType,
      sampleRate: header.sampleRate,
      channels: header.channelConfiguration,
    });
    yield { frame: payload.subarray(at + header.headerLength, at + header.frameLength), codec, index };
    at += header.frameLength;
  }
}

/** A published clip, written as its time comes: by the core's clock, manual or not. */
export class MediaSource {
  readonly publication: Publication;
  /** Resolves when the last unit has been written; never for a loop. */
  readonly finished: Promise<void>;
  #finish: () => void = () => undefined;
  readonly #clip: Clip;
  readonly #loop: boolean;
  readonly #startedAt: Micros;
  readonly #offset: Micros;
  readonly #writers = new Map<string, TrackWriter>();
  readonly #now: () => Micros;
  #next = 0;
  #turns = 0;
  #cancel: Cancel = () => undefined;

  private constructor(
    publication: Publication,
    clip: Clip,
    details: { loop: boolean; offset: Micros; now: () => Micros },
  ) {
    this.publication = publication;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#clip = clip;
    this.#loop = details.loop;
    this.#offset = details.offset;
    this.#now = details.now;
    this.#startedAt = details.now();
  }

  /** Publishes `clip` under `name`. `offset` is the stream time of the first unit; a stream that came back has its own. */
  static async publish(
    core: Pick<TestCore, 'clock' | 'publish'>,
    name: string,
    clip: Clip,
    options: { readonly loop?: boolean; readonly offset?: Micros; readonly request?: Partial<PublishRequest> } = {},
  ): Promise<MediaSource> {
    const publication = await core.publish(name, options.request);
    // Anchors the timeline, as a module's ingest does.
    const start = publication.timeline.place('video', 0, 1_000, core.clock.now());
    const source = new MediaSource(publication, clip, {
      loop: options.loop ?? false,
      offset: options.offset ?? start,
      now: () => core.clock.now(),
    });
    for (const kind of ['video', 'audio'] as const) {
      const unit = clip.units.find((one) => one.codec.kind === kind);
      if (unit !== undefined) source.#writers.set(kind, publication.addTrack(unit.codec));
    }
    source.#cancel = every(publication.scope, core.clock, millis(5), () => source.#writeDue());
    source.#writeDue();
    return source;
  }

  /** Leaves with a goodbye: the stream ends. */
  async end(): Promise<void> {
    this.#cancel();
    await this.publication.scope.close({ code: 'done' });
  }

  /** Drops, as a connection does: viewers are kept for the grace. */
  async drop(): Promise<void> {
    this.#cancel();
    await this.publication.scope.close({ code: 'peer-left' });
  }

  #writeDue(): void {
    const elapsed = this.#now() - this.#startedAt;
    for (;;) {
      const unit = this.#clip.units[this.#next];
      if (unit === undefined) {
        if (!this.#loop) return this.#finish();
        this.#next = 0;
        this.#turns += 1;
        continue;
      }
      const shift = this.#turns * this.#clip.duration;
      if (unit.dts + shift > elapsed) return;
      this.#next += 1;
      this.#writers.get(unit.codec.kind)?.write(moved(unit, (shift + this.#offset) as Micros));
    }
  }
}

/** The same unit at another time; its bytes are shared. */
function moved(unit: AccessUnit, by: Micros): AccessUnit {
  if (by === 0) return unit;
  return new AccessUnit({
    codec: unit.codec,
    pts: (unit.pts + by) as Micros,
    dts: (unit.dts + by) as Micros,
    keyframe: unit.keyframe,
    parts: unit.parts,
  });
}
