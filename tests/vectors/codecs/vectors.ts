import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { aacCodec } from '../../../core/media/codecs/aac.ts';
import { av1Codec } from '../../../core/media/codecs/av1.ts';
import type { CodecDescriptor } from '../../../core/media/codecs/codec-descriptor.ts';
import { flacCodec } from '../../../core/media/codecs/flac.ts';
import { h264Codec } from '../../../core/media/codecs/h264.ts';
import { h265Codec } from '../../../core/media/codecs/h265.ts';
import { findAv1SequenceHeader } from '../../../core/media/codecs/in-band-codec.ts';
import { mp2Codec } from '../../../core/media/codecs/mp2.ts';
import { mp3Codec } from '../../../core/media/codecs/mp3.ts';
import { mpeg1Codec } from '../../../core/media/codecs/mpeg1.ts';
import { findMpeg4Config, mpeg4Codec } from '../../../core/media/codecs/mpeg4.ts';
import { opusCodec } from '../../../core/media/codecs/opus.ts';
import { vp8Codec } from '../../../core/media/codecs/vp8.ts';
import { vp9Codec } from '../../../core/media/codecs/vp9.ts';

/** Values that a test compares field by field; `frameRate` is a fraction. */
type Expected = Readonly<Record<string, number | string | boolean | readonly number[]>>;
export type VideoVector = {
  readonly name: string;
  readonly codec: 'h264' | 'h265' | 'vp8' | 'vp9' | 'av1' | 'mpeg1' | 'mpeg4';
  readonly vps?: readonly string[];
  readonly sps?: readonly string[];
  readonly pps?: readonly string[];
  readonly frames?: readonly string[];
  readonly idr?: string;
  readonly expect: Expected;
  readonly text: string;
};
export type AudioVector = {
  readonly codec: 'aac' | 'mp2' | 'mp3' | 'opus' | 'flac';
  readonly bytes: string;
  readonly expect: Expected;
  readonly text: string;
  readonly origin: string;
};

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));

export const videoVectors = (read('video.json') as { vectors: VideoVector[] }).vectors;
export const audioVectors = read('audio.json') as AudioVector[];

export const hex = (text: string): Buffer => Buffer.from(text, 'hex');
export const hexes = (texts: readonly string[] | undefined): Buffer[] => (texts ?? []).map(hex);

/** The parts of a vector's frame, as an AccessUnit would have them. */
export function partsOf(vector: VideoVector, index: number): Buffer[] {
  const frame = hex(vector.frames?.[index] ?? '');
  if (vector.codec !== 'av1') return [frame];
  const parts: Buffer[] = [];
  let at = 0;
  // The last OBU was cut when the vector was made: it goes without a size field
  while (at < frame.length) {
    const header = frame[at] ?? 0;
    let size = 0;
    let sizeBytes = 0;
    let byte: number;
    do {
      byte = frame[at + 1 + sizeBytes] ?? 0;
      size += (byte & 0x7f) * 2 ** (7 * sizeBytes++);
    } while (byte >= 0x80);
    const start = at + 1 + sizeBytes;
    parts.push(Buffer.concat([Buffer.of(header & ~2), frame.subarray(start, start + size)]));
    at = start + size;
  }
  return parts;
}

export function videoCodecOf(vector: VideoVector): CodecDescriptor {
  switch (vector.codec) {
    case 'h264':
      return h264Codec(hexes(vector.sps), hexes(vector.pps));
    case 'h265':
      return h265Codec(hexes(vector.vps), hexes(vector.sps), hexes(vector.pps));
    case 'vp8':
      return vp8Codec(hex(vector.frames?.[0] ?? ''));
    case 'vp9':
      return vp9Codec(hex(vector.frames?.[0] ?? ''));
    case 'mpeg1':
      return mpeg1Codec(hex(vector.frames?.[0] ?? ''));
    case 'mpeg4':
      return mpeg4Codec(findMpeg4Config(hex(vector.frames?.[0] ?? '')) ?? Buffer.alloc(0));
    default:
      return av1Codec(findAv1SequenceHeader(partsOf(vector, 0)) ?? Buffer.alloc(0));
  }
}

/** Reads `bytes` as the vector's codec does; other bytes than the vector's own may be given. */
export function audioCodecOf(vector: AudioVector, bytes = hex(vector.bytes)): CodecDescriptor {
  switch (vector.codec) {
    case 'aac':
      return aacCodec(bytes);
    case 'mp2':
      return mp2Codec(bytes);
    case 'mp3':
      return mp3Codec(bytes);
    case 'flac':
      return flacCodec(bytes);
    default:
      return opusCodec({ channels: bytes[9] ?? 0, head: bytes });
  }
}
