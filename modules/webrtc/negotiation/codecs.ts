import type { CodecDescriptor } from '../../../core/media/codecs/codec-descriptor.ts';
import type { MediaKind } from '../../../core/streams/track.ts';
import type { SdpFormat } from '../../../wire/sdp/formats.ts';
import { packetizationModeOf, rateH264 } from './h264.ts';

export const videoCodecNames = ['h264', 'vp8', 'vp9', 'av1', 'h265'] as const;
export const audioCodecNames = ['opus', 'g722', 'pcmu', 'pcma'] as const;

export type PeerVideoCodec = (typeof videoCodecNames)[number];
export type PeerAudioCodec = (typeof audioCodecNames)[number];
export type PeerCodec = PeerVideoCodec | PeerAudioCodec;

/** What `a=rtpmap` calls them, with the clock and channels that each has to have. */
const encodings: Readonly<Record<string, { name: PeerCodec; kind: MediaKind; clockRate: number; channels: number }>> = {
  H264: { name: 'h264', kind: 'video', clockRate: 90_000, channels: 1 },
  H265: { name: 'h265', kind: 'video', clockRate: 90_000, channels: 1 },
  VP8: { name: 'vp8', kind: 'video', clockRate: 90_000, channels: 1 },
  VP9: { name: 'vp9', kind: 'video', clockRate: 90_000, channels: 1 },
  AV1: { name: 'av1', kind: 'video', clockRate: 90_000, channels: 1 },
  OPUS: { name: 'opus', kind: 'audio', clockRate: 48_000, channels: 2 }, // RFC 7587 7
  // RFC 3551 4.5.2: the clock of G.722 is 8000 by an old mistake that everybody keeps.
  G722: { name: 'g722', kind: 'audio', clockRate: 8_000, channels: 1 },
  PCMU: { name: 'pcmu', kind: 'audio', clockRate: 8_000, channels: 1 },
  PCMA: { name: 'pcma', kind: 'audio', clockRate: 8_000, channels: 1 },
};

/** The codec of a format; undefined for what is no medium of ours: CN, telephone-event, red, ulpfec, flexfec, rtx. */
export function codecOf(kind: MediaKind, format: SdpFormat): PeerCodec | undefined {
  const encoding = format.encoding.toUpperCase();
  const known = Object.hasOwn(encodings, encoding) ? encodings[encoding] : undefined;
  if (known === undefined || known.kind !== kind || known.clockRate !== format.clockRate) return undefined;
  if ((format.channels ?? 1) !== known.channels) return undefined;
  if (known.name === 'h264' && packetizationModeOf(format) > 1) return undefined; // interleaved: nobody does
  return known.name;
}

/** The payload type of the retransmissions of `format` (RFC 4588 8.6). */
export function findRtx(format: SdpFormat, formats: readonly SdpFormat[]): number | undefined {
  return formats.find(
    ({ encoding, parameters, clockRate }) =>
      encoding.toLowerCase() === 'rtx' &&
      clockRate === format.clockRate &&
      parameters.get('apt') === String(format.payloadType),
  )?.payloadType;
}

export interface FitSettings {
  /** Whether a viewer is trusted to decode profiles of H.264 that it does not list. */
  readonly anyProfile: boolean;
}

/** The viewer's formats in which `codec` can be sent, best first. */
export function formatsFor(
  codec: CodecDescriptor,
  formats: readonly SdpFormat[],
  settings: FitSettings,
): readonly SdpFormat[] {
  const rated = formats.map((format) => ({ format, rating: rate(codec, format, settings) }));
  return rated
    .filter((entry): entry is { format: SdpFormat; rating: number } => entry.rating !== undefined)
    .sort((a, b) => b.rating - a.rating)
    .map(({ format }) => format);
}

function rate(codec: CodecDescriptor, format: SdpFormat, { anyProfile }: FitSettings): number | undefined {
  if (codecOf(codec.kind, format) !== codec.name) return undefined;
  const { parameters } = format;
  switch (codec.name) {
    case 'h264':
      return rateH264(codec, format, anyProfile);
    case 'vp9':
      // RFC 9628 6: profile 0 where it is not told.
      return Number(parameters.get('profile-id') ?? 0) === codec.profile ? 1 : undefined;
    case 'av1':
      // AV1 RTP 7.2: profile 0 where it is not told; a decoder of a higher one takes the lower ones.
      return Number(parameters.get('profile') ?? 0) >= codec.profile ? 1 : undefined;
    case 'h265':
      // RFC 7798 7.1: profile 1 (main) where it is not told; main 10 contains it.
      return Number(parameters.get('profile-id') ?? 1) >= codec.profile ? 1 : undefined;
    case 'opus':
      return codec.channels <= 2 ? 1 : undefined;
    case 'g722':
    case 'pcmu':
    case 'pcma':
      return codec.channels === 1 && codec.sampleRate === rateOf(codec.name) ? 1 : undefined;
    default:
      return 1;
  }
}

/** Hz, as heard. */
export function rateOf(name: Exclude<PeerAudioCodec, 'opus'>): number {
  return name === 'g722' ? 16_000 : 8_000;
}
