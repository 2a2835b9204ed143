import { Buffer } from 'node:buffer';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import type { CodecDescriptor, CodecName, OpusCodec, SpeexCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { withStartCodes } from '../../wire/codec-records/nal.ts';
import { withObuSizes } from '../../wire/codec-records/obu.ts';
import { writeOpusHead } from '../../wire/codec-records/opus-record.ts';
import type { NutStream } from '../../wire/nut/nut.ts';

/** The marks by which FFmpeg's NUT knows a codec: a FourCC, or a WAVE format tag and two zeros. */
export const fourccs: Readonly<Record<CodecName, string>> = {
  h264: 'H264',
  h265: 'HEVC',
  vp8: 'VP80',
  vp9: 'VP90',
  av1: 'AV01',
  flv1: 'FLV1',
  mpeg1: 'mpg1',
  mpeg4: 'FMP4',
  opus: 'Opus',
  aac: '\xff\x00\x00\x00',
  mp3: '\x55\x00\x00\x00',
  mp2: '\x50\x00\x00\x00',
  pcmu: '\x07\x00\x00\x00',
  pcma: '\x06\x00\x00\x00',
  g722: '\x8f\x02\x00\x00',
  g729: '\x83\x00\x00\x00',
  speex: '\x09\xa1\x00\x00',
  flac: '\xac\xf1\x00\x00',
};

/** What a decoder of `codec` is told first. `ticksPerSecond` is the time base of the pipe. */
export function sourceStream(codec: CodecDescriptor, ticksPerSecond: number): NutStream {
  const common = {
    fourcc: fourccs[codec.name],
    timeBase: { numerator: 1, denominator: ticksPerSecond },
    codecData: codecData(codec),
  };
  if (codec.kind === 'video') return { kind: 'video', ...common, width: codec.width, height: codec.height };
  return { kind: 'audio', ...common, sampleRate: codec.sampleRate, channels: codec.channels };
}

/** The unit as FFmpeg wants it in a NUT frame; mostly the unit's own bytes. */
export function sourcePieces(unit: AccessUnit): readonly Buffer[] {
  switch (unit.codec.name) {
    case 'h264':
    case 'h265':
      return withStartCodes(unit.parts);
    case 'av1':
      return withObuSizes(unit.parts);
    default:
      return unit.parts;
  }
}

function codecData(codec: CodecDescriptor): Buffer {
  switch (codec.name) {
    case 'h264':
      return Buffer.concat(withStartCodes([...codec.sps, ...codec.pps]));
    case 'h265':
      return Buffer.concat(withStartCodes([...codec.vps, ...codec.sps, ...codec.pps]));
    case 'av1':
      return Buffer.concat(withObuSizes([codec.sequenceHeader]));
    case 'aac':
    case 'mpeg4':
      return codec.config;
    case 'opus':
      return opusHead(codec);
    case 'speex':
      return speexHeader(codec);
    case 'flac':
      return codec.streamInfo;
    default:
      return Buffer.alloc(0);
  }
}

function opusHead(codec: OpusCodec): Buffer {
  if (codec.head !== undefined) return codec.head;
  const { channels, preSkip } = codec;
  return writeOpusHead({ channels, preSkip, inputSampleRate: 48_000, outputGain: 0, mappingFamily: 0 });
}

/** The header of the Speex codec manual, 7: decoders take the mode and the size of a frame from it. */
function speexHeader(codec: SpeexCodec): Buffer {
  const header = Buffer.alloc(80);
  const mode = codec.sampleRate === 8_000 ? 0 : codec.sampleRate === 16_000 ? 1 : 2;
  header.write('Speex   1.2', 'latin1');
  const numbers = [
    1, // speex_version_id
    80, // header_size
    codec.sampleRate,
    mode,
    4, // mode_bitstream_version
    codec.channels,
    -1, // bitrate
    160 << mode, // frame_size
    0, // vbr
    1, // frames_per_packet
  ];
  numbers.forEach((number, index) => header.writeInt32LE(number, 28 + 4 * index));
  return header;
}
