import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { AudioCodec, AudioCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import type { ConversionPlan } from '../ffmpeg/conversion.ts';

/** How ffmpeg makes one audio codec. */
interface AudioEncoder {
  readonly encoder: string;
  /** Rates it takes, Hz; the first is the one when the source's own is none of them. */
  readonly rates: readonly number[];
  readonly channels: number;
  /** Bits a second and channel when not told; 0 where the codec has one rate. */
  readonly bitrate: number;
  readonly options: readonly string[];
  /** Codecs without frames of their own get 20 ms. */
  readonly framed: boolean;
}

const encoders: Readonly<Partial<Record<AudioCodecName, AudioEncoder>>> = {
  opus: encoder('libopus', [48_000], 2, 48_000, ['-application', 'audio', '-frame_duration', '20']),
  aac: encoder('aac', [48_000, 44_100, 32_000, 24_000, 22_050, 16_000], 2, 64_000),
  mp3: encoder('libmp3lame', [44_100, 48_000, 32_000, 24_000, 22_050, 16_000], 2, 64_000, ['-reservoir', '0']),
  mp2: encoder('mp2', [48_000, 44_100, 32_000], 2, 96_000),
  speex: encoder('libspeex', [16_000, 8_000, 32_000], 1, 0, ['-cbr_quality', '8']),
  g722: { ...encoder('g722', [16_000], 1, 0), framed: false },
  pcmu: { ...encoder('pcm_mulaw', [8_000], 1, 0), framed: false },
  pcma: { ...encoder('pcm_alaw', [8_000], 1, 0), framed: false },
  g729: encoder('libbcg729', [8_000], 1, 0),
};

/** FFmpeg's decoders of each codec, best first. Its own of Speex (in 5.1) strays from the encoder until a tone is noise. */
export const audioDecoders: Readonly<Record<AudioCodecName, readonly string[]>> = {
  opus: ['opus', 'libopus'],
  aac: ['aac'],
  mp3: ['mp3float', 'mp3'],
  mp2: ['mp2float', 'mp2'],
  pcmu: ['pcm_mulaw'],
  pcma: ['pcm_alaw'],
  g722: ['g722'],
  g729: ['g729'],
  speex: ['libspeex', 'speex'],
  flac: ['flac'],
};

/** The encoder of a codec, when there is one at all. */
export function findAudioEncoder(name: string): string | undefined {
  return encoders[name as AudioCodecName]?.encoder;
}

/** Whether the target's rate and channels can be made. */
export function canMakeAudio(target: CodecTarget): boolean {
  const how = encoders[target.codec as AudioCodecName];
  if (how === undefined || (target.channels ?? 1) > how.channels) return false;
  return target.sampleRate === undefined || how.rates.includes(target.sampleRate);
}

/**
 * The process that makes `target` out of `from`. The result follows the source's times: small differences are made up for
 * by stretching one part in a thousand (a tone stays the same within 1 Hz), larger ones by silence or by leaving out.
 * Without a `decoder`, FFmpeg takes its own.
 */
export function planAudio(from: AudioCodec, target: CodecTarget, decoder?: string): ConversionPlan {
  const name = target.codec as AudioCodecName;
  const how = encoders[name];
  if (how === undefined) throw new TypeError(`no encoder for ${name}`);
  const rate = target.sampleRate ?? (how.rates.includes(from.sampleRate) ? from.sampleRate : (how.rates[0] ?? 48_000));
  const channels = target.channels ?? Math.min(from.channels, how.channels);
  const filters = [
    // FFmpeg's own way from one channel to two takes 3 dB off, and from two to one adds 3 unless it is held to 1.
    ...(from.channels === 1 && channels === 2 ? ['pan=stereo|c0=c0|c1=c0'] : []),
    `aresample=${rate}:async=${Math.round(from.sampleRate / 1_000)}:min_hard_comp=0.02:rematrix_maxval=1`,
    `aformat=channel_layouts=${channels === 1 ? 'mono' : 'stereo'}`,
    ...(how.framed ? [] : [`asetnsamples=n=${rate / 50}:p=0`]),
  ];
  const bitrate = target.bitrate ?? how.bitrate * channels;
  return {
    from,
    to: name,
    decoding: ['-threads', '1', ...(decoder === undefined ? [] : ['-c:a', decoder])],
    encoding: [
      ...['-enc_time_base', '-1', '-af', filters.join(','), '-ar', String(rate), '-ac', String(channels)],
      ...['-c:a', how.encoder, ...how.options, '-threads', '1'],
      ...(bitrate === 0 ? [] : ['-b:a', String(bitrate)]),
    ],
  };
}

function encoder(
  name: string,
  rates: readonly number[],
  channels: number,
  bitrate: number,
  options: readonly string[] = [],
): AudioEncoder {
  return { encoder: name, rates, channels, bitrate, options, framed: true };
}
