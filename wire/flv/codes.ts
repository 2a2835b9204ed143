/**
 * The numbers of the FLV tag headers and the codecs that they name.
 * "FLV" is the Adobe Flash Video File Format Specification 10.1, annex E; "E-RTMP" is Veovera's Enhanced RTMP v2.
 */

/** h264, h265, vp8, vp9 and av1 are the core's names; the others are Flash's own. */
export type FlvVideoCodec =
  | 'h264'
  | 'h265'
  | 'vp8'
  | 'vp9'
  | 'av1'
  | 'sorenson-h263'
  | 'screen'
  | 'screen2'
  | 'vp6'
  | 'vp6-alpha';

export type FlvAudioCodec =
  | 'aac'
  | 'opus'
  | 'flac'
  | 'ac3'
  | 'eac3'
  | 'mp3'
  | 'pcma'
  | 'pcmu'
  | 'speex'
  | 'pcm-platform'
  | 'pcm-le'
  | 'adpcm'
  | 'nellymoser';

/** CodecID, FLV E.4.3.1. It has no 12: vendors put HEVC there before E-RTMP, in the layout of AVC. */
export const videoCodecId = {
  'sorenson-h263': 2,
  screen: 3,
  vp6: 4,
  'vp6-alpha': 5,
  screen2: 6,
  h264: 7,
  h265: 12,
} as const;

export function findVideoCodecById(id: number): FlvVideoCodec | undefined {
  switch (id) {
    case videoCodecId.h264:
      return 'h264';
    case videoCodecId.h265:
      return 'h265';
    case videoCodecId['sorenson-h263']:
      return 'sorenson-h263';
    case videoCodecId.screen:
      return 'screen';
    case videoCodecId.screen2:
      return 'screen2';
    case videoCodecId.vp6:
      return 'vp6';
    case videoCodecId['vp6-alpha']:
      return 'vp6-alpha';
    default:
      return undefined;
  }
}

/** FrameType, FLV E.4.3.1. */
export const frameType = { key: 1, inter: 2, disposable: 3, generatedKey: 4, command: 5 } as const;

/** IsExVideoHeader, E-RTMP "Enhanced Video". */
export const exVideoBit = 0x80;

/** VideoPacketType, E-RTMP "Enhanced Video". */
export const videoPacketType = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  codedFramesX: 3,
  metadata: 4,
  mpeg2TsSequenceStart: 5,
  multitrack: 6,
  modEx: 7,
} as const;

/** AudioPacketType, E-RTMP "Enhanced Audio". */
export const audioPacketType = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  multichannelConfig: 4,
  multitrack: 5,
  modEx: 7,
} as const;

/** AvMultitrackType, E-RTMP. */
export const multitrackType = { oneTrack: 0, manyTracks: 1, manyTracksManyCodecs: 2 } as const;

/** SoundFormat, FLV E.4.2.1; 9 is E-RTMP's. */
export const soundFormat = {
  'pcm-platform': 0,
  adpcm: 1,
  mp3: 2,
  'pcm-le': 3,
  nellymoser16k: 4,
  nellymoser8k: 5,
  nellymoser: 6,
  pcma: 7,
  pcmu: 8,
  exHeader: 9,
  aac: 10,
  speex: 11,
  mp38k: 14,
} as const;

/** VideoFourCc, E-RTMP. */
export const videoFourCc = {
  h264: 0x61766331, // avc1
  h265: 0x68766331, // hvc1
  av1: 0x61763031, // av01
  vp8: 0x76703038, // vp08
  vp9: 0x76703039, // vp09
} as const;

/** AudioFourCc, E-RTMP. */
export const audioFourCc = {
  aac: 0x6d703461, // mp4a
  opus: 0x4f707573, // Opus
  flac: 0x664c6143, // fLaC
  ac3: 0x61632d33, // ac-3
  eac3: 0x65632d33, // ec-3
  mp3: 0x2e6d7033, // .mp3
} as const;

export type ExVideoCodec = keyof typeof videoFourCc;
export type ExAudioCodec = keyof typeof audioFourCc;

export function findVideoCodecByFourCc(code: number): ExVideoCodec | undefined {
  switch (code) {
    case videoFourCc.h264:
      return 'h264';
    case videoFourCc.h265:
      return 'h265';
    case videoFourCc.av1:
      return 'av1';
    case videoFourCc.vp8:
      return 'vp8';
    case videoFourCc.vp9:
      return 'vp9';
    default:
      return undefined;
  }
}

export function findAudioCodecByFourCc(code: number): ExAudioCodec | undefined {
  switch (code) {
    case audioFourCc.aac:
      return 'aac';
    case audioFourCc.opus:
      return 'opus';
    case audioFourCc.flac:
      return 'flac';
    case audioFourCc.ac3:
      return 'ac3';
    case audioFourCc.eac3:
      return 'eac3';
    case audioFourCc.mp3:
      return 'mp3';
    default:
      return undefined;
  }
}
