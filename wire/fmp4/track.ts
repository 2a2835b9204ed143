import type { Buffer } from 'node:buffer';

/** Sample entries of pictures that we write: ISO/IEC 14496-15 (avc1, hvc1), VP Codec ISO Media File Format, AV1-ISOBMFF. */
export type VideoSampleEntry = 'avc1' | 'hvc1' | 'vp08' | 'vp09' | 'av01';

/**
 * Sample entries of sound that we write. `mp4a` needs its object type to say what is in it, so the two kinds are named as in
 * RFC 6381 3.3: `mp4a.40` is MPEG-4 audio (AAC), `mp4a.6B` is MPEG-1 audio (MP3).
 */
export type AudioSampleEntry = 'mp4a.40' | 'mp4a.6B' | 'Opus' | 'fLaC';

interface TrackShape {
  /** 1 or more, unlike every other track's. */
  readonly trackId: number;
  /** Ticks a second of this track's times. */
  readonly timescale: number;
  /** ISO 639-2/T, three lower-case letters; 'und' when absent. */
  readonly language?: string;
  /**
   * The decoder configuration record, without box header and without the version and flags of a FullBox:
   * avc1 AVCDecoderConfigurationRecord · hvc1 HEVCDecoderConfigurationRecord · vp08, vp09 VPCodecConfigurationRecord ·
   * av01 AV1CodecConfigurationRecord · mp4a.40 AudioSpecificConfig · mp4a.6B empty · Opus the body of dOps ·
   * fLaC the metadata blocks with their headers, STREAMINFO first.
   */
  readonly config: Buffer;
  /** Bits a second, average; 0 or absent when unknown. */
  readonly bitrate?: number;
}

/** ISO/IEC 23091-2 code points; written as `colr` of type `nclx` (ISO/IEC 14496-12 12.1.5). */
export interface Colour {
  readonly primaries: number;
  readonly transfer: number;
  readonly matrix: number;
  readonly fullRange: boolean;
}

/** Width to height of one pixel, written as `pasp` (ISO/IEC 14496-12 12.1.4). */
export interface PixelAspect {
  readonly horizontal: number;
  readonly vertical: number;
}

export interface Fmp4VideoTrack extends TrackShape {
  readonly kind: 'video';
  readonly codec: VideoSampleEntry;
  /** Coded picture size in pixels. */
  readonly width: number;
  readonly height: number;
  readonly colour?: Colour;
  readonly pixelAspect?: PixelAspect;
}

export interface Fmp4AudioTrack extends TrackShape {
  readonly kind: 'audio';
  readonly codec: AudioSampleEntry;
  readonly channels: number;
  /** In hertz. Opus is always written as 48000 (Opus in ISOBMFF 4.3.1). */
  readonly sampleRate: number;
}

/** One track of an init segment. */
export type Fmp4Track = Fmp4VideoTrack | Fmp4AudioTrack;

/** Ticks that pass 2^53 are of no stream; smaller ones are exact in a number. */
export type Ticks = number | bigint;

/** One sample of a fragment. Times are ticks of its track's timescale. */
export interface FragmentSample {
  readonly duration: number;
  /** Bytes in all parts. */
  readonly size: number;
  /** Presentation minus decode time; may be negative. */
  readonly compositionOffset: number;
  readonly keyframe: boolean;
  /** The sample as it stands in `mdat`, with the lengths of its NAL units: they are sent as given, never copied. */
  readonly parts: readonly Buffer[];
}
