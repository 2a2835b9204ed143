import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import type { FlvAudio, FlvAudioChannels, FlvAudioMultitrack, FlvAudioPacket } from './audio.ts';
import { audioFourCc, audioPacketType, type ExAudioCodec, type FlvAudioCodec, soundFormat } from './codes.ts';
import { flvFormat, multitrackTypeOf, writeNanoOffset } from './enhanced.ts';

/** What the flags of a legacy audio header say; AAC, Speex and the enhanced codecs have fixed or no flags. */
export interface FlvSound {
  /** Hertz. */
  readonly sampleRate: number | undefined;
  readonly channels: number | undefined;
  /** Bits: 8 or 16; compressed kinds say 16. */
  readonly sampleSize: number;
}

const compressedStereo: FlvSound = { sampleRate: 44100, channels: 2, sampleSize: 16 };

/**
 * The header to send in front of sound: `[audioFrameHeader(…), ...payload]`.
 * aac, mp3, pcma, pcmu, speex and Flash's own get the SoundFormat header; opus, flac, ac3 and eac3 the enhanced one.
 * `enhanced` overrules: true for aac as `mp4a` and mp3 as `.mp3`. `sound` fills the flags of mp3, PCM, ADPCM, G.711 and Nellymoser.
 */
export function audioFrameHeader(
  codec: FlvAudioCodec,
  sound: FlvSound = compressedStereo,
  enhanced = isEnhancedByHabit(codec),
): Buffer {
  if (!enhanced) {
    return codec === 'aac' ? Buffer.from([aacFlags, 1]) : Buffer.from([soundFlags(codec, sound)]);
  }
  const bytes = Buffer.allocUnsafe(5);
  bytes[0] = (soundFormat.exHeader << 4) | audioPacketType.codedFrames;
  bytes.writeUInt32BE(fourCcOf(codec), 1);
  return bytes;
}

/** A whole sequence start: AudioSpecificConfig, OpusHead, or `fLaC` and STREAMINFO behind its header. */
export function writeAudioConfig(codec: FlvAudioCodec, record: Buffer, enhanced = isEnhancedByHabit(codec)): Buffer {
  return writeAudioTag({ kind: 'config', codec, enhanced, track: 0, nanoOffset: 0, payload: record });
}

/** A whole end of sequence; only the enhanced header has one. */
export function writeAudioEnd(codec: FlvAudioCodec): Buffer {
  return writeAudioTag({ kind: 'end', codec, enhanced: true, track: 0, nanoOffset: 0 });
}

/**
 * Writes any audio tag body that `readAudioTag` reads, copying the payload: for tests, multitrack and what is rare.
 * Throws `unsupported` for what the asked header can't say.
 */
export function writeAudioTag(audio: FlvAudio): Buffer {
  if (audio.kind === 'multitrack') return writeMultitrack(audio);
  return audio.enhanced ? writeEnhanced(audio) : writeLegacy(audio);
}

function isEnhancedByHabit(codec: FlvAudioCodec): boolean {
  return codec === 'opus' || codec === 'flac' || codec === 'ac3' || codec === 'eac3';
}

/** FLV E.4.2.1: AAC says 44 kHz, 16 bits, stereo whatever it is. */
const aacFlags = (soundFormat.aac << 4) | 0x0f;

/** The first byte of a legacy tag, FLV E.4.2.1. */
function soundFlags(codec: FlvAudioCodec, sound: FlvSound): number {
  const stereo = sound.channels === 2 ? 0x01 : 0;
  const size = sound.sampleSize === 8 ? 0 : 0x02;
  const shape = (rateCode(sound.sampleRate) << 2) | size | stereo;
  switch (codec) {
    case 'aac':
      return aacFlags;
    case 'mp3':
      return ((sound.sampleRate === 8000 ? soundFormat.mp38k : soundFormat.mp3) << 4) | shape;
    case 'nellymoser':
      return (nellymoserFormat(sound.sampleRate) << 4) | shape;
    case 'speex': // 16 kHz mono; the flags carry 11 kHz, 16 bits, as Flash wrote them
      return (soundFormat.speex << 4) | 0x06;
    case 'pcma':
    case 'pcmu': // 8 kHz has no code: the lowest one stands for it
      return (soundFormat[codec] << 4) | size | stereo;
    case 'pcm-platform':
    case 'pcm-le':
    case 'adpcm':
      return (soundFormat[codec] << 4) | shape;
    default:
      throw new WireError('unsupported', flvFormat, `${codec} has no sound format`);
  }
}

