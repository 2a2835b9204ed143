import type { Buffer } from 'node:buffer';
import { TS_PACKET_BYTES, TS_PAYLOAD_BYTES, TS_SYNC_BYTE, wrapTimestamp } from './packet.ts';
import { writePesHeader } from './pes.ts';

/** A PES packet to be cut into transport packets. */
export type PesToWrite = {
  readonly pid: number;
  readonly streamId: number;
  readonly parts: readonly Buffer[];
  readonly payloadBytes: number;
  /** PES header and payload. */
  readonly totalBytes: number;
  /** 33 bits; `dts` undefined when it is the same as `pts`. */
  readonly pts: number;
  readonly dts: number | undefined;
  /** The flags of the first packet's adaptation field; 0 for none. */
  readonly flags: number;
  /** 90 kHz ticks; undefined for none, else `flags` has PCR_flag. */
  readonly pcr: number | undefined;
};

/** Four header bytes (ISO/IEC 13818-1 2.4.3.2): `control` is adaptation_field_control and the counter. */
function writePacketHeader(out: Buffer, at: number, pid: number, control: number): void {
  out[at] = TS_SYNC_BYTE;
  out[at + 1] = pid >> 8;
  out[at + 2] = pid & 0xff;
  out[at + 3] = control;
}

/** program_clock_reference (2.4.3.5), whose extension is 0. */
function writePcr(out: Buffer, at: number, ticks: number): void {
  const base = wrapTimestamp(ticks);
  out.writeUInt32BE(Math.floor(base / 2), at);
  out[at + 4] = ((base % 2) << 7) | 0x7e;
  out[at + 5] = 0;
}

/** A packet with a PCR and nothing else. `counter` is that of the PID's last packet: without payload it does not count (2.4.3.3). */
export function writePcrPacket(out: Buffer, at: number, pid: number, counter: number, pcr: number): void {
  out.fill(0xff, at, at + TS_PACKET_BYTES);
  writePacketHeader(out, at, pid, 0x20 | counter);
  out[at + 4] = TS_PAYLOAD_BYTES - 1;
  out[at + 5] = 0x10;
  writePcr(out, at + 6, pcr);
}

/** Bytes that the first packet's adaptation field takes, before stuffing. */
function adaptationBytes(pes: PesToWrite): number {
  if (pes.flags === 0) return 0;
  return pes.pcr === undefined ? 2 : 8;
}

/** How many packets `writePesPackets` writes. */
export function countPesPackets(pes: PesToWrite): number {
  const rest = pes.totalBytes - (TS_PAYLOAD_BYTES - adaptationBytes(pes));
  return 1 + Math.max(0, Math.ceil(rest / TS_PAYLOAD_BYTES));
}

/** Cuts a PES packet into transport packets from `start` on. `counter` is the first one's; returns the next. */
export function writePesPackets(out: Buffer, start: number, pes: PesToWrite, counter: number): number {
  let at = start;
  let left = pes.totalBytes;
  let part = 0;
  let partAt = 0;
  let next = counter;
  let first = true;
  while (left > 0) {
    const end = at + TS_PACKET_BYTES;
    const needed = first ? adaptationBytes(pes) : 0;
    const stuffing = Math.max(0, TS_PAYLOAD_BYTES - needed - left);
    const adaptation = needed + stuffing;
    writePacketHeader(out, at, pes.pid, (adaptation === 0 ? 0x10 : 0x30) | next);
    if (first) out[at + 1] = (pes.pid >> 8) | 0x40; // payload_unit_start_indicator
    if (adaptation > 0) writeAdaptation(out, at + 4, adaptation, needed === 0 ? undefined : pes);
    at += 4 + adaptation;
    left -= end - at;
    if (first) at = writePesHeader(out, at, pes.streamId, pes.payloadBytes, pes);
    while (at < end) {
      const source = pes.parts[part];
      if (source === undefined) break;
      const copied = source.copy(out, at, partAt, Math.min(source.length, partAt + end - at));
      at += copied;
      partAt += copied;
      if (partAt === source.length) {
        part++;
        partAt = 0;
      }
    }
    next = (next + 1) & 0x0f;
    first = false;
  }
  return next;
}

/** adaptation_field of `bytes` bytes, its length byte included, stuffed to that size (2.4.3.4). */
function writeAdaptation(out: Buffer, at: number, bytes: number, pes: PesToWrite | undefined): void {
  out[at] = bytes - 1;
  if (bytes === 1) return;
  out[at + 1] = pes?.flags ?? 0;
  let filled = at + 2;
  if (pes?.pcr !== undefined) {
    writePcr(out, filled, pes.pcr);
    filled += 6;
  }
  out.fill(0xff, filled, at + bytes);
}

/** Cuts a section into packets (2.4.4.1: pointer_field 0 in the first). `out` is stuffed already. Returns the next counter. */
export function writeSectionPackets(out: Buffer, start: number, pid: number, section: Buffer, counter: number): number {
  let next = counter;
  let from = 0;
  for (let at = start; from < section.length; at += TS_PACKET_BYTES) {
    writePacketHeader(out, at, pid, 0x10 | next);
    let to = at + 4;
    if (from === 0) {
      out[at + 1] = (pid >> 8) | 0x40;
      out[to++] = 0;
    }
    from += section.copy(out, to, from, Math.min(section.length, from + at + TS_PACKET_BYTES - to));
    next = (next + 1) & 0x0f;
  }
  return next;
}
