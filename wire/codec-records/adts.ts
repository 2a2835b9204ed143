import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { aacSampleRates } from './audio-specific-config.ts';

const format = 'adts';

/** The length of an ADTS header without CRC. */
export const adtsHeaderLength = 7;
const maxFrameLength = 0x1fff;

/** adts_fixed_header() and adts_variable_header(), ISO/IEC 14496-3 1.A.2.2. */
export interface AdtsHeader {
  /** Audio object type 1 to 4: the profile field and one. */
  readonly objectType: number;
  readonly sampleRate: number;
  /** 0: a PCE in the frame says it. */
  readonly channelConfiguration: number;
  /** Bytes of the header, with its CRC when it has one: 7 or 9 (more with several blocks under CRC). */
  readonly headerLength: number;
  /** Bytes of header and payload. */
  readonly frameLength: number;
  /** Raw data blocks in the frame, 1 to 4; writers of one a frame are all but universal. */
  readonly blocks: number;
}

/** Reads the header at `offset`; the payload need not be there yet. Throws `truncated` for fewer than 7 bytes. */
export function readAdtsHeader(bytes: Buffer, offset = 0): AdtsHeader {
  if (bytes.length - offset < adtsHeaderLength) throw new WireError('truncated', format, 'a header has 7 bytes');
  // syncword and layer 0; ID (MPEG-2 or 4) does not matter
  if ((bytes.readUInt16BE(offset) & 0xfff6) !== 0xfff0) throw new WireError('malformed', format, 'no syncword');
  const protectedByCrc = (bytes.readUInt8(offset + 1) & 0x01) === 0;
  const third = bytes.readUInt8(offset + 2);
  const fourth = bytes.readUInt8(offset + 3);
  const index = (third >> 2) & 0x0f;
  const sampleRate = aacSampleRates[index];
  if (sampleRate === undefined) throw new WireError('malformed', format, `sampling frequency index ${index}`);
  const frameLength = ((fourth & 0x03) << 11) | (bytes.readUInt16BE(offset + 4) >> 5);
  const blocks = (bytes.readUInt8(offset + 6) & 0x03) + 1;
  // adts_header_error_check(): positions of the later blocks and the CRC, 16 bits each
  const headerLength = adtsHeaderLength + (protectedByCrc ? 2 * blocks : 0);
  if (frameLength < headerLength) throw new WireError('malformed', format, `a frame of ${frameLength} bytes`);
  return {
    objectType: (third >> 6) + 1,
    sampleRate,
    channelConfiguration: ((third & 0x01) << 2) | (fourth >> 6),
    headerLength,
    frameLength,
    blocks,
  };
}

/**
 * The 7-byte header (MPEG-4, no CRC, one block, buffer fullness "variable rate") to send before a raw AAC frame of `payloadLength` bytes.
 * Throws `unsupported` for an object type over 4 or a rate without index, `too-large` for a payload over 8184 bytes.
 */
export function writeAdtsHeader(
  core: Pick<AdtsHeader, 'objectType' | 'sampleRate' | 'channelConfiguration'>,
  payloadLength: number,
): Buffer {
  const { objectType, sampleRate, channelConfiguration } = core;
  const index = aacSampleRates.indexOf(sampleRate);
  if (objectType < 1 || objectType > 4 || index === -1 || channelConfiguration > 7) {
    throw new WireError('unsupported', format, `object type ${objectType} at ${sampleRate} Hz in ADTS`);
  }
  const frameLength = adtsHeaderLength + payloadLength;
  if (frameLength > maxFrameLength) throw new WireError('too-large', format, `a frame of ${frameLength} bytes`);
  const bytes = Buffer.allocUnsafe(adtsHeaderLength);
  bytes[0] = 0xff;
  bytes[1] = 0xf1;
  bytes[2] = ((objectType - 1) << 6) | (index << 2) | (channelConfiguration >> 2);
  bytes[3] = ((channelConfiguration & 0x03) << 6) | (frameLength >> 11);
  bytes[4] = (frameLength >> 3) & 0xff;
  bytes[5] = ((frameLength & 0x07) << 5) | 0x1f;
  bytes[6] = 0xfc;
  return bytes;
}
