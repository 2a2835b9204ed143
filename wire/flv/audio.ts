import type { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import { audioPacketType, type FlvAudioCodec, findAudioCodecByFourCc, soundFormat } from './codes.ts';
import { type FlvMultitrackLayout, flvFormat, readModEx, readMultitrack } from './enhanced.ts';

/** The body of an audio tag or RTMP audio message. Payloads are views of it. */
export type FlvAudio = FlvAudioPacket | FlvAudioMultitrack;

/** What concerns one track. */
export type FlvAudioPacket = FlvAudioFrame | FlvAudioConfig | FlvAudioEnd | FlvAudioChannels;

interface OfAudioTrack {
  readonly codec: FlvAudioCodec;
  /** Came with an enhanced header (E-RTMP), not with a SoundFormat of its own. */
  readonly enhanced: boolean;
  /** The id inside a multitrack message; 0 outside. */
  readonly track: number;
  /** Nanoseconds to add to the message's timestamp (ModEx); 0 when not said. */
  readonly nanoOffset: number;
}

/** One or several coded frames: one for AAC and Opus, perhaps more for MP3 and Speex, any number of samples for PCM and G.711. */
export interface FlvAudioFrame extends OfAudioTrack {
  readonly kind: 'frame';
  /**
   * What the tag header says; undefined where it says nothing (enhanced) or nothing true (AAC: its config decides).
   * Hertz; Flash's 5.5 kHz is 5512.
   */
  readonly sampleRate: number | undefined;
  readonly channels: number | undefined;
  /** Bits a sample: 8 or 16 for the PCM kinds, 16 for all others. */
  readonly sampleSize: number;
  readonly payload: Buffer;
}

/** A sequence start. aac: AudioSpecificConfig; opus: OpusHead or nothing; flac: `fLaC` and STREAMINFO. */
export interface FlvAudioConfig extends OfAudioTrack {
  readonly kind: 'config';
  readonly payload: Buffer;
}

export interface FlvAudioEnd extends OfAudioTrack {
  readonly kind: 'end';
}

/** MultichannelConfig, E-RTMP "Enhanced Audio": which speaker each channel is for. */
export interface FlvAudioChannels extends OfAudioTrack {
  readonly kind: 'channels';
  readonly order: 'unspecified' | 'native' | 'custom';
  readonly count: number;
  /** AudioChannelMask, for `native`; else 0. */
  readonly mask: number;
  /** One AudioChannel a channel, for `custom`; else empty. */
  readonly mapping: Buffer;
}

export interface FlvAudioMultitrack {
  readonly kind: 'multitrack';
  readonly layout: FlvMultitrackLayout;
  /** At least one; all of one kind. */
  readonly tracks: readonly FlvAudioPacket[];
}

/** SoundRate, FLV E.4.2.1. */
const soundRates: readonly number[] = [5512, 11025, 22050, 44100];

/** Reads FLV AUDIODATA (FLV E.4.2) with E-RTMP's extension. */
export function readAudioTag(body: Buffer): FlvAudio {
  const first = body[0];
  if (first === undefined) throw new WireError('truncated', flvFormat, 'an empty audio tag');
  const format = first >> 4;
  if (format === soundFormat.aac) return readAacTag(body);
  if (format === soundFormat.exHeader) return readEnhanced(body, first);
  return readSimpleTag(body, first);
}

/** AACAUDIODATA, FLV E.4.2.2. */
function readAacTag(body: Buffer): FlvAudio {
  const packet = body[1];
  if (packet === 1) {
    return {
      kind: 'frame',
      codec: 'aac',
      enhanced: false,
      track: 0,
      nanoOffset: 0,
      sampleRate: undefined,
      channels: undefined,
      sampleSize: 16,
      payload: body.subarray(2),
    };
  }
  if (packet === 0) {
    return { kind: 'config', codec: 'aac', enhanced: false, track: 0, nanoOffset: 0, payload: body.subarray(2) };
  }
  if (packet === undefined) throw new WireError('truncated', flvFormat, 'an AAC tag without packet type');
  throw new WireError('malformed', flvFormat, `AAC packet type ${packet}`);
}

/** The formats without packet types: one header byte, then sound. */
function readSimpleTag(body: Buffer, first: number): FlvAudioFrame {
  let sampleRate = soundRates[(first >> 2) & 0x03];
  let channels = (first & 0x01) + 1;
  let uncompressed = false; // FLV E.4.2.1: the size bit holds for these alone
  let codec: FlvAudioCodec;
  switch (first >> 4) {
    case soundFormat['pcm-platform']:
      codec = 'pcm-platform';
      uncompressed = true;
      break;
    case soundFormat.adpcm:
      codec = 'adpcm';
      break;
    case soundFormat.mp3:
      codec = 'mp3';
      break;
    case soundFormat['pcm-le']:
      codec = 'pcm-le';
      uncompressed = true;
      break;
    case soundFormat.nellymoser16k:
      codec = 'nellymoser';
      sampleRate = 16000;
      channels = 1;
      break;
    case soundFormat.nellymoser8k:
      codec = 'nellymoser';
      sampleRate = 8000;
      channels = 1;
      break;
    case soundFormat.nellymoser:
      codec = 'nellymoser';
      break;
    // The flags have no code for 8 kHz; G.711 is 8 kHz and carries whatever flags its writer liked.
    case soundFormat.pcma:
      codec = 'pcma';
      sampleRate = 8000;
      break;
    case soundFormat.pcmu:
      codec = 'pcmu';
      sampleRate = 8000;
      break;
    case soundFormat.speex: // FLV E.4.2.1: always 16 kHz mono
      codec = 'speex';
      sampleRate = 16000;
      channels = 1;
      break;
    case soundFormat.mp38k:
      codec = 'mp3';
      sampleRate = 8000;
      break;
    default:
      throw new WireError('unsupported', flvFormat, `sound format ${first >> 4}`);
  }
  return {
    kind: 'frame',
    codec,
    enhanced: false,
    track: 0,
    nanoOffset: 0,
    sampleRate,
    channels,
    sampleSize: uncompressed && (first & 0x02) === 0 ? 8 : 16,
    payload: body.subarray(1),
  };
}

/** ExAudioTagHeader and ExAudioTagBody, E-RTMP "Enhanced Audio". */
function readEnhanced(body: Buffer, first: number): FlvAudio {
  const reader = new ByteReader(body, flvFormat, 1);
  let packetType = first & 0x0f;
  let nanoOffset = 0;
  if (packetType === audioPacketType.modEx) ({ packetType, nanoOffset } = readModEx(reader, audioPacketType.modEx));
  if (packetType !== audioPacketType.multitrack) {
    const fourCc = reader.u32();
    return readPacket(reader.rest(), { packetType, fourCc, track: 0, nanoOffset });
  }
  const {
    layout,
    packetType: inner,
    slices,
  } = readMultitrack(reader, [audioPacketType.multitrack, audioPacketType.modEx]);
  const tracks: FlvAudioPacket[] = [];
  for (const { fourCc, track, body: payload } of slices) {
    tracks.push(readPacket(payload, { packetType: inner, fourCc, track, nanoOffset }));
  }
  return { kind: 'multitrack', layout, tracks };
}

interface PacketHead {
  readonly packetType: number;
  readonly fourCc: number;
  readonly track: number;
  readonly nanoOffset: number;
}

function readPacket(payload: Buffer, head: PacketHead): FlvAudioPacket {
  const { track, nanoOffset } = head;
  const codec = findAudioCodecByFourCc(head.fourCc);
  if (codec === undefined) throw new WireError('unsupported', flvFormat, `audio FourCC 0x${head.fourCc.toString(16)}`);
  switch (head.packetType) {
    case audioPacketType.codedFrames:
      return {
        kind: 'frame',
        codec,
        enhanced: true,
        track,
        nanoOffset,
        sampleRate: undefined,
        channels: undefined,
        sampleSize: 16,
        payload,
      };
    case audioPacketType.sequenceStart:
      return { kind: 'config', codec, enhanced: true, track, nanoOffset, payload };
    case audioPacketType.sequenceEnd:
      return { kind: 'end', codec, enhanced: true, track, nanoOffset };
    case audioPacketType.multichannelConfig:
      return { kind: 'channels', codec, enhanced: true, track, nanoOffset, ...readChannels(payload) };
    default:
      throw new WireError('unsupported', flvFormat, `audio packet type ${head.packetType}`);
  }
}

function readChannels(payload: Buffer): Pick<FlvAudioChannels, 'order' | 'count' | 'mask' | 'mapping'> {
  const reader = new ByteReader(payload, flvFormat);
  const order = reader.u8();
  const count = reader.u8();
  switch (order) {
    case 0:
      return { order: 'unspecified', count, mask: 0, mapping: reader.bytes(0) };
    case 1:
      return { order: 'native', count, mask: reader.u32(), mapping: reader.bytes(0) };
    case 2:
      return { order: 'custom', count, mask: 0, mapping: reader.bytes(count) };
    default:
      throw new WireError('unsupported', flvFormat, `audio channel order ${order}`);
  }
}
