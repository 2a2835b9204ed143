import type { Buffer } from 'node:buffer';
import { describeError, SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import type { SnapshotRequest, Snapshots } from '../../core/renditions/snapshots.ts';
import type { StreamRegistry } from '../../core/streams/stream-registry.ts';
import { seconds } from '../../core/time/micros.ts';
import { NutWriter } from '../../wire/nut/writer.ts';
import type { Ffmpeg } from '../ffmpeg/ffmpeg.ts';
import { askFfmpeg } from '../ffmpeg/ffmpeg-process.ts';
import { sourcePieces, sourceStream } from '../ffmpeg/source-stream.ts';

const longestPicture = 64 << 20;
const mostAtOnce = 8;
const timeout = seconds(5);

export interface SnapshotDependencies {
  readonly ffmpeg: Ffmpeg;
  readonly streams: StreamRegistry;
  readonly scope: Scope;
}

/** Decodes the newest keyframe of a stream, once for all who ask for the same picture; nothing runs in between. */
export class SnapshotTaker implements Snapshots {
  readonly #dependencies: SnapshotDependencies;
  /** Pictures live as long as the keyframe that they show. */
  readonly #taken = new WeakMap<AccessUnit, Map<string, Promise<Buffer>>>();
  #running = 0;

  constructor(dependencies: SnapshotDependencies) {
    this.#dependencies = dependencies;
  }

  async take(streamName: string, request: SnapshotRequest): Promise<Buffer> {
    const keyframe = this.#findKeyframe(streamName);
    const pictures = this.#taken.get(keyframe) ?? new Map<string, Promise<Buffer>>();
    this.#taken.set(keyframe, pictures);
    const key = `${request.format} ${request.width ?? ''}`;
    const known = pictures.get(key);
    if (known !== undefined) return known;
    const picture = this.#decode(keyframe, request);
    pictures.set(key, picture);
    picture.catch(() => pictures.delete(key));
    return picture;
  }

  #findKeyframe(streamName: string): AccessUnit {
    const stream = this.#dependencies.streams.find(streamName);
    if (stream === undefined) throw new SwitchyardError('stream-not-found', { stream: streamName });
    const log = stream.findTrack('video')?.log;
    const position = log?.findNewestKeyframe('video');
    const keyframe = position === undefined ? undefined : log?.find(position)?.unit;
    if (keyframe === undefined) throw new SwitchyardError('stream-has-no-media', { stream: streamName, seconds: 0 });
    return keyframe;
  }

  async #decode(keyframe: AccessUnit, request: SnapshotRequest): Promise<Buffer> {
    const { ffmpeg, scope } = this.#dependencies;
    if (this.#running >= mostAtOnce) {
      throw new SwitchyardError('limit-reached', { what: 'snapshots at a time', limit: mostAtOnce });
    }
    const pieces = sourcePieces(keyframe);
    const writer = new NutWriter([sourceStream(keyframe.codec, 1_000_000)]);
    const header = writer.frameHeader(
      0,
      0,
      true,
      pieces.reduce((size, piece) => size + piece.length, 0),
    );
    this.#running += 1;
    try {
      return await askFfmpeg(
        {
          program: ffmpeg.settings.program,
          args: argumentsOf(keyframe, request),
          nice: ffmpeg.settings.nice,
          timeout,
          longest: longestPicture,
        },
        { clock: ffmpeg.clock, scope, input: [writer.header(), header, ...pieces] },
      );
    } catch (error) {
      throw new SwitchyardError(
        'transcoder-failed',
        { transcoder: 'snapshot', why: describeError(error) },
        { cause: error },
      );
    } finally {
      this.#running -= 1;
    }
  }
}

function argumentsOf(keyframe: AccessUnit, { format, width }: SnapshotRequest): string[] {
  const source = keyframe.codec.kind === 'video' ? keyframe.codec.width : 0;
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'error', '-threads', '1', '-flags', 'low_delay'],
    ...['-probesize', '32', '-analyzeduration', '0', '-f', 'nut', '-i', 'pipe:0', '-map', '0:0', '-frames:v', '1'],
    ...(width !== undefined && width < source ? ['-vf', `scale=${width}:-2`] : []),
    ...(format === 'png'
      ? ['-c:v', 'png', '-compression_level', '3', '-pix_fmt', 'rgb24']
      : ['-c:v', 'mjpeg', '-q:v', '3', '-pix_fmt', 'yuvj420p']),
    ...['-f', 'image2pipe', 'pipe:1'],
  ];
}
