import type { Buffer } from 'node:buffer';

/*
 * The NUT container, as far as live media through a pipe needs it: "NUT Open Container Format" draft 20080505 and
 * version 4 as FFmpeg speaks it. The specification has no clause numbers: what stands in quotes after "NUT" is the name of
 * the syntax table.
 */

export const format = 'nut';

/** NUT "file": the text in front of the first packet, with its zero. */
export const idString = 'nut/multimedia container\0';

/** NUT "startcodes", as two halves of 32 bits each. */
export const startcode = {
  main: [0x4e4d7a56, 0x1f5f04ad],
  stream: [0x4e531140, 0x5bf2f9db],
  syncpoint: [0x4e4be4ad, 0xeeca4569],
  index: [0x4e58dd67, 0x2f23e64e],
  info: [0x4e49ab68, 0xb596ba78],
} as const;

/** NUT "frame_flags". */
export const flag = {
  key: 1,
  endOfRelevance: 2,
  codedPts: 8,
  streamId: 16,
  sizeMsb: 32,
  checksum: 64,
  reserved: 128,
  sideData: 256,
  headerIndex: 1024,
  matchTime: 2048,
  coded: 4096,
  invalid: 8192,
} as const;

/** NUT "main_flags": the stream goes through a pipe, so nobody seeks and one syncpoint is enough. */
export const pipeMode = 2;

/** `N`, the first byte of every startcode: never a frame code. */
export const startcodeByte = 0x4e;

export type NutStreamClass = 'video' | 'audio';

/** NUT "stream_header". */
export interface NutStream {
  readonly kind: NutStreamClass;
  /** Four bytes: `H264`, or a WAVE format tag and two zeros. */
  readonly fourcc: string;
  /** Seconds of one tick: numerator / denominator. */
  readonly timeBase: { readonly numerator: number; readonly denominator: number };
  /** What the decoder needs first ("codec_specific_data"). */
  readonly codecData: Buffer;
  /** Frames by which decoding is ahead of showing; absent for 0 ("decode_delay"). */
  readonly decodeDelay?: number;
  /** Video: pixels. */
  readonly width?: number;
  readonly height?: number;
  /** Audio: Hz. */
  readonly sampleRate?: number;
  readonly channels?: number;
}

/** NUT "frame", without its header. */
export interface NutFrame {
  /** Index of the stream. */
  readonly stream: number;
  /** Ticks of the stream's time base. */
  readonly pts: number;
  readonly keyframe: boolean;
  /** A view of what was read. */
  readonly payload: Buffer;
}
