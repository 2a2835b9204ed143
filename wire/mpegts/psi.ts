import { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import { crc32Mpeg } from './crc32.ts';

const format = 'mpegts';

/** A PAT or PMT section has 1021 bytes behind its length field at most (ISO/IEC 13818-1 2.4.4.4, 2.4.4.9). */
export const MAX_SECTION_BYTES = 1024;
const PAT_TABLE_ID = 0x00;
const PMT_TABLE_ID = 0x02;
/** Bounds on what one table may announce. */
export const MAX_PROGRAMS = 16;
export const MAX_PROGRAM_TRACKS = 32;

/** An elementary stream, as a PMT announces it. */
export type TsTrack = {
  readonly pid: number;
  /** `StreamType`. */
  readonly streamType: number;
  /** Whole descriptors, one behind the other; empty when there are none. */
  readonly descriptors: Buffer;
};

/** program_association_section, 2.4.4.3. */
export type ProgramAssociation = {
  readonly transportStreamId: number;
  readonly version: number;
  /** Whether this section is the whole table. */
  readonly whole: boolean;
  readonly programs: readonly { readonly programNumber: number; readonly pmtPid: number }[];
};

/** TS_program_map_section, 2.4.4.8. */
export type ProgramMap = {
  readonly programNumber: number;
  readonly version: number;
  readonly pcrPid: number;
  readonly descriptors: Buffer;
  readonly tracks: readonly TsTrack[];
};

export function writePat(pat: Omit<ProgramAssociation, 'whole'>): Buffer {
  const body = Buffer.allocUnsafe(pat.programs.length * 4);
  let at = 0;
  for (const { programNumber, pmtPid } of pat.programs) {
    at = body.writeUInt16BE(programNumber, at);
    at = body.writeUInt16BE(0xe000 | pmtPid, at);
  }
  return writeSection(PAT_TABLE_ID, pat.transportStreamId, pat.version, body);
}

/** Throws `too-large` when tracks and descriptors do not fit one section. */
export function writePmt(pmt: ProgramMap): Buffer {
  let size = 4 + pmt.descriptors.length;
  for (const track of pmt.tracks) size += 5 + track.descriptors.length;
  if (size + 12 > MAX_SECTION_BYTES) throw new WireError('too-large', format, `a PMT of ${size + 12} bytes`);
  const body = Buffer.allocUnsafe(size);
  let at = body.writeUInt16BE(0xe000 | pmt.pcrPid, 0);
  at = body.writeUInt16BE(0xf000 | pmt.descriptors.length, at);
  at += pmt.descriptors.copy(body, at);
  for (const { pid, streamType, descriptors } of pmt.tracks) {
    at = body.writeUInt8(streamType, at);
    at = body.writeUInt16BE(0xe000 | pid, at);
    at = body.writeUInt16BE(0xf000 | descriptors.length, at);
    at += descriptors.copy(body, at);
  }
  return writeSection(PMT_TABLE_ID, pmt.programNumber, pmt.version, body);
}

/** The long section syntax of 2.4.4.11, one section a table, current. */
function writeSection(tableId: number, extension: number, version: number, body: Buffer): Buffer {
  const section = Buffer.allocUnsafe(8 + body.length + 4);
  section[0] = tableId;
  section.writeUInt16BE(0xb000 | (section.length - 3), 1);
  section.writeUInt16BE(extension, 3);
  section[5] = 0xc1 | (version << 1);
  section[6] = 0; // section_number
  section[7] = 0; // last_section_number
  body.copy(section, 8);
  section.writeUInt32BE(crc32Mpeg(section, 0, section.length - 4), section.length - 4);
  return section;
}

/** Undefined for another table on this PID and for one that is not current yet. Throws `WireError`; the CRC is the caller's. */
export function readPat(section: Buffer): ProgramAssociation | undefined {
  const opened = openSection(section, PAT_TABLE_ID);
  if (opened === undefined) return undefined;
  const { reader, extension, version, last } = opened;
  const programs: { programNumber: number; pmtPid: number }[] = [];
  while (reader.remaining >= 4) {
    const programNumber = reader.u16();
    const pmtPid = reader.u16() & 0x1fff;
    if (programNumber === 0) continue; // network_PID
    if (programs.length === MAX_PROGRAMS)
      throw new WireError('too-large', format, `more than ${MAX_PROGRAMS} programs`);
    programs.push({ programNumber, pmtPid });
  }
  return { transportStreamId: extension, version, whole: last === 0, programs };
}

/** As `readPat`. Descriptors are copies. */
export function readPmt(section: Buffer): ProgramMap | undefined {
  const opened = openSection(section, PMT_TABLE_ID);
  if (opened === undefined) return undefined;
  const { reader, extension, version } = opened;
  const pcrPid = reader.u16() & 0x1fff;
  const descriptors = Buffer.from(reader.bytes(reader.u16() & 0x0fff));
  const tracks: TsTrack[] = [];
  while (reader.remaining >= 5) {
    const streamType = reader.u8();
    const pid = reader.u16() & 0x1fff;
    const own = Buffer.from(reader.bytes(reader.u16() & 0x0fff));
    if (tracks.length === MAX_PROGRAM_TRACKS) {
      throw new WireError('too-large', format, `more than ${MAX_PROGRAM_TRACKS} tracks`);
    }
    tracks.push({ pid, streamType, descriptors: own });
  }
  return { programNumber: extension, version, pcrPid, descriptors, tracks };
}

function openSection(section: Buffer, tableId: number) {
  if (section[0] !== tableId) return undefined;
  if (section.length < 12) throw new WireError('truncated', format, `a section of ${section.length} bytes`);
  const reader = new ByteReader(section.subarray(0, section.length - 4), format, 3);
  const extension = reader.u16();
  const flags = reader.u8();
  reader.skip(1); // section_number
  const last = reader.u8();
  if ((flags & 1) === 0) return undefined; // current_next_indicator
  return { reader, extension, version: (flags >> 1) & 0x1f, last };
}
