import type { Buffer } from 'node:buffer';
import type { Mp3Codec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';

/** Hz of MPEG-1; MPEG-2 halves, MPEG-2.5 quarters them (ISO/IEC 11172-3 2.4.2.3, 13818-3 2.4.2.3). */
const SAMPLE_RATES: readonly number[] = [44100, 48000, 32000];
const MPEG_2_5 = 0;
const MPEG_1 = 3;
const LAYER_III = 1;
const MONO = 3;

/** The descriptor of an MP3 track, from the four bytes of a frame header. Throws `CodecError`. */
export function mp3Codec(frameHeader: Buffer): Mp3Codec {
  if (frameHeader.length < 4) throw new CodecError('malformed', 'mp3', 'the frame header ends too early');
  const header = frameHeader.readUInt32BE(0);
  if (header >>> 21 !== 0x7ff) throw new CodecError('malformed', 'mp3', 'no syncword');
  const version = (header >>> 19) & 3;
  const layer = (header >>> 17) & 3;
  const rate = SAMPLE_RATES[(header >>> 10) & 3];
  if (version === 1 || layer === 0 || rate === undefined)
    throw new CodecError('malformed', 'mp3', 'reserved values in the header');
  if (layer !== LAYER_III) throw new CodecError('unsupported', 'mp3', `layer ${4 - layer}`);
  return Object.freeze({
    kind: 'audio',
    name: 'mp3',
    sampleRate: rate / (version === MPEG_1 ? 1 : version === MPEG_2_5 ? 4 : 2),
    channels: ((header >>> 6) & 3) === MONO ? 1 : 2,
    samplesPerFrame: version === MPEG_1 ? 1152 : 576,
    codecString: 'mp4a.40.34',
  });
}
