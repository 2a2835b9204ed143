import type { CodecTarget } from '../media/codec-target.ts';
import type { AudioCodecName, CodecDescriptor, VideoCodec, VideoCodecName } from '../media/codecs/codec-descriptor.ts';
import type { TrackWish } from '../streams/requests.ts';

/** A picture to be made. What is absent is as the source has it. */
export interface PictureProfile {
  readonly codec?: VideoCodecName;
  /** The picture fits into this and keeps its shape; a smaller source is not made larger. */
  readonly width?: number;
  readonly height?: number;
  readonly bitrate?: number;
  /** At most. */
  readonly frameRate?: number;
  /** Distance of keyframes in frames; absent: where the source has them. */
  readonly keyframeInterval?: number;
  /** profile_idc of H.264. */
  readonly profile?: number;
  readonly preset?: string;
}

export interface SoundProfile {
  readonly codec?: AudioCodecName;
  readonly bitrate?: number;
  readonly sampleRate?: number;
  readonly channels?: number;
}

/**
 * A form of any stream that is asked for by name: `-720p` of the stream `room` is `room-720p`. With sound alone it has no
 * picture; with a picture alone the sound is as the viewer takes it.
 */
export interface RenditionProfile {
  readonly video?: PictureProfile;
  readonly audio?: SoundProfile;
}

/** The wishes of a viewer who asked for a profile; they are fitted to the source when it is known. */
export function wishesWith(profile: RenditionProfile, wishes: readonly TrackWish[]): readonly TrackWish[] {
  const fitted: TrackWish[] = [];
  for (const wish of wishes) {
    const points = wish.kind === 'video' ? profile.video : profile.audio;
    if (points !== undefined) fitted.push({ ...wish, profile: points });
    else if (wish.kind === 'audio') fitted.push(wish);
  }
  return fitted;
}

/** What a wish accepts of this source. */
export function targetsOf(wish: TrackWish, source: CodecDescriptor): readonly CodecTarget[] {
  const { profile, accepts } = wish;
  if (profile === undefined) return accepts;
  // A viewer that does not take the profile's codec still gets its size, in a codec of its own.
  const matching = accepts.filter((target) => profile.codec === undefined || target.codec === profile.codec);
  const usable = matching.length > 0 ? matching : accepts;
  if (source.kind === 'audio') return usable.map((target) => withSound(target, profile as SoundProfile));
  return usable.map((target) => withPicture(target, profile as PictureProfile, source));
}

function withSound(target: CodecTarget, profile: SoundProfile): CodecTarget {
  const { bitrate, sampleRate, channels } = profile;
  // A viewer's own demands (8 kHz for a telephone) go before the profile's.
  return {
    ...(bitrate === undefined ? {} : { bitrate }),
    ...(sampleRate === undefined ? {} : { sampleRate }),
    ...(channels === undefined ? {} : { channels }),
    ...target,
  };
}

function withPicture(target: CodecTarget, profile: PictureProfile, source: VideoCodec): CodecTarget {
  const { bitrate, keyframeInterval, preset } = profile;
  const scale = Math.min(1, (profile.width ?? Infinity) / source.width, (profile.height ?? Infinity) / source.height);
  const sourceRate = 'frameRate' in source ? source.frameRate : undefined;
  const slower = profile.frameRate !== undefined && profile.frameRate < (sourceRate ?? Infinity);
  const takes = target.profiles === undefined || target.profiles.includes(profile.profile ?? -1);
  return {
    ...target,
    ...(scale < 1 ? { width: even(source.width * scale), height: even(source.height * scale) } : {}),
    ...(slower && profile.frameRate !== undefined ? { frameRate: profile.frameRate } : {}),
    ...(bitrate === undefined ? {} : { bitrate }),
    ...(keyframeInterval === undefined ? {} : { keyframeInterval }),
    ...(preset === undefined ? {} : { preset }),
    ...(target.codec === 'h264' && profile.profile !== undefined && takes ? { profiles: [profile.profile] } : {}),
  };
}

function even(value: number): number {
  return Math.max(2, Math.round(value / 2) * 2);
}
