import type { Buffer } from 'node:buffer';

/*
 * A CodecDescriptor is everything a decoder needs before the first unit. It is immutable: a stream whose parameters
 * change gets a new object. Each codec's constructor stands in the file named after it.
 */

/** ISO/IEC 14496-10. Parameter sets are whole NAL units, without start codes. */
export type H264Codec = {
  readonly kind: 'video';
  readonly name: 'h264';
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
  /** profile_idc. */
  readonly profile: number;
  /** The byte of constraint_set flags that follows profile_idc. */
  readonly constraints: number;
  /** level_idc: 31 is level 3.1. */
  readonly level: number;
  /** chroma_format_idc: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Pixels, after cropping. */
  readonly width: number;
  readonly height: number;
  /** Frames a second by the VUI; undefined when it does not say, or says what cannot be. */
  readonly frameRate: number | undefined;
  /** Whether decoding order may differ from display order; undefined when the SPS does not say. */
  readonly bFrames: boolean | undefined;
  /** RFC 6381: `avc1.64001f`. */
  readonly codecString: string;
};

/** ISO/IEC 23008-2. Parameter sets are whole NAL units, without start codes. */
export type H265Codec = {
  readonly kind: 'video';
  readonly name: 'h265';
  readonly vps: readonly Buffer[];
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
  /** general_profile_space, 0 to 3. */
  readonly profileSpace: number;
  /** general_tier_flag: 0 main, 1 high. */
  readonly tier: number;
  /** general_profile_idc. */
  readonly profile: number;
  /** general_profile_compatibility_flag[0..31], flag 0 in the highest bit. */
  readonly compatibilityFlags: number;
  /** The 48 bits from general_progressive_source_flag on. */
  readonly constraintFlags: number;
  /** general_level_idc: 93 is level 3.1. */
  readonly level: number;
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  readonly numTemporalLayers: number;
  readonly temporalIdNested: boolean;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number | undefined;
  readonly bFrames: boolean | undefined;
  /** ISO/IEC 14496-15 annex E: `hvc1.1.6.L93.B0`. */
  readonly codecString: string;
};

/** RFC 6386. */
export type Vp8Codec = {
  readonly kind: 'video';
  readonly name: 'vp8';
  readonly width: number;
  readonly height: number;
  readonly codecString: string;
};

/** The VP9 bitstream and its ISO media binding; colour in the code points of ISO/IEC 23091-2. */
export type Vp9Codec = {
  readonly kind: 'video';
  readonly name: 'vp9';
  readonly profile: number;
  /** Ten times the level: 31 is 3.1. The bitstream does not carry it: the least that fits the picture at 30 frames a second. */
  readonly level: number;
  readonly bitDepth: number;
  /** As in vpcC: 0 and 1 4:2:0 (vertical, colocated), 2 4:2:2, 3 4:4:4. */
  readonly chromaSubsampling: number;
  readonly colourPrimaries: number;
  readonly transferCharacteristics: number;
  readonly matrixCoefficients: number;
  readonly fullRange: boolean;
  readonly width: number;
  readonly height: number;
  readonly codecString: string;
};

/** The AV1 bitstream and its ISO media binding. */
export type Av1Codec = {
  readonly kind: 'video';
  readonly name: 'av1';
  /** The sequence header OBU, with its header and without its size field. */
  readonly sequenceHeader: Buffer;
  readonly profile: number;
  /** seq_level_idx of operating point 0: 5 is level 3.1. */
  readonly level: number;
  readonly tier: number;
  readonly bitDepth: number;
  readonly monochrome: boolean;
  readonly chromaSubsamplingX: number;
  readonly chromaSubsamplingY: number;
  readonly chromaSamplePosition: number;
  readonly colourPrimaries: number;
  readonly transferCharacteristics: number;
  readonly matrixCoefficients: number;
  readonly fullRange: boolean;
  /** The largest frame of the sequence. */
  readonly width: number;
  readonly height: number;
  readonly codecString: string;
};

/** Sorenson H.263, the first video of Flash (SWF File Format Specification 19, "Sorenson H.263 Bitstream Format"). */
export type Flv1Codec = {
  readonly kind: 'video';
  readonly name: 'flv1';
  readonly width: number;
  readonly height: number;
  readonly codecString: string;
};

/** ISO/IEC 11172-2. Each keyframe carries its sequence header. */
export type Mpeg1Codec = {
  readonly kind: 'video';
  readonly name: 'mpeg1';
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly codecString: string;
};

