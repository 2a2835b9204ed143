import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { VideoCodec, VideoCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import { type ConversionPlan, videoTicksPerSecond } from '../ffmpeg/conversion.ts';
import type { FrameRate, VideoEncoder } from './video-encoders.ts';

/** FFmpeg's decoders of each codec; any one will do. */
export const videoDecoders: Readonly<Record<VideoCodecName, readonly string[]>> = {
  h264: ['h264'],
  h265: ['hevc'],
  vp8: ['vp8', 'libvpx'],
  vp9: ['vp9', 'libvpx-vp9'],
  av1: ['libdav1d', 'libaom-av1'],
  flv1: ['flv'],
  mpeg1: ['mpeg1video'],
  mpeg4: ['mpeg4'],
};

/** profile_idc to FFmpeg's names; the first that a target takes is made. */
const h264Profiles: ReadonlyMap<number, string> = new Map([
  [66, 'baseline'],
  [77, 'main'],
  [100, 'high'],
]);

const usualFrameRate = 30;
/** MPEG-1 takes about twice the bits of H.264 for the same picture. */
const oldCodecFactor = 2;
/** Seconds between keyframes when neither the source nor anybody else asks for one. */
const longestGroup = 10;

export interface PictureShape {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
}

/** What comes out: as asked; a side that is not asked for follows the other; else as the source. */
export function shapeOf(from: VideoCodec, target: CodecTarget): PictureShape {
  const sourceRate = frameRateOf(from);
  const { width, height } = target;
  // MPEG-1 always has half as many samples of colour in both directions.
  const same = target.codec === 'mpeg1' ? even : (side: number) => side;
  return {
    width: width ?? (height === undefined ? same(from.width) : even((from.width * height) / from.height)),
    height: height ?? (width === undefined ? same(from.height) : even((from.height * width) / from.width)),
    frameRate: Math.min(target.frameRate ?? sourceRate, sourceRate),
  };
}

export function frameRateOf(codec: VideoCodec): number {
  return ('frameRate' in codec ? codec.frameRate : undefined) ?? usualFrameRate;
}

/** The rate of an encoder that has but some: the source's own, else one that the source's divides, else the next faster. */
export function steadyRateOf(shape: PictureShape, rates: readonly FrameRate[]): FrameRate | undefined {
  const asFast = rates.filter(({ perSecond }) => perSecond > shape.frameRate * 0.9995);
  const multiple = asFast.find(({ perSecond }) => {
    const times = perSecond / shape.frameRate;
    return Math.abs(times - Math.round(times)) < 0.0005;
  });
  return multiple ?? asFast[0] ?? rates.at(-1);
}

/** Whether the target's points can be met. */
export function canMakeVideo(target: CodecTarget): boolean {
  if (target.codec !== 'h264' || target.profiles === undefined) return true;
  return target.profiles.some((profile) => h264Profiles.has(profile));
}

/** The process that makes `target` out of `from`. Keyframes come where the marks say, which are the source's. */
export function planVideo(
  from: VideoCodec,
  target: CodecTarget,
  encoder: VideoEncoder,
  settings: { readonly threads: number; readonly preset: string | undefined },
): ConversionPlan {
  const shape = shapeOf(from, target);
  const steady = steadyRateOf(shape, encoder.frameRates ?? []);
  const threads = String(settings.threads);
  const bitrate = target.bitrate ?? usualBitrate(shape) * (target.codec === 'mpeg1' ? oldCodecFactor : 1);
  const longest = (encoder.longestGroup ?? longestGroup) * (steady?.perSecond ?? shape.frameRate);
  const group = target.keyframeInterval ?? Math.round(longest);
  const preset = target.preset ?? settings.preset ?? encoder.preset;
  return {
    from,
    to: target.codec,
    ...(steady === undefined ? {} : { framesPerSecond: steady.perSecond }),
    decoding: [
      ...(encoder.device ?? []),
      // Threads by frame would each hold a frame back.
      ...['-threads', threads, '-thread_type', 'slice'],
      ...(mayReorder(from) ? [] : ['-flags', 'low_delay']),
    ],
    encoding: [
      ...['-vf', filters(from, target, shape, encoder)],
      ...(steady === undefined
        ? ['-fps_mode', 'passthrough', '-enc_time_base', '-1']
        : ['-fps_mode', 'vfr', '-enc_time_base', steady.interval]),
      // Steps of a frame have no room for marks.
      ...['-force_key_frames', steady === undefined ? `expr:mod(round(t*${videoTicksPerSecond}),2)` : 'source'],
      ...['-c:v', encoder.encoder, ...encoder.options, '-threads', threads, '-g', String(group)],
      ...(encoder.threading?.(settings.threads) ?? []),
      ...(encoder.preset === undefined || preset === undefined ? [] : ['-preset', preset]),
      ...(target.codec === 'h264' ? h264Options(target, shape, encoder) : []),
      ...['-b:v', String(bitrate), '-maxrate', String(bitrate), '-bufsize', String(bitrate)],
    ],
  };
}

/** Whether pictures may come out of the decoder in another order than they went in. */
function mayReorder(codec: VideoCodec): boolean {
  return 'bFrames' in codec && codec.bFrames !== false;
}

function filters(from: VideoCodec, target: CodecTarget, shape: PictureShape, encoder: VideoEncoder): string {
  // Bit 1 of a time says that a frame is decoded only, bit 0 that it becomes a keyframe.
  const wanted = 'not(mod(floor(pts/2),2))';
  const fewer = target.frameRate !== undefined && shape.frameRate < frameRateOf(from) + 1;
  const inTime = `gte((t-start_t)*${shape.frameRate}+0.25,selected_n)`;
  const chain = [`select='${fewer ? `${wanted}*max(mod(pts,2),${inTime})` : wanted}'`];
  if (shape.width !== from.width || shape.height !== from.height) {
    chain.push(`scale=${shape.width}:${shape.height}:flags=bilinear`, 'setsar=1');
  }
  chain.push(encoder.upload ?? 'format=yuv420p');
  return chain.join(',');
}

function h264Options(target: CodecTarget, shape: PictureShape, encoder: VideoEncoder): string[] {
  const profile = target.profiles?.find((candidate) => h264Profiles.has(candidate));
  const name = profile === undefined ? undefined : h264Profiles.get(profile);
  return [
    ...(name === undefined
      ? []
      : ['-profile:v', encoder.encoder === 'libx264' ? name : name.replace('baseline', 'constrained_baseline')]),
    // The pipe has no frame rate; rate control wants one.
    ...(encoder.encoder === 'libx264' ? ['-x264-params', `fps=${shape.frameRate}`] : []),
  ];
}

/** Bits a second that look fair in live encoding: 2.5 Mbit/s for 720p at 30; larger pictures need less a pixel. */
function usualBitrate({ width, height, frameRate }: PictureShape): number {
  const pixels = (width * height * frameRate) / (1280 * 720 * 30);
  return Math.round((2_500 * pixels ** 0.75) / 10) * 10_000;
}

function even(value: number): number {
  return Math.max(2, Math.round(value / 2) * 2);
}
