import type { VideoCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import type { FfmpegSettings } from '../ffmpeg/ffmpeg.ts';

/** How ffmpeg makes one video codec with nothing held back: no B-frames, no looking ahead. */
export interface VideoEncoder {
  readonly encoder: string;
  /** Names of the speeds, fastest first; absent where the encoder has numbers of its own. */
  readonly preset?: string;
  readonly options: readonly string[];
  /** What holds it to so many threads where ffmpeg's own word does not. */
  readonly threading?: (threads: number) => readonly string[];
  /** Cores for 1280x720 at 30 frames a second on a core of 2.5 GHz. */
  readonly cores: number;
  /** Rates that it can say; absent: any. Its frames stand in steps of the one that is chosen. */
  readonly frameRates?: readonly FrameRate[];
  /** Seconds from keyframe to keyframe at most. */
  readonly longestGroup?: number;
  /** Filters that bring pictures to the hardware. */
  readonly upload?: string;
  /** Options in front of the input. */
  readonly device?: readonly string[];
}

export interface FrameRate {
  readonly perSecond: number;
  /** Seconds from frame to frame, as a fraction. */
  readonly interval: string;
}

/** picture_rate, ISO/IEC 11172-2 2.4.3.2. */
const mpeg1Rates: readonly FrameRate[] = [
  { perSecond: 24_000 / 1_001, interval: '1001/24000' },
  { perSecond: 24, interval: '1/24' },
  { perSecond: 25, interval: '1/25' },
  { perSecond: 30_000 / 1_001, interval: '1001/30000' },
  { perSecond: 30, interval: '1/30' },
  { perSecond: 50, interval: '1/50' },
  { perSecond: 60_000 / 1_001, interval: '1001/60000' },
  { perSecond: 60, interval: '1/60' },
];

const realtimeVpx = ['-deadline', 'realtime', '-lag-in-frames', '0', '-error-resilient', '1', '-auto-alt-ref', '0'];

/** Each thread by frame would hold a frame back. */
const lowLatencyX265 = 'log-level=error:bframes=0:scenecut=0:frame-threads=1';

/** The best of each that low latency allows, in software. */
const software: Readonly<Partial<Record<VideoCodecName, VideoEncoder>>> = {
  h264: {
    encoder: 'libx264',
    preset: 'superfast',
    options: ['-tune', 'zerolatency', '-forced-idr', '1', '-sc_threshold', '0', '-bf', '0'],
    cores: 0.5,
  },
  h265: {
    encoder: 'libx265',
    preset: 'ultrafast',
    options: ['-tune', 'zerolatency', '-forced-idr', '1'],
    // It takes -threads for threads by frame; its own pool would have one for each core of the host.
    threading: (threads) => ['-x265-params', `${lowLatencyX265}:pools=${threads}`],
    cores: 1.5,
  },
  vp8: { encoder: 'libvpx', options: [...realtimeVpx, '-cpu-used', '8', '-quality', 'realtime'], cores: 0.6 },
  vp9: { encoder: 'libvpx-vp9', options: [...realtimeVpx, '-cpu-used', '8', '-row-mt', '1'], cores: 0.9 },
  mpeg1: {
    encoder: 'mpeg1video',
    // Else it holds a frame back, in case there were B-frames.
    options: ['-strict', 'unofficial', '-flags:v', 'low_delay', '-bf', '0', '-sc_threshold', '1000000000'],
    cores: 0.25,
    frameRates: mpeg1Rates,
    // Its times have no room for marks: those who wait for a keyframe wait for the next.
    longestGroup: 1,
  },
  av1: { encoder: 'libaom-av1', options: ['-usage', 'realtime', '-cpu-used', '8', '-lag-in-frames', '0'], cores: 1.2 },
};

type Hardware = Exclude<FfmpegSettings['hardware'], 'none'>;

const accelerated: Readonly<Record<Hardware, Readonly<Partial<Record<VideoCodecName, VideoEncoder>>>>> = {
  nvenc: {
    h264: nvenc('h264_nvenc'),
    h265: nvenc('hevc_nvenc'),
  },
  vaapi: {
    h264: vaapi('h264_vaapi'),
    h265: vaapi('hevc_vaapi'),
    vp8: vaapi('vp8_vaapi'),
    vp9: vaapi('vp9_vaapi'),
  },
  qsv: {
    h264: qsv('h264_qsv'),
    h265: qsv('hevc_qsv'),
    vp9: qsv('vp9_qsv'),
  },
};

/** What a kind of hardware has, as far as FFmpeg knows it. */
export function acceleratedEncoders(hardware: FfmpegSettings['hardware']): readonly VideoEncoder[] {
  return hardware === 'none' ? [] : Object.values(accelerated[hardware]);
}

/** The encoder for a codec: the hardware's when it is asked for and works, else the software's. */
export function chooseVideoEncoder(
  name: VideoCodecName,
  hardware: FfmpegSettings['hardware'],
  can: { readonly encode: (encoder: string) => boolean; readonly accelerate: (encoder: string) => boolean },
): VideoEncoder | undefined {
  const fast = hardware === 'none' ? undefined : accelerated[hardware][name];
  if (fast !== undefined && can.accelerate(fast.encoder)) return fast;
  const slow = software[name];
  return slow !== undefined && can.encode(slow.encoder) ? slow : undefined;
}

function nvenc(encoder: string): VideoEncoder {
  const options = ['-preset', 'p2', '-tune', 'ull', '-zerolatency', '1', '-delay', '0', '-forced-idr', '1', '-bf', '0'];
  return { encoder, options, cores: 0.1 };
}

function vaapi(encoder: string): VideoEncoder {
  const device = ['-vaapi_device', '/dev/dri/renderD128'];
  return { encoder, options: ['-bf', '0', '-async_depth', '1'], cores: 0.1, upload: 'format=nv12,hwupload', device };
}

function qsv(encoder: string): VideoEncoder {
  return { encoder, options: ['-bf', '0', '-async_depth', '1', '-forced_idr', '1'], cores: 0.1 };
}
