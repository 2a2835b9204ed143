import { accepting, type CodecTarget } from '../../core/media/codec-target.ts';
import type { AudioCodec, CodecDescriptor, VideoCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { CodecError } from '../../core/media/codecs/codec-error.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import { mpegAudioClock } from '../../wire/rtp/payload/mpeg-audio-frame.ts';
import type { RtpFormat } from './contract.ts';
import { audioCodecOf, isDescribedInBand } from './described-codecs.ts';
import { codecNameOf } from './encodings.ts';

export { codecNameOf } from './encodings.ts';

const noParameters: ReadonlyMap<string, string> = new Map();
/** Static payload types, RFC 3551 6. */
const staticTypes = { pcmu: 0, pcma: 8, g722: 9, mpegAudio: 14, g729: 18 } as const;

/** What can be sent, best first. */
export function targetsFor(kind: MediaKind): readonly CodecTarget[] {
  return kind === 'video'
    ? accepting('h264', 'h265', 'vp8', 'vp9', 'av1', 'mpeg4')
    : [
        ...accepting('aac', 'opus', 'mp3', 'g722', 'g729', 'speex'),
        // RFC 3551 4.5.14: any rate and channels by a dynamic type; players know the static one
        ...accepting('pcmu', 'pcma', 'mp2'),
      ];
}

/** Whether media of this format can be taken in. */
export function understands(kind: MediaKind, format: RtpFormat): boolean {
  const name = codecNameOf(kind, format);
  if (name === undefined || format.clockRate < 1_000 || format.clockRate > 192_000) return false;
  try {
    // What needs a configuration is refused now where there is none, not at the first packet.
    return kind === 'video' || isDescribedInBand(format) || audioCodecOf(format) !== undefined;
  } catch (error) {
    if (error instanceof CodecError) return false;
    throw error;
  }
}

/** How a codec is told; `payloadType` is used where the codec has no static one. */
export function formatFor(codec: CodecDescriptor, payloadType: number): RtpFormat | undefined {
  const told = codec.kind === 'video' ? describeVideo(codec) : describeAudio(codec);
  return told === undefined ? undefined : { payloadType, channels: undefined, parameters: noParameters, ...told };
}

type Told = Partial<RtpFormat> & Pick<RtpFormat, 'encoding' | 'clockRate'>;
const videoClock = 90_000;

function describeVideo(codec: VideoCodec): Told | undefined {
  switch (codec.name) {
    case 'h264': {
      const level = ((codec.profile << 16) | (codec.constraints << 8) | codec.level).toString(16).padStart(6, '0');
      const sets = [...codec.sps, ...codec.pps].map((set) => set.toString('base64')).join(',');
      const parameters = new Map([
        ['packetization-mode', '1'],
        ['profile-level-id', level.toUpperCase()],
        ['sprop-parameter-sets', sets],
      ]);
      return { encoding: 'H264', clockRate: videoClock, parameters };
    }
    case 'h265': {
      const list = (sets: readonly Buffer[]): string => sets.map((set) => set.toString('base64')).join(',');
      const parameters = new Map([
        ['sprop-vps', list(codec.vps)],
        ['sprop-sps', list(codec.sps)],
        ['sprop-pps', list(codec.pps)],
      ]);
      return { encoding: 'H265', clockRate: videoClock, parameters };
    }
    case 'vp8':
      return { encoding: 'VP8', clockRate: videoClock };
    case 'vp9':
      // RFC 9628 6.1
      return { encoding: 'VP9', clockRate: videoClock, parameters: new Map([['profile-id', String(codec.profile)]]) };
    case 'av1': {
      // AV1 RTP 7.1
      const parameters = new Map([
        ['profile', String(codec.profile)],
        ['level-idx', String(codec.level)],
        ['tier', String(codec.tier)],
      ]);
      return { encoding: 'AV1', clockRate: videoClock, parameters };
    }
    case 'mpeg4': {
      // RFC 6416 7.1; what does not say its profile is simple
      const parameters = new Map([
        ['profile-level-id', String(codec.profile ?? 1)],
        ['config', codec.config.toString('hex').toUpperCase()],
      ]);
      return { encoding: 'MP4V-ES', clockRate: videoClock, parameters };
    }
    default:
      return undefined;
  }
}

function describeAudio(codec: AudioCodec): Told | undefined {
  const { channels } = codec;
  switch (codec.name) {
    case 'aac': {
      // RFC 3640 3.3.6
      const parameters = new Map([
        ['streamtype', '5'],
        ['profile-level-id', '1'],
        ['mode', 'AAC-hbr'],
        ['sizelength', '13'],
        ['indexlength', '3'],
        ['indexdeltalength', '3'],
        ['config', codec.config.toString('hex').toUpperCase()],
      ]);
      return { encoding: 'MPEG4-GENERIC', clockRate: codec.sampleRate, channels, parameters };
    }
    case 'opus': {
      if (channels > 2) return undefined;
      const parameters =
        channels === 2
          ? new Map([
              ['sprop-stereo', '1'],
              ['stereo', '1'],
            ])
          : noParameters;
      return { encoding: 'opus', clockRate: 48_000, channels: 2, parameters }; // RFC 7587 7
    }
    case 'mp3':
    case 'mp2':
      return { encoding: 'MPA', clockRate: mpegAudioClock, payloadType: staticTypes.mpegAudio }; // RFC 3551 4.5.13
    case 'pcmu':
    case 'pcma': {
      const encoding = codec.name.toUpperCase();
      const usual = codec.sampleRate === 8_000 && channels === 1;
      const type = usual ? { payloadType: staticTypes[codec.name] } : {};
      return { encoding, clockRate: codec.sampleRate, channels, ...type };
    }
    case 'g722':
      // RFC 3551 4.5.2: the clock is 8000 by an old mistake that everybody keeps
      return {
        encoding: 'G722',
        clockRate: 8_000,
        channels,
        ...(channels === 1 ? { payloadType: staticTypes.g722 } : {}),
      };
    case 'g729':
      return { encoding: 'G729', clockRate: 8_000, channels, payloadType: staticTypes.g729 };
    case 'speex':
      return { encoding: 'speex', clockRate: codec.sampleRate, channels };
    default:
      return undefined;
  }
}
