import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';

const format = 'opus-record';
const magic = Buffer.from('OpusHead', 'latin1');

/** What OpusHead (RFC 7845 5.1) and the dOps box (Opus in ISOBMFF 4.3.2) both say about an Opus stream. */
export interface OpusRecord {
  /** Output channels, 1 to 255. */
  readonly channels: number;
  /** Samples at 48 kHz to throw away at the start. */
  readonly preSkip: number;
  /** Rate of the original, for information: Opus always decodes at 48 kHz. */
  readonly inputSampleRate: number;
  /** Q7.8 decibels to apply to the output. */
  readonly outputGain: number;
  /** 0 mono or stereo, 1 Vorbis order up to 8 channels, 255 no meaning. */
  readonly mappingFamily: number;
  /** Present exactly when `mappingFamily` is not 0. */
  readonly mapping?: OpusMapping;
}

/** RFC 7845 5.1.1. */
export interface OpusMapping {
  readonly streams: number;
  readonly coupledStreams: number;
  /** One decoded channel index for each output channel; 255 is silence. */
  readonly channels: Buffer;
}

/** Reads OpusHead: Ogg, WebM and Enhanced RTMP carry it. Numbers are little-endian. */
export function readOpusHead(bytes: Buffer): OpusRecord {
  if (bytes.length < 19) throw new WireError('truncated', format, `OpusHead of ${bytes.length} bytes`);
  if (!bytes.subarray(0, 8).equals(magic)) throw new WireError('malformed', format, 'no OpusHead signature');
  const version = bytes.readUInt8(8);
  // RFC 7845 5.1: the upper four bits are the major version; other minor versions stay compatible.
  if (version >> 4 !== 0) throw new WireError('unsupported', format, `OpusHead version ${version}`);
  return checked(
    {
      channels: bytes.readUInt8(9),
      preSkip: bytes.readUInt16LE(10),
      inputSampleRate: bytes.readUInt32LE(12),
      outputGain: bytes.readInt16LE(16),
      mappingFamily: bytes.readUInt8(18),
    },
    bytes.subarray(19),
  );
}

/** Reads the payload of a dOps box. Numbers are big-endian. */
export function readDops(bytes: Buffer): OpusRecord {
  if (bytes.length < 11) throw new WireError('truncated', format, `dOps of ${bytes.length} bytes`);
  const version = bytes.readUInt8(0);
  if (version !== 0) throw new WireError('unsupported', format, `dOps version ${version}`);
  return checked(
    {
      channels: bytes.readUInt8(1),
      preSkip: bytes.readUInt16BE(2),
      inputSampleRate: bytes.readUInt32BE(4),
      outputGain: bytes.readInt16BE(8),
      mappingFamily: bytes.readUInt8(10),
    },
    bytes.subarray(11),
  );
}

/** Writes OpusHead, version 1. */
export function writeOpusHead(record: OpusRecord): Buffer {
  const bytes = Buffer.allocUnsafe(19 + mappingLength(record));
  magic.copy(bytes);
  bytes[8] = 1;
  bytes[9] = record.channels;
  bytes.writeUInt16LE(record.preSkip, 10);
  bytes.writeUInt32LE(record.inputSampleRate, 12);
  bytes.writeInt16LE(record.outputGain, 16);
  bytes[18] = record.mappingFamily;
  writeMapping(bytes, 19, record);
  return bytes;
}

/** Writes the payload of a dOps box, version 0. */
export function writeDops(record: OpusRecord): Buffer {
  const bytes = Buffer.allocUnsafe(11 + mappingLength(record));
  bytes[0] = 0;
  bytes[1] = record.channels;
  bytes.writeUInt16BE(record.preSkip, 2);
  bytes.writeUInt32BE(record.inputSampleRate, 4);
  bytes.writeInt16BE(record.outputGain, 8);
  bytes[10] = record.mappingFamily;
  writeMapping(bytes, 11, record);
  return bytes;
}

function checked(record: OpusRecord, rest: Buffer): OpusRecord {
  const { channels, mappingFamily } = record;
  if (channels === 0) throw new WireError('malformed', format, 'no channels');
  if (mappingFamily === 0) {
    if (channels > 2) throw new WireError('malformed', format, `${channels} channels in mapping family 0`); // RFC 7845 5.1.1.1
    return record;
  }
  if (rest.length < 2 + channels) throw new WireError('truncated', format, 'the channel mapping is cut off');
  const streams = rest.readUInt8(0);
  const coupledStreams = rest.readUInt8(1);
  if (streams === 0 || coupledStreams > streams || streams + coupledStreams > 255) {
    throw new WireError('malformed', format, `${streams} streams, ${coupledStreams} of them coupled`);
  }
  const mapping = rest.subarray(2, 2 + channels);
  for (const index of mapping) {
    if (index !== 255 && index >= streams + coupledStreams) {
      throw new WireError('malformed', format, `channel index ${index}`);
    }
  }
  return { ...record, mapping: { streams, coupledStreams, channels: mapping } };
}

function mappingLength(record: OpusRecord): number {
  return record.mapping === undefined ? 0 : 2 + record.mapping.channels.length;
}

function writeMapping(bytes: Buffer, at: number, record: OpusRecord): void {
  if (record.mapping === undefined) return;
  bytes[at] = record.mapping.streams;
  bytes[at + 1] = record.mapping.coupledStreams;
  record.mapping.channels.copy(bytes, at + 2);
}
