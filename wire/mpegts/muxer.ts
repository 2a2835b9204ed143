import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import {
  FIRST_FREE_PID,
  LAST_FREE_PID,
  PAT_PID,
  StreamId,
  StreamType,
  TS_PACKET_BYTES,
  TS_PAYLOAD_BYTES,
  wrapTimestamp,
} from './packet.ts';
import {
  countPesPackets,
  type PesToWrite,
  writePcrPacket,
  writePesPackets,
  writeSectionPackets,
} from './packet-writer.ts';
import { PES_FIXED_BYTES, pesHeaderBytes } from './pes.ts';
import { MAX_PROGRAM_TRACKS, type TsTrack, writePat, writePmt } from './psi.ts';

export type TsMuxerSettings = {
  readonly tracks: readonly TsMuxerTrack[];
  /** The track that carries the PCR; when left out, the first video track, else the first track. */
  readonly pcrPid?: number;
  /** 0x1000 when left out. */
  readonly pmtPid?: number;
  /** 1 when left out. */
  readonly programNumber?: number;
  /** 1 when left out. */
  readonly transportStreamId?: number;
  /** How far the PCR is behind the DTS, in 90 kHz ticks: the time a receiver has for a unit to arrive. 9000 (100 ms) when left out. */
  readonly pcrLead?: number;
};

export type TsMuxerTrack = {
  readonly pid: number;
  /** `StreamType`. */
  readonly streamType: number;
  readonly descriptors?: Buffer;
  /** When left out, what `streamType` suggests: video, audio or private_stream_1. */
  readonly streamId?: number;
};

/** One PES packet: a video access unit, or one or more audio frames. */
export type TsUnit = {
  /** 90 kHz ticks, of any size: they are wrapped to 33 bits. */
  readonly pts: number;
  /** The same as `pts` when left out. */
  readonly dts?: number;
  /** Sets random_access_indicator. */
  readonly keyframe: boolean;
  /** The payload in pieces: Annex B for video (`annexBPayload`), ADTS header and frame for AAC. */
  readonly parts: readonly Buffer[];
  /** Sets discontinuity_indicator: the time base or the continuity breaks here. */
  readonly discontinuity?: boolean;
};

type MuxerTrackState = { readonly pid: number; readonly streamId: number; readonly video: boolean; counter: number };

/** A PCR must come every 100 ms (ISO/IEC 13818-1 2.7.2); a frame earlier is soon enough. */
const PCR_INTERVAL = 7200;
/** A longer silence is not filled with PCRs. */
const MAX_FILLED_GAP = 90_000;
const DEFAULT_PMT_PID = 0x1000;
const DEFAULT_PCR_LEAD = 9000;
const VIDEO_TYPES: readonly number[] = [StreamType.mpeg1Video, StreamType.mpeg2Video, StreamType.h264, StreamType.h265];
const AUDIO_TYPES: readonly number[] = [
  StreamType.mpeg1Audio,
  StreamType.mpeg2Audio,
  StreamType.adtsAac,
  StreamType.latmAac,
];

/**
 * Writes a transport stream of one program. Holds nothing but the continuity counters, the last PCR and the table version:
 * what is written is returned at once, in one buffer of the exact size, a multiple of 188 bytes. It writes the tables when
 * asked to, so that a segment or a late viewer can begin with them.
 */
export class TsMuxer {
  readonly #pmtPid: number;
  readonly #programNumber: number;
  readonly #transportStreamId: number;
  readonly #pcrLead: number;
  readonly #tracks = new Map<number, MuxerTrackState>();
  #announced: readonly TsTrack[] = [];
  #pcrPid = 0;
  #lastPcr: number | undefined;
  #version = 0;
  #patCounter = 0;
  #pmtCounter = 0;

  /** Throws `WireError` for PIDs that are taken twice or out of range, and for a `pcrPid` that is no track. */
  constructor(settings: TsMuxerSettings) {
    this.#pmtPid = settings.pmtPid ?? DEFAULT_PMT_PID;
    this.#programNumber = settings.programNumber ?? 1;
    this.#transportStreamId = settings.transportStreamId ?? 1;
    this.#pcrLead = settings.pcrLead ?? DEFAULT_PCR_LEAD;
    this.#take(settings.tracks, settings.pcrPid);
  }

  /** Replaces the tracks; the next `tables()` have a new version. Tracks that stay keep their continuity counters. */
  replaceTracks(tracks: readonly TsMuxerTrack[], pcrPid?: number): void {
    this.#take(tracks, pcrPid);
    this.#version = (this.#version + 1) & 0x1f;
  }

