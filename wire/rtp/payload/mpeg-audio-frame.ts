import type { Buffer } from 'node:buffer';
import { WireError } from '../../errors.ts';

/** Kilobits a second by bitrate_index, ISO/IEC 11172-3 2.4.2.3 and 13818-3 2.4.2.3: layers II and III of MPEG-1, both of MPEG-2. */
const bitratesOfLayer2: readonly number[] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const bitratesOfLayer3: readonly number[] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const bitratesOfMpeg2: readonly number[] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const sampleRates: readonly number[] = [44_100, 48_000, 32_000];
const mpeg1 = 3;
const mpeg25 = 0;

/** What the header of a frame of MPEG audio tells. */
export interface MpegAudioFrame {
  readonly layer: 2 | 3;
  /** Bytes, with the header. */
  readonly length: number;
  readonly samples: number;
  readonly sampleRate: number;
  readonly mpeg1: boolean;
  readonly mono: boolean;
  /** Two bytes of CRC follow the header. */
  readonly guarded: boolean;
}

/** Reads the four bytes of a header at `at`. Throws WireError for layer I, free format and what is no header. */
export function readMpegAudioFrame(bytes: Buffer, at: number): MpegAudioFrame {
  if (at + 4 > bytes.length) throw new WireError('truncated', 'rtp', 'the header of a frame of MPEG audio is cut off');
  const header = bytes.readUInt32BE(at);
  const version = (header >>> 19) & 3;
  const layerBits = (header >>> 17) & 3;
  const baseRate = sampleRates[(header >>> 10) & 3];
  if (header >>> 21 !== 0x7ff || version === 1 || layerBits === 0 || baseRate === undefined) throw noFrame();
  if (layerBits === 3) throw new WireError('unsupported', 'rtp', 'MPEG audio of layer I');
  const layer = layerBits === 1 ? 3 : 2;
  const first = version === mpeg1;
  const bitrates = !first ? bitratesOfMpeg2 : layer === 3 ? bitratesOfLayer3 : bitratesOfLayer2;
  const bitrate = bitrates[(header >>> 12) & 15];
  if (bitrate === undefined) throw noFrame();
  if (bitrate === 0) throw new WireError('unsupported', 'rtp', 'MPEG audio of free format');
  const sampleRate = baseRate / (first ? 1 : version === mpeg25 ? 4 : 2);
  const samples = layer === 3 && !first ? 576 : 1_152;
  return {
    layer,
    length: Math.floor((samples * 125 * bitrate) / sampleRate) + ((header >>> 9) & 1),
    samples,
    sampleRate,
    mpeg1: first,
    mono: ((header >>> 6) & 3) === 3,
    guarded: (header & 0x1_0000) === 0,
  };
}

function noFrame(): WireError {
  return new WireError('malformed', 'rtp', 'no frame of MPEG audio');
}

/** RFC 2250 3.2: whatever the sample rate. */
export const mpegAudioClock = 90_000;

/** Ticks of so many frames. */
export function mpegAudioTicks({ samples, sampleRate }: MpegAudioFrame, frames: number): number {
  return Math.round((frames * samples * mpegAudioClock) / sampleRate);
}
