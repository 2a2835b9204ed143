import type { VideoCodec } from '../media/codecs/codec-descriptor.ts';
import { type RenditionProfile, targetsOf } from './profile.ts';

/** One smaller form of a stream, to be played under `name`. Made only while somebody does. */
export interface Rung {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Bits a second of the picture. */
  readonly bitrate: number;
  readonly frameRate: number | undefined;
}

/**
 * The profiles that make an H.264 picture smaller than the source, largest first. Their keyframes stand where the source's
 * do, so that they can be cut at the same places. A profile without a bit rate is no rung: a player could not choose it.
 */
export function ladderOf(name: string, source: VideoCodec, profiles: ReadonlyMap<string, RenditionProfile>): Rung[] {
  const rungs: Rung[] = [];
  for (const [suffix, { video }] of profiles) {
    if (video?.bitrate === undefined || video.keyframeInterval !== undefined || (video.codec ?? 'h264') !== 'h264')
      continue;
    const [target] = targetsOf({ kind: 'video', accepts: [{ codec: 'h264' }], profile: video }, source);
    if (target?.width === undefined || target.height === undefined) continue;
    const frameRate = target.frameRate ?? ('frameRate' in source ? source.frameRate : undefined);
    rungs.push({ name: name + suffix, width: target.width, height: target.height, bitrate: video.bitrate, frameRate });
  }
  return rungs.sort((a, b) => b.bitrate - a.bitrate);
}
