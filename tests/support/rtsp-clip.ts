import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { noCredentials } from '../../core/access/access-control.ts';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import { anyCodec } from '../../core/media/codec-target.ts';
import type { Server } from '../../core/server.ts';
import { eventually } from '../conformance/suite.ts';
import { runForeign } from './foreign-program.ts';
import { readUnits, run } from './media-source.ts';

const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];

/** What a file holds, in the order of decoding: md5 of each picture's slices and of each sound frame as they are coded. */
export interface CodedSums {
  readonly video: readonly string[];
  readonly audio: readonly string[];
}

/** A file that ffmpeg and GStreamer publish, with what it holds. */
export interface KnownClip {
  readonly file: string;
  readonly coded: CodedSums;
  readonly units: readonly AccessUnit[];
  /** Checksums of the planes of each picture, in the order of showing. */
  readonly pictures: readonly string[];
}

export interface KnownClipOptions {
  readonly seconds?: number;
  readonly bFrames?: number;
  /** Bits a second of the picture. */
  readonly rate?: string;
  /** Pictures from key frame to key frame, of 25 a second. */
  readonly group?: number;
}

/** H.264 of 640×360 with AAC, in MP4. */
export async function makeKnownClip(folder: string, options: KnownClipOptions = {}): Promise<KnownClip> {
  const { seconds = 5, bFrames = 2, rate = '1500k', group = 25 } = options;
  const file = join(folder, `clip-${seconds}-${bFrames}-${group}.mp4`);
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'];
  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=700:sample_rate=48000'];
  const video = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', String(bFrames), '-g', String(group)];
  const coding = [...video, '-sc_threshold', '0', '-pix_fmt', 'yuv420p', '-b:v', rate, '-c:a', 'aac', '-ac', '2'];
  await run('ffmpeg', [...quiet, ...picture, ...sound, '-t', String(seconds), ...coding, file]);
  const copied = await run('ffmpeg', [...quiet, '-i', file, '-c', 'copy', '-f', 'mpegts', '-muxdelay', '0', 'pipe:1']);
  const units = readUnits(copied, { seconds: 3_600 }, true);
  const shown = await runForeign('ffmpeg', [
    '-nostdin',
    '-i',
    file,
    '-map',
    '0:v',
    '-vf',
    'showinfo',
    '-f',
    'null',
    '-',
  ]);
  return { file, coded: sumsOf(units), units, pictures: readPlanes(shown) };
}

/** The checksums in what the filter `showinfo` logged. */
export function readPlanes(log: string): string[] {
  return [...log.matchAll(/plane_checksum:\[([0-9A-F ]+?) ?\]/g)].map(([, sums]) => sums ?? '');
}

/** Slices alone: parameter sets and messages may be told elsewhere, or more often. */
function picturesOf({ codec, parts }: AccessUnit): readonly Buffer[] {
  return codec.name === 'h264' ? parts.filter((part) => ((part[0] ?? 0) & 31) <= 5) : parts;
}

export function sumOf(unit: AccessUnit): string {
  return sumOfParts(picturesOf(unit));
}

export function sumOfParts(parts: readonly Buffer[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part).update('|');
  return hash.digest('hex');
}

export function sumsOf(units: readonly AccessUnit[]): CodedSums {
  const of = (kind: 'video' | 'audio'): string[] => units.filter(({ codec }) => codec.kind === kind).map(sumOf);
  return { video: of('video'), audio: of('audio') };
}

/** Everything that the server passes on of one stream. */
export class Recorder {
  readonly units: AccessUnit[] = [];
  readonly ended: Promise<void>;

  private constructor(units: AsyncIterable<{ readonly unit: AccessUnit }>) {
    this.ended = this.#gather(units);
  }

  /** Waits until somebody publishes, unless it is fetched when wanted; then for media as any viewer does. */
  static async start({ core }: Server, name: string, onDemand = false): Promise<Recorder> {
    await eventually(`the stream ${name}`, () => onDemand || core.streams.find(name) !== undefined);
    const session = core.sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', parent: core.scope });
    const wishes = (['video', 'audio'] as const).map((kind) => ({ kind, accepts: anyCodec(kind), optional: true }));
    const subscription = await core.streams.subscribe({ name, session, credentials: noCredentials, wishes });
    subscription.scope.defer(() => void session.scope.close({ code: 'done' }));
    return new Recorder(subscription);
  }

  get sums(): CodedSums {
    return sumsOf(this.units);
  }

  count(kind: 'video' | 'audio'): number {
    return this.units.filter(({ codec }) => codec.kind === kind).length;
  }

  async #gather(units: AsyncIterable<{ readonly unit: AccessUnit }>): Promise<void> {
    for await (const { unit } of units) this.units.push(unit);
  }
}