  /** PAT and PMT: at the start of a segment, and every 500 ms or so in a stream that anyone may join. */
  tables(): Buffer {
    const pat = writePat({
      transportStreamId: this.#transportStreamId,
      version: 0,
      programs: [{ programNumber: this.#programNumber, pmtPid: this.#pmtPid }],
    });
    const pmt = writePmt({
      programNumber: this.#programNumber,
      version: this.#version,
      pcrPid: this.#pcrPid,
      descriptors: Buffer.alloc(0),
      tracks: this.#announced,
    });
    const pmtPackets = Math.ceil((pmt.length + 1) / TS_PAYLOAD_BYTES);
    const out = Buffer.alloc((1 + pmtPackets) * TS_PACKET_BYTES, 0xff);
    this.#patCounter = writeSectionPackets(out, 0, PAT_PID, pat, this.#patCounter);
    this.#pmtCounter = writeSectionPackets(out, TS_PACKET_BYTES, this.#pmtPid, pmt, this.#pmtCounter);
    return out;
  }

  /** The packets of a unit. Throws `WireError` for a PID that is no track, and for an audio unit over 64 KiB. */
  unit(pid: number, unit: TsUnit): Buffer {
    const track = this.#tracks.get(pid);
    if (track === undefined) throw new WireError('malformed', 'mpegts', `PID ${pid} is no track`);
    const dts = unit.dts ?? unit.pts;
    const withDts = dts !== unit.pts;
    let payloadBytes = 0;
    for (const part of unit.parts) payloadBytes += part.length;
    const totalBytes = pesHeaderBytes(withDts) + payloadBytes;
    if (!track.video && totalBytes - PES_FIXED_BYTES > 0xffff) {
      throw new WireError('too-large', 'mpegts', `an audio unit of ${payloadBytes} bytes`); // 2.4.3.7, PES_packet_length
    }
    const discontinuity = unit.discontinuity === true;
    if (discontinuity) this.#lastPcr = undefined;
    const pcr = dts - this.#pcrLead;
    const carriesPcr = pid === this.#pcrPid && (track.video || this.#pcrIsDue(pcr));
    const pes: PesToWrite = {
      pid,
      streamId: track.streamId,
      parts: unit.parts,
      payloadBytes,
      totalBytes,
      pts: wrapTimestamp(unit.pts),
      dts: withDts ? wrapTimestamp(dts) : undefined,
      flags: (discontinuity ? 0x80 : 0) | (unit.keyframe ? 0x40 : 0) | (carriesPcr ? 0x10 : 0),
      pcr: carriesPcr ? pcr : undefined,
    };
    const fillers = this.#fillersBefore(pcr, carriesPcr);
    const out = Buffer.allocUnsafe((fillers + countPesPackets(pes)) * TS_PACKET_BYTES);
    this.#writeFillers(out, fillers);
    if (carriesPcr) this.#lastPcr = pcr;
    track.counter = writePesPackets(out, fillers * TS_PACKET_BYTES, pes, track.counter);
    return out;
  }

  #pcrIsDue(pcr: number): boolean {
    return this.#lastPcr === undefined || pcr < this.#lastPcr || pcr - this.#lastPcr >= PCR_INTERVAL / 2;
  }

  /** How many packets with nothing but a PCR go before this unit, so that none is missing for 100 ms. */
  #fillersBefore(pcr: number, carriesPcr: boolean): number {
    if (this.#lastPcr === undefined) return 0;
    const gap = pcr - this.#lastPcr;
    if (gap <= PCR_INTERVAL || gap > MAX_FILLED_GAP) return 0;
    return Math.floor((gap - (carriesPcr ? 1 : 0)) / PCR_INTERVAL);
  }

  #writeFillers(out: Buffer, count: number): void {
    const pcrTrack = this.#tracks.get(this.#pcrPid);
    if (pcrTrack === undefined) return;
    for (let i = 0; i < count; i++) {
      this.#lastPcr = (this.#lastPcr ?? 0) + PCR_INTERVAL;
      writePcrPacket(out, i * TS_PACKET_BYTES, this.#pcrPid, (pcrTrack.counter + 15) & 0x0f, this.#lastPcr);
    }
  }

  #take(tracks: readonly TsMuxerTrack[], pcrPid: number | undefined): void {
    if (tracks.length === 0 || tracks.length > MAX_PROGRAM_TRACKS) {
      throw new WireError('too-large', 'mpegts', `${tracks.length} tracks, 1 to ${MAX_PROGRAM_TRACKS} expected`);
    }
    const before = new Map(this.#tracks);
    const states: MuxerTrackState[] = [];
    for (const { pid, streamType, streamId } of tracks) {
      const taken = pid === this.#pmtPid || states.some((state) => state.pid === pid);
      if (taken || pid < FIRST_FREE_PID || pid > LAST_FREE_PID) {
        throw new WireError('malformed', 'mpegts', `PID ${pid} cannot be a track's`);
      }
      const id = streamId ?? usualStreamId(streamType);
      states.push({ pid, streamId: id, video: id >> 4 === 0xe, counter: before.get(pid)?.counter ?? 0 });
    }
    const pcr = pcrPid ?? (states.find((state) => state.video) ?? states[0])?.pid;
    if (pcr === undefined || !states.some((state) => state.pid === pcr)) {
      throw new WireError('malformed', 'mpegts', `the PCR's PID ${pcr} is no track`);
    }
    this.#tracks.clear();
    for (const state of states) this.#tracks.set(state.pid, state);
    this.#pcrPid = pcr;
    this.#announced = tracks.map(({ pid, streamType, descriptors }) => ({
      pid,
      streamType,
      descriptors: descriptors ?? Buffer.alloc(0),
    }));
  }
}

function usualStreamId(streamType: number): number {
  if (VIDEO_TYPES.includes(streamType)) return StreamId.video;
  return AUDIO_TYPES.includes(streamType) ? StreamId.audio : StreamId.privateStream1;
}
