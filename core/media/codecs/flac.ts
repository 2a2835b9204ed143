import { Buffer } from 'node:buffer';
import type { FlacCodec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';

const STREAM_INFO_BYTES = 34;

/** The descriptor of a FLAC track, from the 34 bytes of STREAMINFO (RFC 9639 8.2). Throws `CodecError`. */
export function flacCodec(streamInfo: Buffer): FlacCodec {
  if (streamInfo.length !== STREAM_INFO_BYTES) {
    throw new CodecError('malformed', 'flac', `a STREAMINFO of ${streamInfo.length} bytes`);
  }
  const word = streamInfo.readUInt32BE(10);
  const sampleRate = word >>> 12;
  if (sampleRate === 0) throw new CodecError('malformed', 'flac', '0 Hz');
  return Object.freeze({
    kind: 'audio',
    name: 'flac',
    streamInfo: Buffer.from(streamInfo),
    sampleRate,
    channels: ((word >>> 9) & 7) + 1,
    bitsPerSample: ((word >>> 4) & 0x1f) + 1,
    codecString: 'fLaC',
  });
}