/** SoundRate of a rate; MP3 says its true rate itself, so others than Flash's four are called 44 kHz. */
function rateCode(sampleRate: number | undefined): number {
  switch (sampleRate) {
    case 5512:
    case 8000:
      return 0;
    case 11025:
      return 1;
    case 22050:
      return 2;
    default:
      return 3;
  }
}

function nellymoserFormat(sampleRate: number | undefined): number {
  if (sampleRate === 16000) return soundFormat.nellymoser16k;
  return sampleRate === 8000 ? soundFormat.nellymoser8k : soundFormat.nellymoser;
}

function writeLegacy(packet: FlvAudioPacket): Buffer {
  if (packet.kind === 'frame') return Buffer.concat([audioFrameHeader(packet.codec, packet, false), packet.payload]);
  if (packet.kind === 'config' && packet.codec === 'aac') {
    return Buffer.concat([Buffer.from([aacFlags, 0]), packet.payload]);
  }
  throw new WireError('unsupported', flvFormat, `${packet.codec} ${packet.kind} needs an enhanced header`);
}

function writeEnhanced(packet: FlvAudioPacket): Buffer {
  const front = Buffer.from(exHeader(packetTypeOf(packet), packet.nanoOffset));
  return Buffer.concat([front, fourCcBytes(packet.codec), packetBody(packet)]);
}

function writeMultitrack(audio: FlvAudioMultitrack): Buffer {
  const first = audio.tracks[0];
  if (first === undefined) throw new WireError('malformed', flvFormat, 'multitrack without tracks');
  const pieces: Buffer[] = [
    Buffer.from(exHeader(audioPacketType.multitrack, first.nanoOffset)),
    Buffer.from([(multitrackTypeOf(audio.layout) << 4) | packetTypeOf(first)]),
  ];
  if (audio.layout !== 'many-codecs') pieces.push(fourCcBytes(first.codec));
  for (const packet of audio.tracks) {
    const body = packetBody(packet);
    if (audio.layout === 'many-codecs') pieces.push(fourCcBytes(packet.codec));
    pieces.push(Buffer.from([packet.track]));
    if (audio.layout !== 'one-track') pieces.push(sizeBytes(body.length));
    pieces.push(body);
  }
  return Buffer.concat(pieces);
}

/** The first byte and, for a nanosecond offset, the ModEx entry behind it. */
function exHeader(packetType: number, nanoOffset: number): number[] {
  const first = soundFormat.exHeader << 4;
  if (nanoOffset === 0) return [first | packetType];
  return [first | audioPacketType.modEx, ...writeNanoOffset(nanoOffset, packetType)];
}

function packetTypeOf(packet: FlvAudioPacket): number {
  switch (packet.kind) {
    case 'frame':
      return audioPacketType.codedFrames;
    case 'config':
      return audioPacketType.sequenceStart;
    case 'end':
      return audioPacketType.sequenceEnd;
    case 'channels':
      return audioPacketType.multichannelConfig;
  }
}

function packetBody(packet: FlvAudioPacket): Buffer {
  switch (packet.kind) {
    case 'end':
      return Buffer.alloc(0);
    case 'channels':
      return channelsBody(packet);
    default:
      return packet.payload;
  }
}

function channelsBody(channels: FlvAudioChannels): Buffer {
  switch (channels.order) {
    case 'unspecified':
      return Buffer.from([0, channels.count]);
    case 'native': {
      const bytes = Buffer.from([1, channels.count, 0, 0, 0, 0]);
      bytes.writeUInt32BE(channels.mask, 2);
      return bytes;
    }
    case 'custom':
      return Buffer.concat([Buffer.from([2, channels.count]), channels.mapping]);
  }
}

function fourCcOf(codec: FlvAudioCodec): number {
  const fourCc = audioFourCc[codec as ExAudioCodec] as number | undefined;
  if (fourCc === undefined) throw new WireError('unsupported', flvFormat, `${codec} has no FourCC`);
  return fourCc;
}

function fourCcBytes(codec: FlvAudioCodec): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(fourCcOf(codec), 0);
  return bytes;
}

function sizeBytes(length: number): Buffer {
  if (length > 0xff_ffff) throw new WireError('too-large', flvFormat, `a track of ${length} bytes`);
  const bytes = Buffer.allocUnsafe(3);
  bytes.writeUIntBE(length, 0, 3);
  return bytes;
}
