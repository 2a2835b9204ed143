import type { AacCodec, CodecDescriptor, H264Codec, H265Codec } from './codec-descriptor.ts';

const H264_PROFILES: ReadonlyMap<number, string> = new Map([
  [44, 'CAVLC 4:4:4'],
  [66, 'Baseline'],
  [77, 'Main'],
  [88, 'Extended'],
  [100, 'High'],
  [110, 'High 10'],
  [122, 'High 4:2:2'],
  [244, 'High 4:4:4'],
]);
const H265_PROFILES: ReadonlyMap<number, string> = new Map([
  [1, 'Main'],
  [2, 'Main 10'],
  [3, 'Main Still Picture'],
  [4, 'Range Extensions'],
]);
const AAC_TYPES: ReadonlyMap<number, string> = new Map([
  [1, 'Main'],
  [2, 'LC'],
  [4, 'LTP'],
  [5, 'HE'],
  [23, 'LD'],
  [29, 'HEv2'],
  [39, 'ELD'],
]);

/** One line for logs: `H.264 High 3.1 1280x720`, `AAC LC 48000 Hz stereo`. */
export function describeCodec(codec: CodecDescriptor): string {
  switch (codec.name) {
    case 'h264':
      return `H.264 ${h264Profile(codec)} ${h264Level(codec)} ${codec.width}x${codec.height}`;
    case 'h265':
      return `H.265 ${h265Profile(codec)} ${tenths(codec.level / 3)} ${codec.width}x${codec.height}`;
    case 'vp8':
      return `VP8 ${codec.width}x${codec.height}`;
    case 'flv1':
      return `Sorenson H.263 ${codec.width}x${codec.height}`;
    case 'mpeg1':
      return `MPEG-1 ${codec.width}x${codec.height}`;
    case 'mpeg4':
      return `MPEG-4 part 2 ${codec.width}x${codec.height}`;
    case 'vp9':
      return `VP9 profile ${codec.profile} ${codec.width}x${codec.height}`;
    case 'av1':
      return `AV1 profile ${codec.profile} ${codec.width}x${codec.height}`;
    case 'aac':
      return `AAC ${aacType(codec)} ${sound(codec)}`;
    case 'opus':
      return `Opus ${sound(codec)}`;
    case 'pcmu':
      return `G.711 µ-law ${sound(codec)}`;
    case 'pcma':
      return `G.711 A-law ${sound(codec)}`;
    case 'g722':
    case 'g729':
      return `G.${codec.name.slice(1)} ${sound(codec)}`;
    case 'speex':
      return `Speex ${sound(codec)}`;
    default:
      return `${codec.name.toUpperCase()} ${sound(codec)}`;
  }
}

function h264Profile({ profile, constraints }: H264Codec): string {
  // A.2.1.1: constraint_set1_flag makes Baseline the constrained one, which is what browsers speak
  if (profile === 66 && (constraints & 0x40) !== 0) return 'Constrained Baseline';
  return H264_PROFILES.get(profile) ?? `profile ${profile}`;
}

function h264Level({ profile, constraints, level }: H264Codec): string {
  // A.3.1: 1b, in the older profiles by constraint_set3_flag
  if (level === 9 || (level === 11 && profile <= 88 && (constraints & 0x10) !== 0)) return '1b';
  return tenths(level);
}

function h265Profile({ profile }: H265Codec): string {
  return H265_PROFILES.get(profile) ?? `profile ${profile}`;
}

function aacType({ objectType }: AacCodec): string {
  return AAC_TYPES.get(objectType) ?? `type ${objectType}`;
}

function tenths(level: number): string {
  return (level / 10).toFixed(1);
}

function sound({ sampleRate, channels }: { readonly sampleRate: number; readonly channels: number }): string {
  const layout = channels === 1 ? 'mono' : channels === 2 ? 'stereo' : `${channels} channels`;
  return `${sampleRate} Hz ${layout}`;
}
