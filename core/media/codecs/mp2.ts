import type { Buffer } from 'node:buffer';
import type { Mp2Codec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';

/** Hz of MPEG-1; MPEG-2 halves them (ISO/IEC 11172-3 2.4.2.3, 13818-3 2.4.2.3). */
const SAMPLE_RATES: readonly number[] = [44100, 48000, 32000];
const MPEG_2 = 2;
const MPEG_1 = 3;
const LAYER_II = 2;
const MONO = 3;

/** The descriptor of an MPEG audio layer II track, from the four bytes of a frame header. Throws `CodecError`. */
export function mp2Codec(frameHeader: Buffer): Mp2Codec {
  if (frameHeader.length < 4) throw new CodecError('malformed', 'mp2', 'the frame header ends too early');
  const header = frameHeader.readUInt32BE(0);
  if (header >>> 21 !== 0x7ff) throw new CodecError('malformed', 'mp2', 'no syncword');
  const version = (header >>> 19) & 3;
  const layer = (header >>> 17) & 3;
  const rate = SAMPLE_RATES[(header >>> 10) & 3];
  if ((version !== MPEG_1 && version !== MPEG_2) || rate === undefined)
    throw new CodecError('malformed', 'mp2', 'reserved values in the header');
  if (layer !== LAYER_II) throw new CodecError('unsupported', 'mp2', `layer ${4 - layer}`);
  return Object.freeze({
    kind: 'audio',
    name: 'mp2',
    sampleRate: version === MPEG_1 ? rate : rate / 2,
    channels: ((header >>> 6) & 3) === MONO ? 1 : 2,
    samplesPerFrame: 1152,
    codecString: 'mp4a.40.33',
  });
}
