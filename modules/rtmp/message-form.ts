import type { Buffer } from 'node:buffer';
import type { AccessUnit, SharedForm } from '../../core/media/access-unit.ts';
import type { AudioCodec, CodecDescriptor, VideoCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { decoderRecord, framedParts } from '../../wire/codec-records/decoder-record.ts';
import { writeFlacHeader } from '../../wire/codec-records/flac-record.ts';
import { writeOpusHead } from '../../wire/codec-records/opus-record.ts';
import {
  audioFrameHeader,
  type FlvVideoCodec,
  videoFrameHeader,
  writeAudioConfig,
  writeVideoConfig,
} from '../../wire/flv/tag.ts';
import { chunkMessage } from '../../wire/rtmp/chunk-writer.ts';
import { messageType } from '../../wire/rtmp/message.ts';

/** One for all peers, so that one Buffer serves them all. Small enough for every client in use. */
export const outgoingChunkSize = 60_000;
/** The message stream that the shared form names; nearly every player's stream has this id. */
export const usualStreamId = 1;
/** Where the message stream id stands in a message with a basic header of one byte. RTMP 1.0 5.3.1.2.1. */
const streamIdOffset = 8;

/** Chunk streams of what we send; any numbers would do. */
export const chunkStream = { connection: 3, audio: 4, stream: 5, video: 6 } as const;

/** A unit as a whole chunked message, ready for the socket, for message stream 1. */
export const rtmpMessageForm: SharedForm<Buffer> = { name: 'rtmp message', make: frameMessage };

/** RTMP timestamps are stream time in milliseconds, the same for every player of the stream. */
export function timestampOf(unit: AccessUnit): number {
  return Math.round(unit.dts / 1_000);
}

function frameMessage(unit: AccessUnit): Buffer {
  const { codec } = unit;
  const timestamp = timestampOf(unit);
  const payload = [
    codec.kind === 'video'
      ? videoFrameHeader(flvName(codec.name), unit.keyframe, Math.round(unit.pts / 1_000) - timestamp)
      : soundHeader(codec),
  ];
  const pieces = framedParts(codec.name, unit.parts);
  for (let index = 0; index < pieces.length; index += 1) payload.push(pieces[index] as Buffer);
  return mediaMessage(codec.kind, timestamp, payload);
}

function soundHeader(codec: AudioCodec): Buffer {
  const { name, sampleRate, channels } = codec;
  if (name === 'g722' || name === 'g729' || name === 'mp2') throw new TypeError(`RTMP has no ${name}`);
  return audioFrameHeader(name, { sampleRate, channels, sampleSize: 16 });
}

function mediaMessage(kind: 'video' | 'audio', timestamp: number, payload: readonly Buffer[]): Buffer {
  const type = kind === 'video' ? messageType.video : messageType.audio;
  return chunkMessage(
    { type, streamId: usualStreamId, timestamp, csid: chunkStream[kind], payload },
    outgoingChunkSize,
  );
}

/** The sequence header of a codec as a whole message for message stream 1; undefined for codecs that have none. */
export function configMessage(codec: CodecDescriptor, timestamp: number): Buffer | undefined {
  const payload = codec.kind === 'video' ? videoConfig(codec) : audioConfig(codec);
  return payload === undefined ? undefined : mediaMessage(codec.kind, timestamp, [payload]);
}

/** The same message for another message stream; `from` is where it begins in `bytes`, which must be nobody else's. */
export function addressMessage(bytes: Buffer, from: number, streamId: number): void {
  bytes.writeUInt32LE(streamId, from + streamIdOffset);
}

function flvName(name: VideoCodec['name']): FlvVideoCodec {
  if (name === 'mpeg1' || name === 'mpeg4') throw new TypeError(`RTMP has no ${name}`);
  return name === 'flv1' ? 'sorenson-h263' : name;
}

function videoConfig(codec: VideoCodec): Buffer | undefined {
  // What is left out says it all with each picture.
  if (codec.name === 'flv1' || codec.name === 'mpeg1' || codec.name === 'mpeg4') return undefined;
  // Parameter sets may stand in the stream as well: publishers send what they like.
  return writeVideoConfig(codec.name, decoderRecord(codec, { fullBox: true, complete: false }));
}

function audioConfig(codec: AudioCodec): Buffer | undefined {
  switch (codec.name) {
    case 'aac':
      return writeAudioConfig('aac', codec.config);
    case 'opus': {
      const { channels, preSkip } = codec;
      const plain = { channels, preSkip, inputSampleRate: 48_000, outputGain: 0, mappingFamily: 0 };
      return writeAudioConfig('opus', codec.head ?? writeOpusHead(plain));
    }
    case 'flac':
      return writeAudioConfig('flac', writeFlacHeader(codec.streamInfo));
    default:
      return undefined; // the header of each tag says it all
  }
}
