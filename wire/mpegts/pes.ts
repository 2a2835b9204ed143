import type { Buffer } from 'node:buffer';
import { StreamId } from './packet.ts';

/** The start code, stream_id and PES_packet_length. */
export const PES_FIXED_BYTES = 6;

/** What stands before a PES packet's payload, ISO/IEC 13818-1 2.4.3.6. Times in 90 kHz ticks of 33 bits. */
export type PesHeader = {
  readonly streamId: number;
  readonly pts: number | undefined;
  readonly dts: number | undefined;
  /** Where the payload begins. */
  readonly payloadStart: number;
};

/** stream_ids whose packets have no optional header: maps, padding, private 2, ECM, EMM, DSM-CC, H.222.1 E, directory. */
const PLAIN: readonly number[] = [0xbc, StreamId.padding, StreamId.privateStream2, 0xf0, 0xf1, 0xf2, 0xf8, 0xff];

/** Header bytes for a unit with PTS, and with DTS when it differs. */
export function pesHeaderBytes(withDts: boolean): number {
  return withDts ? 19 : 14;
}

/** Writes a header into `target`; returns where the payload goes. `dts` undefined: the same as `pts`. */
export function writePesHeader(
  target: Buffer,
  at: number,
  streamId: number,
  payloadBytes: number,
  times: { readonly pts: number; readonly dts: number | undefined },
): number {
  const withDts = times.dts !== undefined;
  const length = pesHeaderBytes(withDts) - PES_FIXED_BYTES + payloadBytes;
  target.writeUInt32BE(0x100 | streamId, at);
  // 0 says "up to the next packet", for video only
  target.writeUInt16BE(length > 0xffff ? 0 : length, at + 4);
  target[at + 6] = 0x84; // '10', data_alignment_indicator: a unit begins here
  target[at + 7] = withDts ? 0xc0 : 0x80;
  target[at + 8] = withDts ? 10 : 5;
  writeTimestamp(target, at + 9, withDts ? 3 : 2, times.pts);
  if (times.dts === undefined) return at + 14;
  writeTimestamp(target, at + 14, 1, times.dts);
  return at + 19;
}

function writeTimestamp(target: Buffer, at: number, prefix: number, ticks: number): void {
  const high = Math.floor(ticks / 2 ** 30) & 7;
  const low = ticks % 2 ** 30;
  target[at] = (prefix << 4) | (high << 1) | 1;
  target.writeUInt16BE(((low >>> 15) << 1) | 1, at + 1);
  target.writeUInt16BE(((low & 0x7fff) << 1) | 1, at + 3);
}

/** Reads the header of a PES packet that is all there; undefined when it is malformed. */
export function readPesHeader(bytes: Buffer, length: number): PesHeader | undefined {
  if (length < PES_FIXED_BYTES || bytes.readUIntBE(0, 3) !== 1) return undefined;
  const streamId = bytes[3] ?? 0;
  if (PLAIN.includes(streamId)) return { streamId, pts: undefined, dts: undefined, payloadStart: PES_FIXED_BYTES };
  if (length < 9) return undefined;
  const marker = bytes[6] ?? 0;
  const flags = (bytes[7] ?? 0) >> 6;
  const payloadStart = 9 + (bytes[8] ?? 0);
  const needed = flags === 3 ? 19 : flags === 2 ? 14 : 9;
  if (marker >> 6 !== 2 || flags === 1 || payloadStart > length || payloadStart < needed) return undefined;
  const pts = flags >= 2 ? readTimestamp(bytes, 9) : undefined;
  const dts = flags === 3 ? readTimestamp(bytes, 14) : pts;
  return { streamId, pts, dts, payloadStart };
}

/** Undefined when a marker bit is missing. */
function readTimestamp(bytes: Buffer, at: number): number | undefined {
  const first = bytes[at] ?? 0;
  const middle = bytes.readUInt16BE(at + 1);
  const last = bytes.readUInt16BE(at + 3);
  if ((first & middle & last & 1) === 0) return undefined;
  return ((first >> 1) & 7) * 2 ** 30 + (middle >> 1) * 2 ** 15 + (last >> 1);
}
