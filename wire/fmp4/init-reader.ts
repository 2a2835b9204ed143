import { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import { type Box, findBox, openFullBox, readBoxes, readBoxesFrom, requireBox } from './box-reader.ts';
import { OBJECT_TYPE_AAC, OBJECT_TYPE_MP3, readEsds } from './descriptors.ts';
import type { AudioSampleEntry, Colour, PixelAspect, VideoSampleEntry } from './track.ts';

/** What holds for samples that a fragment says nothing about (trex, ISO/IEC 14496-12 8.8.3). */
export interface SampleDefaults {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

/** One track as an init segment describes it. */
export interface InitTrack {
  readonly trackId: number;
  /** By the handler (vide, soun); 'other' is neither read nor refused. */
  readonly kind: 'video' | 'audio' | 'other';
  /** The sample entry's own four characters, as in 'avc3' or 'mp4a'. */
  readonly fourcc: string;
  /** The codec, where it is one that this folder writes; hev1 and avc3 have the records of hvc1 and avc1. */
  readonly codec: VideoSampleEntry | AudioSampleEntry | undefined;
  readonly timescale: number;
  readonly language: string;
  /** The decoder configuration record as in `Fmp4Track.config`; empty when unknown. */
  readonly config: Buffer;
  /** Pixels; 0 for sound. */
  readonly width: number;
  readonly height: number;
  /** 0 for video. */
  readonly channels: number;
  /** Hertz; 0 for video and for rates above 65535, which the entry cannot hold. */
  readonly sampleRate: number;
  readonly bitrate: number;
  readonly colour: Colour | undefined;
  readonly pixelAspect: PixelAspect | undefined;
  /** Where in media time, in ticks, presentation starts (the first edit that is not empty): priming to skip. */
  readonly editStart: number;
  readonly defaults: SampleDefaults;
}

export interface InitSegment {
  readonly brands: readonly string[];
  readonly tracks: readonly InitTrack[];
}

const MAX_TRACKS = 64;
const NOTHING: SampleDefaults = { duration: 0, size: 0, flags: 0 };

/** Reads `ftyp` and `moov` out of an init segment, or out of a whole file. Throws WireError. */
export function readInitSegment(bytes: Buffer): InitSegment {
  return initSegmentOf(readBoxes(bytes));
}

/** The same, of boxes that were read already. */
export function initSegmentOf(boxes: readonly Box[]): InitSegment {
  const moov = requireBox(boxes, 'moov').children;
  const defaults = readDefaults(findBox(moov, 'mvex')?.children ?? []);
  const tracks: InitTrack[] = [];
  for (const box of moov) {
    if (box.type !== 'trak') continue;
    if (tracks.length === MAX_TRACKS) throw new WireError('too-large', 'fmp4', `more than ${MAX_TRACKS} tracks`);
    tracks.push(readTrack(box.children, defaults));
  }
  return { brands: readBrands(findBox(boxes, 'ftyp')), tracks };
}

function readBrands(ftyp: Box | undefined): string[] {
  const brands: string[] = [];
  const body = ftyp?.body ?? Buffer.alloc(0);
  for (let at = 0; at + 4 <= body.length && brands.length < 64; at += 4) {
    if (at !== 4) brands.push(body.toString('latin1', at, at + 4)); // the second word is the minor version
  }
  return brands;
}

function readDefaults(mvex: readonly Box[]): Map<number, SampleDefaults> {
  const byTrack = new Map<number, SampleDefaults>();
  for (const box of mvex) {
    if (box.type !== 'trex') continue;
    const { fields } = openFullBox(box);
    const trackId = fields.u32();
    fields.skip(4);
    byTrack.set(trackId, { duration: fields.u32(), size: fields.u32(), flags: fields.u32() });
  }
  return byTrack;
}

function readTrack(trak: readonly Box[], defaults: ReadonlyMap<number, SampleDefaults>): InitTrack {
  const tkhd = openFullBox(requireBox(trak, 'tkhd'));
  tkhd.fields.skip(tkhd.version === 1 ? 16 : 8);
  const trackId = tkhd.fields.u32();
  const mdia = requireBox(trak, 'mdia').children;
  const mdhd = openFullBox(requireBox(mdia, 'mdhd'));
  mdhd.fields.skip(mdhd.version === 1 ? 16 : 8);
  const timescale = mdhd.fields.u32();
  if (timescale === 0) throw new WireError('malformed', 'fmp4', 'a timescale is 0');
  mdhd.fields.skip(mdhd.version === 1 ? 8 : 4);
  const language = unpackLanguage(mdhd.fields.u16());
  const hdlr = openFullBox(requireBox(mdia, 'hdlr')).fields;
  hdlr.skip(4);
  const handler = hdlr.bytes(4).toString('latin1');
  const kind = handler === 'vide' ? 'video' : handler === 'soun' ? 'audio' : 'other';
  const stbl = requireBox(requireBox(mdia, 'minf').children, 'stbl').children;
  return {
    trackId,
    kind,
    timescale,
    language,
    ...readSampleDescription(requireBox(stbl, 'stsd'), kind),
    editStart: readEditStart(findBox(trak, 'edts')),
    defaults: defaults.get(trackId) ?? NOTHING,
  };
}

function unpackLanguage(packed: number): string {
  return String.fromCharCode(((packed >> 10) & 31) + 0x60, ((packed >> 5) & 31) + 0x60, (packed & 31) + 0x60);
}

/** ISO/IEC 14496-12 8.6.6; a media time of -1 is an empty edit. */
function readEditStart(edts: Box | undefined): number {
  const elst = findBox(edts?.children ?? [], 'elst');
  if (elst === undefined) return 0;
  const { version, fields } = openFullBox(elst);
  const count = fields.u32();
  for (let index = 0; index < count; index++) {
    fields.skip(version === 1 ? 8 : 4);
    if (version === 1) {
      const high = fields.s32();
      const low = fields.u32();
      if (high >= 0 && high < 0x20_0000) return high * 0x1_0000_0000 + low;
    } else {
      const time = fields.s32();
      if (time >= 0) return time;
    }
    fields.skip(4);
  }
  return 0;
}

type Description = Pick<
  InitTrack,
  'fourcc' | 'codec' | 'config' | 'width' | 'height' | 'channels' | 'sampleRate' | 'bitrate' | 'colour' | 'pixelAspect'
>;

/** The first sample entry: live sources have one. */
function readSampleDescription(stsd: Box, kind: InitTrack['kind']): Description {
  const { version, fields } = openFullBox(stsd);
  if (fields.u32() === 0) throw new WireError('malformed', 'fmp4', 'stsd is empty');
  const entry = readBoxesFrom(stsd.body, 8)[0];
  if (entry === undefined) throw new WireError('truncated', 'fmp4', 'stsd holds no sample entry');
  if (kind === 'video') return readVideoEntry(entry);
  if (kind === 'audio') return readAudioEntry(entry, version);
  return { ...blankDescription(entry.type), codec: undefined };
}

function blankDescription(fourcc: string): Description {
  return {
    fourcc,
    codec: undefined,
    config: Buffer.alloc(0),
    width: 0,
    height: 0,
    channels: 0,
    sampleRate: 0,
    bitrate: 0,
    colour: undefined,
    pixelAspect: undefined,
  };
}

const VIDEO_ENTRIES: Readonly<Record<string, { codec: VideoSampleEntry; box: string; prefix: number } | undefined>> = {
  avc1: { codec: 'avc1', box: 'avcC', prefix: 0 },
  avc3: { codec: 'avc1', box: 'avcC', prefix: 0 },
  hvc1: { codec: 'hvc1', box: 'hvcC', prefix: 0 },
  hev1: { codec: 'hvc1', box: 'hvcC', prefix: 0 },
  av01: { codec: 'av01', box: 'av1C', prefix: 0 },
  vp08: { codec: 'vp08', box: 'vpcC', prefix: 4 },
  vp09: { codec: 'vp09', box: 'vpcC', prefix: 4 },
};

function readVideoEntry(entry: Box): Description {
  const fields = new ByteReader(entry.body, 'fmp4');
  fields.skip(24);
  const width = fields.u16();
  const height = fields.u16();
  fields.skip(50);
  const known = Object.hasOwn(VIDEO_ENTRIES, entry.type) ? VIDEO_ENTRIES[entry.type] : undefined;
  const inner = readBoxesFrom(entry.body, fields.offset);
  return {
    ...blankDescription(entry.type),
    codec: known?.codec,
    config: known === undefined ? Buffer.alloc(0) : bodyBehind(requireBox(inner, known.box), known.prefix),
    width,
    height,
    colour: readColour(findBox(inner, 'colr')),
    pixelAspect: readPixelAspect(findBox(inner, 'pasp')),
  };
}

function bodyBehind(box: Box, prefix: number): Buffer {
  if (box.body.length < prefix) throw new WireError('truncated', 'fmp4', `${box.type} is cut off`);
  return box.body.subarray(prefix);
}

function readColour(colr: Box | undefined): Colour | undefined {
  if (colr === undefined) return undefined;
  const fields = new ByteReader(colr.body, 'fmp4');
  if (fields.bytes(4).toString('latin1') !== 'nclx') return undefined;
  return {
    primaries: fields.u16(),
    transfer: fields.u16(),
    matrix: fields.u16(),
    fullRange: (fields.u8() & 0x80) !== 0,
  };
}

function readPixelAspect(pasp: Box | undefined): PixelAspect | undefined {
  if (pasp === undefined) return undefined;
  const fields = new ByteReader(pasp.body, 'fmp4');
  return { horizontal: fields.u32(), vertical: fields.u32() };
}

function readAudioEntry(entry: Box, stsdVersion: number): Description {
  const fields = new ByteReader(entry.body, 'fmp4');
  fields.skip(8);
  const entryVersion = fields.u16();
  fields.skip(6);
  const channels = fields.u16();
  fields.skip(6);
  const sampleRate = fields.u16();
  fields.skip(2);
  // QuickTime's longer entries. ISO's own version 1 stands in version 1 of stsd and has no further fields.
  if (stsdVersion === 0 && entryVersion === 1) fields.skip(16);
  if (stsdVersion === 0 && entryVersion === 2) fields.skip(36);
  const inner = readBoxesFrom(entry.body, fields.offset);
  return { ...blankDescription(entry.type), channels, sampleRate, ...readAudioConfig(entry.type, inner) };
}

function readAudioConfig(fourcc: string, inner: readonly Box[]): Partial<Description> {
  if (fourcc === 'Opus') return { codec: 'Opus', config: requireBox(inner, 'dOps').body };
  if (fourcc === 'fLaC') return { codec: 'fLaC', config: bodyBehind(requireBox(inner, 'dfLa'), 4) };
  if (fourcc !== 'mp4a') return {};
  const esds = findBox(inner, 'esds') ?? requireBox(readWave(inner), 'esds');
  const { objectType, config, bitrate } = readEsds(bodyBehind(esds, 4));
  return { codec: codecOfObjectType(objectType), config, bitrate };
}

/** QuickTime puts `esds` into `wave`. */
function readWave(inner: readonly Box[]): Box[] {
  const wave = findBox(inner, 'wave');
  return wave === undefined ? [] : readBoxesFrom(wave.body, 0);
}

/** 0x66 to 0x68 are AAC of MPEG-2, 0x69 is MP3 of MPEG-2 (ISO/IEC 14496-1 7.2.6.6.2). */
function codecOfObjectType(objectType: number): AudioSampleEntry | undefined {
  if (objectType === OBJECT_TYPE_AAC || (objectType >= 0x66 && objectType <= 0x68)) return 'mp4a.40';
  if (objectType === OBJECT_TYPE_MP3 || objectType === 0x69) return 'mp4a.6B';
  return undefined;
}
