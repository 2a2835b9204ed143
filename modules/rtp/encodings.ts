import type { AudioCodecName, CodecName, VideoCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import type { RtpFormat } from './contract.ts';

/** Encodings by the names of `a=rtpmap`, in capital letters. */
const videoEncodings: Readonly<Record<string, VideoCodecName>> = {
  H264: 'h264',
  H265: 'h265',
  VP8: 'vp8',
  VP9: 'vp9',
  AV1: 'av1',
  'MP4V-ES': 'mpeg4',
};
const audioEncodings: Readonly<Record<string, AudioCodecName>> = {
  'MPEG4-GENERIC': 'aac',
  'MP4A-LATM': 'aac',
  OPUS: 'opus',
  // RFC 3551 4.5.13: any layer; each frame tells its own
  MPA: 'mp3',
  'MPA-ROBUST': 'mp3',
  PCMU: 'pcmu',
  PCMA: 'pcma',
  G722: 'g722',
  G729: 'g729',
  SPEEX: 'speex',
};

/** The codec that a format names; undefined when we don't know it. */
export function codecNameOf(kind: MediaKind, format: Pick<RtpFormat, 'encoding'>): CodecName | undefined {
  const encoding = format.encoding.toUpperCase();
  const known: Readonly<Record<string, CodecName>> = kind === 'video' ? videoEncodings : audioEncodings;
  return Object.hasOwn(known, encoding) ? known[encoding] : undefined;
}

/** AAC with the framing of RFC 6416, and not of RFC 3640. */
export function isLatm({ encoding }: RtpFormat): boolean {
  return encoding.toUpperCase() === 'MP4A-LATM';
}

/** MP3 as application data units: RFC 5219. */
export function isAdu({ encoding }: RtpFormat): boolean {
  return encoding.toUpperCase() === 'MPA-ROBUST';
}
