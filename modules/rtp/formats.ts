import { Buffer } from 'node:buffer';
import { accepting, type CodecTarget } from '../../core/media/codec-target.ts';
import { aacCodec } from '../../core/media/codecs/aac.ts';
import type {
  AudioCodec,
  CodecDescriptor,
  VideoCodec,
  VideoCodecName,
} from '../../core/media/codecs/codec-descriptor.ts';
import { CodecError } from '../../core/media/codecs/codec-error.ts';
import { h264Codec } from '../../core/media/codecs/h264.ts';
import { h265Codec } from '../../core/media/codecs/h265.ts';
import { h264NalType } from '../../core/media/codecs/nal-unit.ts';
import { opusCodec } from '../../core/media/codecs/opus.ts';
import { pcmCodec, speexCodec } from '../../core/media/codecs/telephony.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import type { RtpFormat } from './contract.ts';
import { readLatmConfig } from './latm-depacketizer.ts';

/** Encodings by the names of `a=rtpmap`, in capital letters. */
const videoEncodings: Readonly<Record<string, VideoCodecName>> = {
  H264: 'h264',
  H265: 'h265',
};
const audioEncodings: Readonly<Record<string, AudioCodec['name']>> = {
  'MPEG4-GENERIC': 'aac',
  'MP4A-LATM': 'aac',
  OPUS: 'opus',
  PCMU: 'pcmu',
  PCMA: 'pcma',
  G722: 'g722',
  G729: 'g729',
  SPEEX: 'speex',
};

const noParameters: ReadonlyMap<string, string> = new Map();
/** Static payload types, RFC 3551 6. */
const staticTypes = { pcmu: 0, pcma: 8, g722: 9, g729: 18 } as const;

export function targetsFor(kind: MediaKind): readonly CodecTarget[] {
  return kind === 'video'
    ? accepting('h264', 'h265')
    : [
        ...accepting('aac', 'opus', 'g722', 'g729', 'speex'),
        // RFC 3551 4.5.14: any rate and channels by a dynamic type; players know the static one
        ...accepting('pcmu', 'pcma'),
      ];
}

/** The codec that a format names; undefined when we don't know it. */
export function codecNameOf(kind: MediaKind, format: RtpFormat): CodecDescriptor['name'] | undefined {
  const encoding = format.encoding.toUpperCase();
  const known: Readonly<Record<string, CodecDescriptor['name']>> = kind === 'video' ? videoEncodings : audioEncodings;
  return Object.hasOwn(known, encoding) ? known[encoding] : undefined;
}

export function understands(kind: MediaKind, format: RtpFormat): boolean {
  const name = codecNameOf(kind, format);
  if (name === undefined || format.clockRate < 1_000 || format.clockRate > 192_000) return false;
  try {
    // What needs a configuration is refused now where there is none, not at the first packet.
    return kind === 'video' || audioCodecOf(format) !== undefined;
  } catch (error) {
    if (error instanceof CodecError) return false;
    throw error;
  }
}

export function isLatm({ encoding }: RtpFormat): boolean {
  return encoding.toUpperCase() === 'MP4A-LATM';
}

/** What the description says of an audio codec; undefined where the media says it. Throws CodecError. */
export function audioCodecOf(format: RtpFormat): AudioCodec | undefined {
  const { clockRate, channels = 1, parameters } = format;
  switch (codecNameOf('audio', format)) {
    case 'aac': {
      const config = parameters.get('config');
      if (config === undefined) return undefined;
      const bytes = Buffer.from(config, 'hex');
      return isLatm(format) ? readLatmConfig(bytes).codec : aacCodec(bytes);
    }
    case 'opus':
      // RFC 7587 7: rtpmap always says 2; what the source sends stands in sprop-stereo.
      return opusCodec({ channels: parameters.get('sprop-stereo') === '1' ? 2 : 1 });
    case 'pcmu':
      return pcmCodec('pcmu', { sampleRate: clockRate, channels });
    case 'pcma':
      return pcmCodec('pcma', { sampleRate: clockRate, channels });
    case 'g722':
      return pcmCodec('g722', { channels });
    case 'g729':
      return pcmCodec('g729', { channels });
    case 'speex':
      return speexCodec({ sampleRate: clockRate, channels });
    default:
      return undefined;
  }
}

/** What the description says of a video codec: parameter sets, where it has them whole. */
export function videoCodecOf(format: RtpFormat): VideoCodec | undefined {
  const { parameters } = format;
  try {
    switch (codecNameOf('video', format)) {
      case 'h264': {
        const sets = base64List(parameters.get('sprop-parameter-sets')); // RFC 6184 8.1
        const sps = sets.filter((set) => h264NalType(set) === 7);
        const pps = sets.filter((set) => h264NalType(set) === 8);
        return sps.length === 0 || pps.length === 0 ? undefined : h264Codec(sps, pps);
      }
      case 'h265': {
        const [vps, sps, pps] = ['vps', 'sps', 'pps'].map((set) => base64List(parameters.get(`sprop-${set}`))); // RFC 7798 7.1
        if (vps === undefined || sps === undefined || pps === undefined) return undefined;
        return vps.length * sps.length * pps.length === 0 ? undefined : h265Codec(vps, sps, pps);
      }
      default:
        return undefined;
    }
  } catch (error) {
    // Cameras are known to describe themselves wrongly and to send the right sets in band.
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

function base64List(value: string | undefined): Buffer[] {
  if (value === undefined) return [];
  return value
    .split(',', 64)
    .map((text) => Buffer.from(text, 'base64'))
    .filter((set) => set.length > 0);
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