/** ISO/IEC 14496-2, simple and advanced simple profiles. */
export type Mpeg4Codec = {
  readonly kind: 'video';
  readonly name: 'mpeg4';
  /** The headers of sequence, object and layer, with their start codes. */
  readonly config: Buffer;
  /** profile_and_level_indication; undefined when there is no sequence header. */
  readonly profile: number | undefined;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number | undefined;
  /** Whether decoding order may differ from display order; undefined when the layer does not say. */
  readonly bFrames: boolean | undefined;
  readonly codecString: string;
};

/** ISO/IEC 14496-3. */
export type AacCodec = {
  readonly kind: 'audio';
  readonly name: 'aac';
  /** The AudioSpecificConfig. */
  readonly config: Buffer;
  /** The audio object type that names the codec: 2 LC, 5 with SBR, 29 with SBR and PS. */
  readonly objectType: number;
  /** The object type of the core layer under SBR; the same as `objectType` without it. */
  readonly coreObjectType: number;
  /** Hz, as heard: after SBR. */
  readonly sampleRate: number;
  /** Hz, before SBR: what ADTS headers carry. */
  readonly coreSampleRate: number;
  /** As heard: parametric stereo counts two. */
  readonly channels: number;
  /** channelConfiguration; 0 when a program_config_element tells the layout. */
  readonly channelConfiguration: number;
  /** Samples of one access unit at `sampleRate`. */
  readonly samplesPerFrame: number;
  /** RFC 6381: `mp4a.40.2`. */
  readonly codecString: string;
};

/** RFC 6716, RFC 7845. */
export type OpusCodec = {
  readonly kind: 'audio';
  readonly name: 'opus';
  readonly sampleRate: 48000;
  readonly channels: number;
  /** Samples at 48 kHz to drop at the start. */
  readonly preSkip: number;
  /** The OpusHead of RFC 7845 5.1, which carries the channel mapping; undefined for plain mono and stereo. */
  readonly head: Buffer | undefined;
  readonly codecString: 'opus';
};

/** ISO/IEC 11172-3 and 13818-3, layer III. */
export type Mp3Codec = {
  readonly kind: 'audio';
  readonly name: 'mp3';
  readonly sampleRate: number;
  readonly channels: number;
  readonly samplesPerFrame: number;
  readonly codecString: 'mp4a.40.34';
};

/** ISO/IEC 11172-3 and 13818-3, layer II. */
export type Mp2Codec = {
  readonly kind: 'audio';
  readonly name: 'mp2';
  readonly sampleRate: number;
  readonly channels: number;
  readonly samplesPerFrame: 1152;
  readonly codecString: 'mp4a.40.33';
};

/** The codecs of telephony: all that a decoder needs is the rate. `sampleRate` of G.722 is 16000, whatever RTP's clock says. */
export type TelephonyCodec<Name extends TelephonyCodecName> = {
  readonly kind: 'audio';
  readonly name: Name;
  readonly sampleRate: number;
  readonly channels: number;
  readonly codecString: Name;
};
export type TelephonyCodecName = 'pcmu' | 'pcma' | 'g722' | 'g729' | 'speex';
export type PcmuCodec = TelephonyCodec<'pcmu'>;
export type PcmaCodec = TelephonyCodec<'pcma'>;
export type G722Codec = TelephonyCodec<'g722'>;
export type G729Codec = TelephonyCodec<'g729'>;
export type SpeexCodec = TelephonyCodec<'speex'>;

/** RFC 9639. */
export type FlacCodec = {
  readonly kind: 'audio';
  readonly name: 'flac';
  /** The 34 bytes of STREAMINFO, without the metadata block header. */
  readonly streamInfo: Buffer;
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitsPerSample: number;
  readonly codecString: 'fLaC';
};

export type VideoCodec = H264Codec | H265Codec | Vp8Codec | Vp9Codec | Av1Codec | Flv1Codec | Mpeg1Codec | Mpeg4Codec;
export type AudioCodec =
  | OpusCodec
  | AacCodec
  | Mp3Codec
  | Mp2Codec
  | PcmuCodec
  | PcmaCodec
  | G722Codec
  | G729Codec
  | SpeexCodec
  | FlacCodec;
export type CodecDescriptor = VideoCodec | AudioCodec;
export type VideoCodecName = VideoCodec['name'];
export type AudioCodecName = AudioCodec['name'];
export type CodecName = VideoCodecName | AudioCodecName;
