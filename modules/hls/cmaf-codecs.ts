import { Buffer } from 'node:buffer';
import type { AudioCodec, OpusCodec, VideoCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { decoderRecord } from '../../wire/codec-records/decoder-record.ts';
import { writeFlacHeader } from '../../wire/codec-records/flac-record.ts';
import { readOpusHead, writeDops } from '../../wire/codec-records/opus-record.ts';
import { WireError } from '../../wire/errors.ts';
import type { AudioSampleEntry, Fmp4AudioTrack, Fmp4VideoTrack, VideoSampleEntry } from '../../wire/fmp4/track.ts';

/** RTP's clock of video, which holds whole milliseconds exactly. */
export const videoTimescale = 90_000;
export const videoTrackId = 1;
export const audioTrackId = 2;

/** The video track of an init section. Throws WireError for a codec that fMP4 does not carry here. */
export function videoTrack(codec: VideoCodec): Fmp4VideoTrack {
  const { width, height } = codec;
  const shape = { kind: 'video', trackId: videoTrackId, timescale: videoTimescale, width, height } as const;
  return { ...shape, ...videoEntry(codec) };
}

function videoEntry(codec: VideoCodec): { codec: VideoSampleEntry; config: Buffer } {
  switch (codec.name) {
    case 'h264':
    case 'h265':
    case 'av1':
    case 'vp9': {
      const config = decoderRecord(codec, { fullBox: false, complete: true });
      return { codec: sampleEntries[codec.name], config };
    }
    default:
      throw new WireError('unsupported', 'fmp4', `${codec.name} in HLS`);
  }
}

const sampleEntries = { h264: 'avc1', h265: 'hvc1', av1: 'av01', vp9: 'vp09' } as const;

/** The audio track of an init section, in ticks of its own sample rate. Throws WireError for a codec that fMP4 does not carry here. */
export function audioTrack(codec: AudioCodec): Fmp4AudioTrack {
  const { sampleRate, channels } = codec;
  const shape = { kind: 'audio', trackId: audioTrackId, timescale: sampleRate, sampleRate, channels } as const;
  return { ...shape, ...audioEntry(codec) };
}

function audioEntry(codec: AudioCodec): { codec: AudioSampleEntry; config: Buffer } {
  switch (codec.name) {
    case 'aac':
      return { codec: 'mp4a.40', config: codec.config };
    case 'mp3':
      return { codec: 'mp4a.6B', config: Buffer.alloc(0) };
    case 'opus':
      return { codec: 'Opus', config: opusConfig(codec) };
    case 'flac':
      // dfLa has the metadata blocks without the signature of the file.
      return { codec: 'fLaC', config: writeFlacHeader(codec.streamInfo).subarray(4) };
    default:
      throw new WireError('unsupported', 'fmp4', `${codec.name} in HLS`);
  }
}

function opusConfig(codec: OpusCodec): Buffer {
  const plain = {
    channels: codec.channels,
    inputSampleRate: codec.sampleRate,
    outputGain: 0,
    mappingFamily: 0,
  };
  // Who joins a live stream is past the samples that the decoder would drop at its start.
  return writeDops({ ...(codec.head === undefined ? plain : readOpusHead(codec.head)), preSkip: 0 });
}
