import { Buffer } from 'node:buffer';
import { WireError } from '../../wire/errors.ts';
import { AacDepacketizer, type AacSettings } from '../../wire/rtp/payload/aac-depacketizer.ts';
import { Av1Depacketizer } from '../../wire/rtp/payload/av1-depacketizer.ts';
import type { Depacketizer, DepacketizerLimits, Emit } from '../../wire/rtp/payload/depacketizer.ts';
import { G729Depacketizer } from '../../wire/rtp/payload/g729.ts';
import { LatmDepacketizer } from '../../wire/rtp/payload/latm.ts';
import { Mp3AduDepacketizer } from '../../wire/rtp/payload/mp3-adu.ts';
import { MpegAudioDepacketizer } from '../../wire/rtp/payload/mpeg-audio.ts';
import { Mpeg4VideoDepacketizer } from '../../wire/rtp/payload/mpeg4-video.ts';
import { h264Grammar, h265Grammar, NalDepacketizer } from '../../wire/rtp/payload/nal-depacketizer.ts';
import { PlainDepacketizer } from '../../wire/rtp/payload/plain.ts';
import { Vp8Depacketizer } from '../../wire/rtp/payload/vp8.ts';
import { Vp9Depacketizer } from '../../wire/rtp/payload/vp9.ts';
import type { RtpFormat, RtpMedium } from './contract.ts';
import { audioCodecOf } from './described-codecs.ts';
import { codecNameOf, isAdu, isLatm } from './encodings.ts';
import { readLatmConfig } from './latm-config.ts';

/** The reader of a medium's payloads. Throws WireError for codecs that have none. */
export function depacketizerFor(
  medium: Pick<RtpMedium, 'kind' | 'format'>,
  limits: DepacketizerLimits,
  emit: Emit,
): Depacketizer {
  const name = codecNameOf(medium.kind, medium.format);
  switch (name) {
    case 'h264':
      return new NalDepacketizer(h264Grammar, limits, emit);
    case 'h265':
      return new NalDepacketizer(h265Grammar, limits, emit);
    case 'vp8':
      return new Vp8Depacketizer(limits, emit);
    case 'vp9':
      return new Vp9Depacketizer(limits, emit);
    case 'av1':
      return new Av1Depacketizer(limits, emit);
    case 'mpeg4':
      return new Mpeg4VideoDepacketizer(limits, emit);
    case 'aac':
      return aacDepacketizer(medium.format, emit);
    case 'mp3':
      return isAdu(medium.format) ? new Mp3AduDepacketizer(emit) : new MpegAudioDepacketizer(emit);
    case 'g729':
      return new G729Depacketizer(emit);
    case 'opus':
    case 'pcmu':
    case 'pcma':
    case 'g722':
    case 'speex':
      return new PlainDepacketizer(emit);
    default:
      throw new WireError('unsupported', 'rtp', `payloads of ${name ?? medium.format.encoding}`);
  }
}

function aacDepacketizer(format: RtpFormat, emit: Emit): Depacketizer {
  const codec = audioCodecOf(format);
  const ticks =
    codec?.name === 'aac' ? Math.round((codec.samplesPerFrame * format.clockRate) / codec.sampleRate) : 1_024;
  if (!isLatm(format)) return new AacDepacketizer(aacSettings(format, ticks), emit);
  const config = Buffer.from(format.parameters.get('config') ?? '', 'hex');
  return new LatmDepacketizer(readLatmConfig(config).frames, ticks, emit);
}

/** RFC 3640 4.1. */
function aacSettings({ parameters }: RtpFormat, frameTicks: number): AacSettings {
  const number = (name: string): number => {
    const value = Number(parameters.get(name) ?? 0);
    return Number.isInteger(value) && value >= 0 && value <= 0xffff ? value : 0;
  };
  return {
    sizeLength: Math.min(32, number('sizelength')),
    indexLength: Math.min(32, number('indexlength')),
    indexDeltaLength: Math.min(32, number('indexdeltalength')),
    auxiliaryDataSizeLength: Math.min(32, number('auxiliarydatasizelength')),
    constantSize: number('constantsize'),
    frameTicks,
  };
}
