import type { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { crc32Mpeg } from './crc32.ts';
import { FIRST_FREE_PID, LAST_FREE_PID, NULL_PID, PAT_PID, TS_PACKET_BYTES, TS_PAYLOAD_BYTES } from './packet.ts';
import { PacketSync } from './packet-sync.ts';
import { PesAssembler, type PesBudget, type TsPes } from './pes-assembler.ts';
import { MAX_PROGRAMS, type ProgramMap, readPat, readPmt } from './psi.ts';
import { SectionAssembler } from './section-assembler.ts';

/** Who hears what a demuxer finds. Calls come from within `push` and `flush`. */
export interface TsSink {
  /** A program is announced, or its announcement has changed. */
  onProgram(program: ProgramMap): void;
  onPes(pes: TsPes): void;
  /** A PCR in 27 MHz ticks, base times 300 and extension (ISO/IEC 13818-1 2.4.3.5). */
  onPcr?(pid: number, pcr: number, discontinuity: boolean): void;
}

export type TsDemuxerSettings = {
  /** The longest PES packet; 8 MiB when left out. */
  readonly maxPesBytes?: number;
  /** What all tracks' unfinished PES packets may take together; 32 MiB when left out. */
  readonly maxBufferedBytes?: number;
};

/** What went wrong so far, in packets unless said otherwise. */
export type TsCounters = {
  packets: number;
  continuityErrors: number;
  duplicates: number;
  transportErrors: number;
  scrambled: number;
  /** Sections whose CRC is wrong. */
  crcErrors: number;
  /** Packets, sections and PES packets that break the grammar. */
  malformed: number;
  /** PES packets over a bound. */
  oversized: number;
};

type Pid = {
  readonly kind: 'pat' | 'pmt' | 'pes' | 'pcr';
  readonly sections: SectionAssembler | undefined;
  readonly pes: PesAssembler | undefined;
  /** The program it belongs to, by its PMT's PID. */
  readonly pmtPid: number;
  counter: number | undefined;
  /** CRC of the last section that was read: the same one again is not read again. */
  lastCrc: number | undefined;
};

/** Flags of the adaptation field, 2.4.3.4. */
const DISCONTINUITY = 0x80;
const RANDOM_ACCESS = 0x40;
const PCR = 0x10;
const DEFAULT_MAX_PES = 8 * 1024 * 1024;
const DEFAULT_MAX_BUFFERED = 32 * 1024 * 1024;

/**
 * Reads a transport stream of one or more programs, in chunks of any size. It never throws for what it reads: what is
 * broken is counted, and the stream goes on behind it. Memory is bounded by the settings and by `MAX_PROGRAMS` and
 * `MAX_PROGRAM_TRACKS`.
 */
export class TsDemuxer implements PesBudget {
  readonly maxPesBytes: number;
  readonly counters: TsCounters = {
    packets: 0,
    continuityErrors: 0,
    duplicates: 0,
    transportErrors: 0,
    scrambled: 0,
    crcErrors: 0,
    malformed: 0,
    oversized: 0,
  };
  readonly #sink: TsSink;
  readonly #pids = new Map<number, Pid>();
  readonly #sync: PacketSync;
  #budget: number;
  /** Programs by their PMT's PID. */
  readonly #programs = new Map<number, ProgramMap | undefined>();

  constructor(settings: TsDemuxerSettings, sink: TsSink) {
    this.maxPesBytes = settings.maxPesBytes ?? DEFAULT_MAX_PES;
    this.#budget = settings.maxBufferedBytes ?? DEFAULT_MAX_BUFFERED;
    this.#sink = sink;
    this.#sync = new PacketSync((bytes, at) => this.#packet(bytes, at));
    this.#pids.set(PAT_PID, newPid('pat', PAT_PID));
  }

  /** How often the sync byte was missing, and the bytes passed over until it was found again. */
  get syncLosses(): number {
    return this.#sync.losses;
  }

  get skippedBytes(): number {
    return this.#sync.skippedBytes;
  }

  push(chunk: Buffer): void {
    this.#sync.push(chunk);
  }

  /** The stream ends: hands out the PES packets that had no length to tell their end. */
  flush(): void {
    this.#sync.flush();
    for (const { pes } of this.#pids.values()) if (pes !== undefined) this.#finish(pes);
  }

  take(bytes: number): boolean {
    if (bytes > this.#budget) return false;
    this.#budget -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#budget += bytes;
  }

  /** One packet, 2.4.3.2. */
  #packet(bytes: Buffer, at: number): void {
    this.counters.packets++;
    const header = bytes.readUInt32BE(at);
    const number = (header >>> 8) & 0x1fff;
    if (number === NULL_PID) return;
    if ((header & 0x80_0000) !== 0) {
      this.counters.transportErrors++; // Its PID may be wrong too: the continuity counter tells whose it was
      return;
    }
    const pid = this.#pids.get(number);
    if (pid === undefined) return;
    const hasAdaptation = (header & 0x20) !== 0;
    const adaptation = hasAdaptation ? bytes.readUInt8(at + 4) : 0; // adaptation_field_length
    if (adaptation > TS_PAYLOAD_BYTES - 1) {
      this.counters.malformed++;
      return;
    }
    const flags = adaptation > 0 ? bytes.readUInt8(at + 5) : 0;
    if ((flags & DISCONTINUITY) !== 0) this.#discontinuity(number, pid);
    if ((flags & PCR) !== 0 && adaptation >= 7) this.#pcr(number, pid, bytes, at);
    if ((header & 0x10) === 0) return; // No payload, and no counting
    if (!this.#continues(pid, header & 0x0f, (flags & DISCONTINUITY) !== 0)) return;
    if ((header & 0xc0) !== 0) {
      this.#scrambled(pid);
      return;
    }
    const start = at + 4 + (hasAdaptation ? 1 + adaptation : 0);
    const end = at + TS_PACKET_BYTES;
    const unitStart = (header & 0x40_0000) !== 0;
    if (pid.pes === undefined) {
      this.#section(number, pid, bytes.subarray(start, end), unitStart);
      return;
    }
    if (unitStart) {
      this.#finish(pid.pes);
      pid.pes.start((flags & RANDOM_ACCESS) !== 0);
    }
    const loss = pid.pes.push(bytes, start, end);
    if (loss !== undefined) this.counters[loss]++;
    if (pid.pes.complete) this.#finish(pid.pes);
  }

  #scrambled(pid: Pid): void {
    this.counters.scrambled++;
    pid.pes?.markDamaged();
    pid.sections?.reset();
  }

  /** continuity_counter, 2.4.3.3. Returns false for a duplicate, which may come once. */
  #continues(pid: Pid, counter: number, discontinuity: boolean): boolean {
    const last = pid.counter;
    pid.counter = counter;
    if (last === undefined || discontinuity || counter === ((last + 1) & 0x0f)) return true;
    if (counter === last) {
      this.counters.duplicates++;
      return false;
    }
    this.counters.continuityErrors++;
    pid.sections?.reset();
    pid.pes?.markDamaged();
    return true;
  }

  /** A break on the PCR's PID is one of the program's time base (2.4.3.5): all its tracks hear of it. */
  #discontinuity(number: number, pid: Pid): void {
    const program = this.#programs.get(pid.pmtPid);
    if (program?.pcrPid !== number) {
      pid.pes?.markDiscontinuity();
      return;
    }
    for (const track of program.tracks) this.#pids.get(track.pid)?.pes?.markDiscontinuity();
  }

  #pcr(number: number, pid: Pid, bytes: Buffer, at: number): void {
    if (this.#programs.get(pid.pmtPid)?.pcrPid !== number) return;
    const low = bytes.readUInt16BE(at + 10);
    const base = bytes.readUInt32BE(at + 6) * 2 + (low >> 15);
    this.#sink.onPcr?.(number, base * 300 + (low & 0x1ff), ((bytes[at + 5] ?? 0) & DISCONTINUITY) !== 0);
  }

  #finish(pes: PesAssembler): void {
    const finished = pes.finish();
    if (finished === 'malformed') this.counters.malformed++;
    else if (finished !== undefined) this.#sink.onPes(finished);
  }

  #section(number: number, pid: Pid, payload: Buffer, unitStart: boolean): void {
    if (pid.sections === undefined || payload.length === 0) return;
    const ok = pid.sections.push(payload, unitStart, (section) => {
      if (section.length < 12) {
        this.counters.malformed++;
        return;
      }
      const crc = section.readUInt32BE(section.length - 4);
      if (crc === pid.lastCrc) return;
      if (crc32Mpeg(section, 0, section.length) !== 0) {
        this.counters.crcErrors++;
        return;
      }
      pid.lastCrc = crc;
      this.#table(number, pid, section);
    });
    if (!ok) this.counters.malformed++;
  }

  #table(number: number, pid: Pid, section: Buffer): void {
    try {
      if (pid.kind === 'pat') this.#pat(section);
      else this.#pmt(number, section);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.counters.malformed++;
    }
  }

  #pat(section: Buffer): void {
    const pat = readPat(section);
    if (pat === undefined) return;
    if (pat.whole) {
      for (const pmtPid of [...this.#programs.keys()]) {
        if (!pat.programs.some((program) => program.pmtPid === pmtPid)) this.#dropProgram(pmtPid);
      }
    }
    for (const { pmtPid } of pat.programs) {
      if (this.#programs.has(pmtPid) || this.#programs.size >= MAX_PROGRAMS || !isFree(this.#pids, pmtPid)) continue;
      this.#programs.set(pmtPid, undefined);
      this.#pids.set(pmtPid, newPid('pmt', pmtPid));
    }
  }

  #pmt(pmtPid: number, section: Buffer): void {
    const pmt = readPmt(section);
    if (pmt === undefined) return;
    const known = this.#programs.get(pmtPid);
    // Programs may share a PMT's PID (2.4.4.10); the first one is read
    if (known !== undefined && known.programNumber !== pmt.programNumber) return;
    this.#programs.set(pmtPid, pmt);
    for (const [number, pid] of [...this.#pids]) {
      if (pid.pmtPid !== pmtPid || pid.kind === 'pmt') continue;
      const kept = pmt.tracks.find((track) => track.pid === number);
      if (kept !== undefined && kept.streamType === pid.pes?.streamType) continue;
      this.#dropPid(number, pid);
    }
    for (const { pid, streamType } of pmt.tracks) {
      if (isFree(this.#pids, pid))
        this.#pids.set(pid, newPid('pes', pmtPid, new PesAssembler({ pid, streamType }, this)));
    }
    if (isFree(this.#pids, pmt.pcrPid)) this.#pids.set(pmt.pcrPid, newPid('pcr', pmtPid));
    this.#sink.onProgram(pmt);
  }

  #dropProgram(pmtPid: number): void {
    this.#programs.delete(pmtPid);
    for (const [number, pid] of [...this.#pids])
      if (pid.pmtPid === pmtPid && number !== PAT_PID) this.#dropPid(number, pid);
  }

  /** What was gathered for it still goes out. */
  #dropPid(number: number, pid: Pid): void {
    if (pid.pes !== undefined) {
      this.#finish(pid.pes);
      pid.pes.release();
    }
    this.#pids.delete(number);
  }
}

function isFree(pids: ReadonlyMap<number, Pid>, pid: number): boolean {
  return pid >= FIRST_FREE_PID && pid <= LAST_FREE_PID && !pids.has(pid);
}

function newPid(kind: Pid['kind'], pmtPid: number, pes?: PesAssembler): Pid {
  const sections = kind === 'pat' || kind === 'pmt' ? new SectionAssembler() : undefined;
  return { kind, pmtPid, sections, pes, counter: undefined, lastCrc: undefined };
}
