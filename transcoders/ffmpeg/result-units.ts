import { Buffer } from 'node:buffer';
import { AccessUnit } from '../../core/media/access-unit.ts';
import { aacCodec } from '../../core/media/codecs/aac.ts';
import type {
  AudioCodecName,
  CodecDescriptor,
  CodecName,
  G722Codec,
  G729Codec,
  PcmaCodec,
  PcmuCodec,
  VideoCodecName,
} from '../../core/media/codecs/codec-descriptor.ts';
import { flacCodec } from '../../core/media/codecs/flac.ts';
import { InBandCodec } from '../../core/media/codecs/in-band-codec.ts';
import { isKeyframe } from '../../core/media/codecs/keyframe.ts';
import { mp2Codec } from '../../core/media/codecs/mp2.ts';
import { mp3Codec } from '../../core/media/codecs/mp3.ts';
import { opusCodec, parseOpusHead } from '../../core/media/codecs/opus.ts';
import { pcmCodec, speexCodec } from '../../core/media/codecs/telephony.ts';
import type { Micros } from '../../core/time/micros.ts';
import { readAv1Record } from '../../wire/codec-records/av1-record.ts';
import { readAvcRecord } from '../../wire/codec-records/avc-record.ts';
import { readHevcRecord } from '../../wire/codec-records/hevc-record.ts';
import { type NalLengthSize, splitAnnexB, splitLengthPrefixed } from '../../wire/codec-records/nal.ts';
import { splitObus } from '../../wire/codec-records/obu.ts';
import type { NutFrame, NutStream } from '../../wire/nut/nut.ts';

/** A small frame is copied out of the chunk of the pipe that it came in, so that it cannot pin it. */
const smallFrame = 4_096;

const h264ParameterSets: readonly number[] = [7, 8, 9]; // SPS, PPS, access unit delimiter: not part of a unit

/** Makes units out of what ffmpeg encoded. */
export class ResultUnits {
  readonly #name: CodecName;
  readonly #inBand: InBandCodec | undefined;
  /** Of H.264 and H.265 in the framing of MP4; undefined for the byte stream, which encoders give. */
  readonly #lengthSize: NalLengthSize | undefined;
  #codec: CodecDescriptor | undefined;

  constructor(name: CodecName, stream: NutStream) {
    this.#name = name;
    if (stream.kind === 'audio') {
      this.#codec = audioCodec(name as AudioCodecName, stream);
      return;
    }
    this.#inBand = new InBandCodec(name as VideoCodecName);
    const { sets, lengthSize } = readCodecData(name, stream.codecData);
    this.#lengthSize = lengthSize;
    if (sets.length > 0) this.#codec = this.#inBand.update(sets);
  }

  /** Undefined while the codec's parameters are not known. `pts` on the stream's timeline. */
  make(frame: NutFrame, pts: Micros, capturedAt: Micros | undefined): AccessUnit | undefined {
    if (frame.payload.length === 0) return undefined;
    const payload = frame.payload.length <= smallFrame ? ownBytes(frame.payload) : frame.payload;
    let parts = this.#split(payload);
    if (this.#inBand !== undefined) this.#codec = this.#inBand.update(parts) ?? this.#codec;
    else if (this.#name === 'mp3') this.#codec ??= mp3Codec(payload);
    else if (this.#name === 'mp2') this.#codec ??= mp2Codec(payload);
    const codec = this.#codec;
    if (codec === undefined) return undefined;
    if (this.#name === 'h264') parts = parts.filter((part) => !h264ParameterSets.includes((part[0] ?? 0) & 0x1f));
    const keyframe = codec.kind === 'audio' || isKeyframe(codec.name, parts);
    // No B-frames are ever made: the order of decoding is that of presentation.
    return new AccessUnit({ codec, pts, dts: pts, keyframe, parts, capturedAt });
  }

  #split(payload: Buffer): Buffer[] {
    switch (this.#name) {
      case 'h264':
      case 'h265':
        return this.#lengthSize === undefined
          ? splitAnnexB(payload, this.#name)
          : splitLengthPrefixed(payload, this.#lengthSize, this.#name);
      case 'av1':
        return splitObus(payload, 'av1');
      default:
        return [payload];
    }
  }
}

/** What stands in front of the first frame: encoders give a byte stream, files the records of MP4, which begin with a version. */
function readCodecData(
  name: CodecName,
  bytes: Buffer,
): { readonly sets: readonly Buffer[]; readonly lengthSize: NalLengthSize | undefined } {
  const none = { sets: [], lengthSize: undefined };
  if (bytes.length === 0) return none;
  switch (name) {
    case 'h264': {
      if (bytes[0] !== 1) return { ...none, sets: splitAnnexB(bytes, name) };
      const { sps, pps, lengthSize } = readAvcRecord(bytes);
      return { sets: [...sps, ...pps], lengthSize };
    }
    case 'h265': {
      if (bytes[0] !== 1) return { ...none, sets: splitAnnexB(bytes, name) };
      const { vps, sps, pps, lengthSize } = readHevcRecord(bytes);
      return { sets: [...vps, ...sps, ...pps], lengthSize };
    }
    case 'av1':
      return bytes[0] === 0x81 ? { ...none, sets: readAv1Record(bytes).obus } : none;
    case 'mpeg4':
      return { ...none, sets: [bytes] };
    default:
      return none;
  }
}

function ownBytes(payload: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(payload.length);
  payload.copy(own);
  return own;
}

/** Undefined for MP2 and MP3, whose frames tell it themselves. */
function audioCodec(name: AudioCodecName, stream: NutStream): CodecDescriptor | undefined {
  const sampleRate = stream.sampleRate ?? 48_000;
  const channels = stream.channels ?? 1;
  switch (name) {
    case 'aac':
      return aacCodec(stream.codecData);
    case 'opus':
      return opusCodec({ channels, preSkip: parseOpusHead(stream.codecData).preSkip });
    case 'speex':
      return speexCodec({ sampleRate, channels });
    case 'flac':
      return flacCodec(stream.codecData);
    case 'mp3':
    case 'mp2':
      return undefined;
    default:
      return pcmCodec(name, { sampleRate, channels }) as PcmuCodec | PcmaCodec | G722Codec | G729Codec;
  }
}
