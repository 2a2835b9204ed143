import type { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { BoxWriter } from './box-writer.ts';
import { writeSampleDescription } from './sample-entry.ts';
import type { Fmp4Track } from './track.ts';

/** Milliseconds: every duration in movie time is 0, so the scale decides nothing. */
const MOVIE_TIMESCALE = 1000;

/**
 * An init segment: `ftyp` and `moov` without samples (ISO/IEC 23000-19 7.3.1). One track makes a CMAF header; more
 * make a muxed stream, which is no CMAF and does not carry its brand. Throws WireError when a track cannot be written.
 */
export function initSegment(tracks: readonly Fmp4Track[]): Buffer {
  checkTracks(tracks);
  const out = new BoxWriter(512 + tracks.length * 512);
  writeFileType(out, tracks);
  const moov = out.begin('moov');
  writeMovieHeader(out, tracks);
  for (const track of tracks) writeTrack(out, track);
  const mvex = out.begin('mvex');
  for (const track of tracks) {
    const trex = out.beginFull('trex', 0, 0); // ISO/IEC 14496-12 8.8.3
    out.u32(track.trackId);
    out.u32(1); // the one sample entry
    out.zeros(12); // duration, size and flags stand in each fragment
    out.end(trex);
  }
  out.end(mvex);
  out.end(moov);
  return out.finish();
}

function checkTracks(tracks: readonly Fmp4Track[]): void {
  if (tracks.length === 0) throw new WireError('malformed', 'fmp4', 'an init segment needs a track');
  const seen = new Set<number>();
  for (const track of tracks) {
    if (track.trackId < 1 || seen.has(track.trackId)) {
      throw new WireError('malformed', 'fmp4', `track id ${track.trackId} is 0 or used twice`);
    }
    seen.add(track.trackId);
    if (!(track.timescale >= 1)) throw new WireError('malformed', 'fmp4', 'a timescale is below 1');
    if (track.language !== undefined && !/^[a-z]{3}$/.test(track.language)) {
      throw new WireError('malformed', 'fmp4', 'a language is not three lower-case letters');
    }
    if (track.kind === 'video' && (track.width > 0xffff || track.height > 0xffff)) {
      throw new WireError('too-large', 'fmp4', `a picture of ${track.width}x${track.height} fits no sample entry`);
    }
  }
}

/** ISO/IEC 14496-12 4.3. `iso6` is the first brand with default-base-is-moof and version 1 of tfdt. */
function writeFileType(out: BoxWriter, tracks: readonly Fmp4Track[]): void {
  const ftyp = out.begin('ftyp');
  out.latin1('iso6');
  out.u32(0);
  out.latin1('iso6');
  out.latin1('mp41');
  if (tracks.length === 1) out.latin1('cmfc'); // ISO/IEC 23000-19 7.2
  for (const track of tracks) {
    if (track.codec === 'av01') out.latin1('av01'); // AV1-ISOBMFF 2.1
  }
  out.end(ftyp);
}

/** ISO/IEC 14496-12 8.2.2. */
function writeMovieHeader(out: BoxWriter, tracks: readonly Fmp4Track[]): void {
  let lastId = 0;
  for (const track of tracks) lastId = Math.max(lastId, track.trackId);
  const mvhd = out.beginFull('mvhd', 0, 0);
  out.zeros(8); // creation and modification time: no clock in wire/
  out.u32(MOVIE_TIMESCALE);
  out.u32(0); // duration: it is all in fragments
  out.u32(0x0001_0000); // rate 1.0
  out.u16(0x0100); // volume 1.0
  out.zeros(10);
  writeMatrix(out);
  out.zeros(24);
  out.u32(lastId + 1);
  out.end(mvhd);
}

/** The unity matrix, ISO/IEC 14496-12 6.2.2. */
function writeMatrix(out: BoxWriter): void {
  out.u32(0x0001_0000);
  out.zeros(12);
  out.u32(0x0001_0000);
  out.zeros(12);
  out.u32(0x4000_0000);
}

function writeTrack(out: BoxWriter, track: Fmp4Track): void {
  const trak = out.begin('trak');
  const tkhd = out.beginFull('tkhd', 0, 7); // enabled, in movie, in preview: ISO/IEC 14496-12 8.3.2
  out.zeros(8);
  out.u32(track.trackId);
  out.zeros(4);
  out.u32(0); // duration
  out.zeros(8);
  out.u16(0); // layer
  out.u16(track.kind === 'video' ? 0 : 1); // one group of alternatives for sound
  out.u16(track.kind === 'audio' ? 0x0100 : 0); // volume
  out.u16(0);
  writeMatrix(out);
  const shown = displaySize(track);
  out.u32(shown.width);
  out.u32(shown.height);
  out.end(tkhd);
  writeMedia(out, track);
  out.end(trak);
}

/** In 16.16; the width is stretched to square pixels. */
function displaySize(track: Fmp4Track): { width: number; height: number } {
  if (track.kind === 'audio') return { width: 0, height: 0 };
  const aspect = track.pixelAspect;
  const stretch = aspect === undefined || aspect.vertical === 0 ? 1 : aspect.horizontal / aspect.vertical;
  return {
    width: Math.min(0xffff_ffff, Math.round(track.width * stretch * 0x1_0000)),
    height: track.height * 0x1_0000,
  };
}

function writeMedia(out: BoxWriter, track: Fmp4Track): void {
  const mdia = out.begin('mdia');
  const mdhd = out.beginFull('mdhd', 0, 0); // ISO/IEC 14496-12 8.4.2
  out.zeros(8);
  out.u32(track.timescale);
  out.u32(0);
  out.u16(packLanguage(track.language ?? 'und'));
  out.u16(0);
  out.end(mdhd);
  const hdlr = out.beginFull('hdlr', 0, 0); // ISO/IEC 14496-12 8.4.3
  out.u32(0);
  out.latin1(track.kind === 'video' ? 'vide' : 'soun');
  out.zeros(12);
  out.text(track.kind === 'video' ? 'VideoHandler' : 'SoundHandler');
  out.end(hdlr);
  const minf = out.begin('minf');
  if (track.kind === 'video') {
    const vmhd = out.beginFull('vmhd', 0, 1); // ISO/IEC 14496-12 12.1.2
    out.zeros(8);
    out.end(vmhd);
  } else {
    const smhd = out.beginFull('smhd', 0, 0); // ISO/IEC 14496-12 12.2.2
    out.zeros(4);
    out.end(smhd);
  }
  writeDataInformation(out);
  writeSampleTable(out, track);
  out.end(minf);
  out.end(mdia);
}

/** Three letters of five bits, each the letter minus 0x60. */
function packLanguage(language: string): number {
  return (
    ((language.charCodeAt(0) - 0x60) << 10) | ((language.charCodeAt(1) - 0x60) << 5) | (language.charCodeAt(2) - 0x60)
  );
}

function writeDataInformation(out: BoxWriter): void {
  const dinf = out.begin('dinf');
  const dref = out.beginFull('dref', 0, 0);
  out.u32(1);
  out.end(out.beginFull('url ', 0, 1)); // the media is in this file, ISO/IEC 14496-12 8.7.2
  out.end(dref);
  out.end(dinf);
}

/** The tables are there and empty (ISO/IEC 23000-19 7.5.11 to 7.5.15). */
function writeSampleTable(out: BoxWriter, track: Fmp4Track): void {
  const stbl = out.begin('stbl');
  writeSampleDescription(out, track);
  for (const table of ['stts', 'stsc', 'stco']) {
    const box = out.beginFull(table, 0, 0);
    out.u32(0);
    out.end(box);
  }
  const stsz = out.beginFull('stsz', 0, 0);
  out.zeros(8);
  out.end(stsz);
  out.end(stbl);
}
