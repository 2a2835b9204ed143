import type { Buffer } from 'node:buffer';
import type { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import { multitrackType } from './codes.ts';

/** What the enhanced audio and video headers share: ModEx and multitrack (E-RTMP "Enhanced Audio", "Enhanced Video"). */

export const flvFormat = 'flv';

/** Tracks that one message may carry; the id has eight bits, so this is no loss. */
export const maxTracks = 256;
const maxModEx = 16;
const timestampOffsetNano = 0;

/** Where the ModEx chain led: the packet type behind it and the sum of what it said. */
export interface ModExResult {
  readonly packetType: number;
  /** Nanoseconds (0 to 999 999) to add to the message's timestamp. */
  readonly nanoOffset: number;
}

/** Reads ModEx entries until another packet type comes. Kinds that are not known are skipped by their size. */
export function readModEx(reader: ByteReader, modExType: number): ModExResult {
  let packetType = modExType;
  let nanoOffset = 0;
  for (let count = 0; packetType === modExType; count += 1) {
    if (count === maxModEx) throw new WireError('too-large', flvFormat, `more than ${maxModEx} ModEx entries`);
    let size = reader.u8() + 1;
    if (size === 256) size = reader.u16() + 1;
    const value = reader.bytes(size);
    const next = reader.u8();
    packetType = next & 0x0f;
    if (next >> 4 === timestampOffsetNano) {
      if (size < 3) throw new WireError('malformed', flvFormat, 'a nanosecond offset of less than three bytes');
      nanoOffset = value.readUIntBE(0, 3);
      if (nanoOffset > 999_999) throw new WireError('malformed', flvFormat, `${nanoOffset} ns in a millisecond`);
    }
  }
  return { packetType, nanoOffset };
}

/** Writes the ModEx entry for a nanosecond offset; the last half byte is the packet type that follows. */
export function writeNanoOffset(nanoOffset: number, packetType: number): number[] {
  return [2, nanoOffset >> 16, (nanoOffset >> 8) & 0xff, nanoOffset & 0xff, (timestampOffsetNano << 4) | packetType];
}

/** How the tracks of a message are laid out. */
export type FlvMultitrackLayout = 'one-track' | 'many-tracks' | 'many-codecs';

/** One track's share of a multitrack message, before its body is read. */
export interface TrackSlice {
  readonly track: number;
  readonly fourCc: number;
  readonly body: Buffer;
}

export interface MultitrackSlices {
  readonly layout: FlvMultitrackLayout;
  /** Holds for all tracks. */
  readonly packetType: number;
  readonly slices: readonly TrackSlice[];
}

/** Reads the multitrack header and cuts the body into tracks. `nested` are the packet types that may not come inside. */
export function readMultitrack(reader: ByteReader, nested: readonly number[]): MultitrackSlices {
  const types = reader.u8();
  const layout = layoutOf(types >> 4);
  const packetType = types & 0x0f;
  if (nested.includes(packetType)) {
    throw new WireError('malformed', flvFormat, `packet type ${packetType} inside multitrack`);
  }
  const sharedFourCc = layout === 'many-codecs' ? 0 : reader.u32();
  if (layout === 'one-track') {
    return { layout, packetType, slices: [{ fourCc: sharedFourCc, track: reader.u8(), body: reader.rest() }] };
  }
  const slices: TrackSlice[] = [];
  do {
    if (slices.length === maxTracks) throw new WireError('too-large', flvFormat, `more than ${maxTracks} tracks`);
    const fourCc = layout === 'many-codecs' ? reader.u32() : sharedFourCc;
    const track = reader.u8();
    slices.push({ fourCc, track, body: reader.bytes(reader.u24()) });
  } while (reader.remaining > 0);
  return { layout, packetType, slices };
}

/** AvMultitrackType of a layout. */
export function multitrackTypeOf(layout: FlvMultitrackLayout): number {
  switch (layout) {
    case 'one-track':
      return multitrackType.oneTrack;
    case 'many-tracks':
      return multitrackType.manyTracks;
    case 'many-codecs':
      return multitrackType.manyTracksManyCodecs;
  }
}

function layoutOf(type: number): FlvMultitrackLayout {
  switch (type) {
    case multitrackType.oneTrack:
      return 'one-track';
    case multitrackType.manyTracks:
      return 'many-tracks';
    case multitrackType.manyTracksManyCodecs:
      return 'many-codecs';
    default:
      throw new WireError('unsupported', flvFormat, `multitrack type ${type}`);
  }
}
