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
import { splitAnnexB } from '../../wire/codec-records/nal.ts';
import { splitObus } from '../../wire/codec-records/obu.ts';
import type { NutFrame, NutStream } from '../../wire/nut/nut.ts';

/** A small frame is copied out of the chunk of the pipe that it came in, so that it cannot pin it. */
const smallFrame = 4_096;

const h264ParameterSets: readonly number[] = [7, 8, 9]; // SPS, PPS, access unit delimiter: not part of a unit

/** Makes units out of what ffmpeg encoded. */
export class ResultUnits {
  readonly #name: CodecName;
  readonly #inBand: InBandCodec | undefined;
  #codec: CodecDescriptor | undefined;

  constructor(name: CodecName, stream: NutStream) {
    this.#name = name;
    if (stream.kind === 'audio') {
      this.#codec = audioCodec(name as AudioCodecName, stream);
      return;
    }
    this.#inBand = new InBandCodec(name as VideoCodecName);
    if (stream.codecData.length > 0 && (name === 'h264' || name === 'h265')) {
      this.#codec = this.#inBand.update(splitAnnexB(stream.codecData, name));
    }
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
        return splitAnnexB(payload, this.#name);
      case 'av1':
        return splitObus(payload, 'av1');
      default:
        return [payload];
    }
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
