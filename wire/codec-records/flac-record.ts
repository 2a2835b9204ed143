import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';

const format = 'flac-record';
const signature = Buffer.from('fLaC', 'latin1');
const streamInfoLength = 34;
const blockHeaderLength = 4;

/** What a FLAC decoder needs first, RFC 9639 8.2. */
export interface FlacRecord {
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitsPerSample: number;
  /** Samples a channel in the shortest (but the last) and the longest block. */
  readonly minBlockSize: number;
  readonly maxBlockSize: number;
  /** The 34 bytes of STREAMINFO as they came: a view. */
  readonly streamInfo: Buffer;
}

/**
 * Reads STREAMINFO in any of its clothes: with the `fLaC` signature and a block header (native FLAC, Enhanced RTMP),
 * with the block header alone (the dfLa box behind its version and flags), or the bare 34 bytes (Matroska and FFmpeg's extradata).
 */
export function readFlacRecord(bytes: Buffer): FlacRecord {
  let at = bytes.length >= 4 && bytes.subarray(0, 4).equals(signature) ? 4 : 0;
  const bare = at === 0 && bytes.length === streamInfoLength;
  if (!bare) {
    if (bytes.length - at < blockHeaderLength + streamInfoLength) {
      throw new WireError('truncated', format, `${bytes.length} bytes`);
    }
    // RFC 9639 8.1: the first metadata block must be STREAMINFO (type 0)
    if ((bytes.readUInt8(at) & 0x7f) !== 0 || bytes.readUIntBE(at + 1, 3) !== streamInfoLength) {
      throw new WireError('malformed', format, 'the first block is not STREAMINFO');
    }
    at += blockHeaderLength;
  }
  const streamInfo = bytes.subarray(at, at + streamInfoLength);
  const packed = streamInfo.readUInt32BE(10); // 20 bits rate, 3 channels, 5 bits per sample, 4 of the count
  const sampleRate = packed >>> 12;
  if (sampleRate === 0) throw new WireError('malformed', format, 'a sample rate of 0');
  return {
    sampleRate,
    channels: ((packed >>> 9) & 0x07) + 1,
    bitsPerSample: ((packed >>> 4) & 0x1f) + 1,
    minBlockSize: streamInfo.readUInt16BE(0),
    maxBlockSize: streamInfo.readUInt16BE(2),
    streamInfo,
  };
}

/** `fLaC` and STREAMINFO as the last metadata block: the sequence header of Enhanced RTMP and the start of a native file. */
export function writeFlacHeader(streamInfo: Buffer): Buffer {
  if (streamInfo.length !== streamInfoLength) throw new WireError('malformed', format, 'STREAMINFO has 34 bytes');
  return Buffer.concat([signature, Buffer.from([0x80, 0, 0, streamInfoLength]), streamInfo]);
}
