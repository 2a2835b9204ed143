import { Buffer } from 'node:buffer';
import { aacCodec } from '../../core/media/codecs/aac.ts';
import type { AudioCodec, VideoCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { CodecError } from '../../core/media/codecs/codec-error.ts';
import { h264Codec } from '../../core/media/codecs/h264.ts';
import { h265Codec } from '../../core/media/codecs/h265.ts';
import { mp2Codec } from '../../core/media/codecs/mp2.ts';
import { mp3Codec } from '../../core/media/codecs/mp3.ts';
import { mpeg4Codec } from '../../core/media/codecs/mpeg4.ts';
import { h264NalType } from '../../core/media/codecs/nal-unit.ts';
import { opusCodec } from '../../core/media/codecs/opus.ts';
import { sameCodec } from '../../core/media/codecs/same-codec.ts';
import { pcmCodec, speexCodec } from '../../core/media/codecs/telephony.ts';
import type { RtpFormat } from './contract.ts';
import { codecNameOf, isLatm } from './encodings.ts';
import { readLatmConfig } from './latm-config.ts';

/** What the description says of an audio codec; undefined where the media says it. Throws CodecError. */
export function audioCodecOf(format: RtpFormat): AudioCodec | undefined {
  const { clockRate, channels = 1, parameters } = format;
  switch (codecNameOf('audio', format)) {
    case 'aac': {
      const config = parameters.get('config');
      if (config === undefined) return undefined;
      const bytes = Buffer.from(config, 'hex');
      return isLatm(format) ? readLatmConfig(bytes).codec : aacCodec(bytes);
    }
    case 'opus':
      // RFC 7587 7: rtpmap always says 2; what the source sends stands in sprop-stereo.
      return opusCodec({ channels: parameters.get('sprop-stereo') === '1' ? 2 : 1 });
    case 'pcmu':
      return pcmCodec('pcmu', { sampleRate: clockRate, channels });
    case 'pcma':
      return pcmCodec('pcma', { sampleRate: clockRate, channels });
    case 'g722':
      return pcmCodec('g722', { channels });
    case 'g729':
      return pcmCodec('g729', { channels });
    case 'speex':
      return speexCodec({ sampleRate: clockRate, channels });
    default:
      return undefined;
  }
}

/** Whether an audio format needs no description: each frame says what it is. */
export function isDescribedInBand(format: RtpFormat): boolean {
  return codecNameOf('audio', format) === 'mp3';
}

/** What a frame of MPEG audio says of itself: `known` where nothing has changed. Throws CodecError. */
export function mpegAudioCodecOf(frame: Buffer, known: AudioCodec | undefined): AudioCodec {
  const codec = ((frame[1] ?? 0) & 0x06) === 0x04 ? mp2Codec(frame) : mp3Codec(frame);
  return known !== undefined && sameCodec(known, codec) ? known : codec;
}

/** What the description says of a video codec: parameter sets, where it has them whole. Others tell it in their key frames. */
export function videoCodecOf(format: RtpFormat): VideoCodec | undefined {
  const { parameters } = format;
  try {
    switch (codecNameOf('video', format)) {
      case 'h264': {
        const sets = base64List(parameters.get('sprop-parameter-sets')); // RFC 6184 8.1
        const sps = sets.filter((set) => h264NalType(set) === 7);
        const pps = sets.filter((set) => h264NalType(set) === 8);
        return sps.length === 0 || pps.length === 0 ? undefined : h264Codec(sps, pps);
      }
      case 'h265': {
        const [vps, sps, pps] = ['vps', 'sps', 'pps'].map((set) => base64List(parameters.get(`sprop-${set}`))); // RFC 7798 7.1
        if (vps === undefined || sps === undefined || pps === undefined) return undefined;
        return vps.length * sps.length * pps.length === 0 ? undefined : h265Codec(vps, sps, pps);
      }
      case 'mpeg4': {
        const config = parameters.get('config'); // RFC 6416 7.1
        return config === undefined ? undefined : mpeg4Codec(Buffer.from(config, 'hex'));
      }
      default:
        return undefined;
    }
  } catch (error) {
    // Cameras are known to describe themselves wrongly and to send the right sets in band.
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

function base64List(value: string | undefined): Buffer[] {
  if (value === undefined) return [];
  return value
    .split(',', 64)
    .map((text) => Buffer.from(text, 'base64'))
    .filter((set) => set.length > 0);
}
