import { type Bytes, box, fullBox, letters, u8, u16, u32, u64, zeros } from './boxes.ts';
import type { TrackDescription } from './decoder-configs.ts';

export interface Sample {
  readonly bytes: Bytes;
  /** Ticks of the track's timescale. */
  readonly duration: number;
  readonly isKeyframe: boolean;
}

const matrix = u32(0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000);
/** ISO/IEC 14496-12 8.8.3.1: depends on no other; depends on others and is no sync sample. */
const keyFlags = 0x0200_0000;
const deltaFlags = 0x0101_0000;

/** The initialization segment of one track. */
export function writeInit(track: TrackDescription): Bytes {
  const isVideo = track.kind === 'video';
  const media = box(
    'mdia',
    fullBox('mdhd', 0, 0, u32(0, 0, track.timescale, 0), u16(0x55c4, 0)),
    fullBox('hdlr', 0, 0, u32(0), letters(isVideo ? 'vide' : 'soun'), zeros(13)),
    box(
      'minf',
      isVideo ? fullBox('vmhd', 0, 1, zeros(8)) : fullBox('smhd', 0, 0, zeros(4)),
      box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1))),
      box(
        'stbl',
        fullBox('stsd', 0, 0, u32(1), isVideo ? videoEntry(track) : audioEntry(track)),
        fullBox('stts', 0, 0, u32(0)),
        fullBox('stsc', 0, 0, u32(0)),
        fullBox('stsz', 0, 0, u32(0, 0)),
        fullBox('stco', 0, 0, u32(0)),
      ),
    ),
  );
  const size = u32(track.width << 16, track.height << 16);
  const header = fullBox('tkhd', 0, 3, u32(0, 0, 1, 0, 0, 0, 0, 0), u16(isVideo ? 0 : 0x100, 0), matrix, size);
  return join(
    box('ftyp', letters('iso5'), u32(0), letters('iso5'), letters('mp41')),
    box(
      'moov',
      fullBox('mvhd', 0, 0, u32(0, 0, 1_000, 0, 0x1_0000), u16(0x100, 0), zeros(8), matrix, zeros(24), u32(2)),
      box('trak', header, media),
      box('mvex', fullBox('trex', 0, 0, u32(1, 1, 0, 0, 0))),
    ),
  );
}

/** Samples from `time` ticks on as one fragment. */
export function writeFragment(sequence: number, time: number, samples: readonly Sample[]): Bytes {
  const table = samples.flatMap(({ bytes, duration, isKeyframe }) => [
    duration,
    bytes.length,
    isKeyframe ? keyFlags : deltaFlags,
  ]);
  // 0x701: offset of the data, durations, sizes and flags (8.8.8).
  const moof = (offset: number): Bytes =>
    box(
      'moof',
      fullBox('mfhd', 0, 0, u32(sequence)),
      box(
        'traf',
        fullBox('tfhd', 0, 0x2_0000, u32(1)),
        fullBox('tfdt', 1, 0, u64(time)),
        fullBox('trun', 0, 0x701, u32(samples.length, offset, ...table)),
      ),
    );
  const length = moof(0).length;
  return join(moof(length + 8), box('mdat', ...samples.map(({ bytes }) => bytes)));
}

function videoEntry({ width, height, config }: TrackDescription): Bytes {
  const fields = [zeros(6), u16(1), zeros(16), u16(width, height), u32(0x48_0000, 0x48_0000, 0), u16(1), zeros(32)];
  return box('avc1', ...fields, u16(24, 0xffff), box('avcC', config));
}

function audioEntry({ channels, timescale, config }: TrackDescription): Bytes {
  const rate = u32(((timescale & 0xffff) << 16) >>> 0);
  return box('mp4a', zeros(6), u16(1), zeros(8), u16(channels, 16), zeros(4), rate, streamDescriptor(config));
}

/** ISO/IEC 14496-14 5.6.1, with the descriptors of 14496-1 7.2.6. */
function streamDescriptor(config: Bytes): Bytes {
  const specific = descriptor(5, config);
  // 0x40 is MPEG-4 audio, 0x15 an audio stream.
  const decoder = descriptor(4, u8(0x40, 0x15, 0, 0, 0), u32(0, 0), specific);
  return fullBox('esds', 0, 0, descriptor(3, u16(1), u8(0), decoder, descriptor(6, u8(2))));
}

function descriptor(tag: number, ...content: readonly Bytes[]): Bytes {
  const body = join(...content);
  return join(u8(tag, body.length & 127), body);
}

function join(...pieces: readonly Bytes[]): Bytes {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
