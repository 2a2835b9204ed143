import { Buffer } from 'node:buffer';
import type { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';

/** Packets that one feedback may tell of. Ten times what a stream of 100 Mbit/s needs at one feedback each 100 ms. */
export const maxFeedbackStatuses = 8192;

/** draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1. */
export type TransportFeedback = {
  readonly kind: 'transport-feedback';
  readonly senderSsrc: number;
  readonly mediaSsrc: number;
  /** Transport-wide sequence number of the first status. */
  readonly baseSequence: number;
  /** Signed, in 64 ms: what the first delta counts from. */
  readonly referenceTime: number;
  /** Modulo 256, to notice lost feedback. */
  readonly feedbackCount: number;
  /**
   * One for each packet from `baseSequence` on: how long after the received one before it this one arrived (the first:
   * after the reference time), in 250 µs, -32768 to 32767; undefined for a packet that did not arrive.
   */
  readonly deltas: readonly (number | undefined)[];
};

const notReceived = 0;
const smallDelta = 1;
const largeDelta = 2;
/** A run-length chunk counts with 13 bits. */
const longestRun = 0x1fff;
const twoBitSymbols = 7;

/** Reads what follows the media SSRC; `reader` ends where the packet ends. */
export function readTransportFeedback(reader: ByteReader, senderSsrc: number, mediaSsrc: number): TransportFeedback {
  const baseSequence = reader.u16();
  const count = reader.u16();
  if (count > maxFeedbackStatuses) throw new WireError('too-large', 'rtcp', `feedback on ${count} packets`);
  const referenceTime = reader.s24();
  const feedbackCount = reader.u8();
  const symbols = readSymbols(reader, count);
  const deltas: (number | undefined)[] = [];
  for (const symbol of symbols) {
    if (symbol === smallDelta) deltas.push(reader.u8());
    else if (symbol === largeDelta) deltas.push((reader.u16() << 16) >> 16);
    else deltas.push(undefined);
  }
  return { kind: 'transport-feedback', senderSsrc, mediaSsrc, baseSequence, referenceTime, feedbackCount, deltas };
}

/** Packet status chunks, 3.1.3 and 3.1.4: a chunk of 16 bits may claim up to 8191 statuses, `count` bounds them all. */
function readSymbols(reader: ByteReader, count: number): Uint8Array {
  const symbols = new Uint8Array(count);
  let at = 0;
  while (at < count) {
    const chunk = reader.u16();
    if ((chunk & 0x8000) === 0) {
      const run = Math.min(chunk & longestRun, count - at);
      if (run === 0) throw new WireError('malformed', 'rtcp', 'a run of no statuses');
      symbols.fill(chunk >> 13, at, at + run);
      at += run;
    } else if ((chunk & 0x4000) === 0) {
      for (let bit = 13; bit >= 0 && at < count; bit -= 1, at += 1) symbols[at] = (chunk >> bit) & 1;
    } else {
      for (let bit = 12; bit >= 0 && at < count; bit -= 2, at += 1) symbols[at] = (chunk >> bit) & 3;
    }
  }
  // Symbol 3 is reserved (3.1.1); nothing says how long its delta would be, so none is read.
  return symbols;
}

/**
 * The FCI of a feedback, without padding to whole words: runs where they pay, two-bit vectors elsewhere.
 * Throws `too-large` over `maxFeedbackStatuses` and for a delta beyond 16 bits: such a feedback must be split by the caller.
 */
export function writeFeedbackControl(feedback: TransportFeedback): Buffer {
  const { deltas } = feedback;
  if (deltas.length === 0 || deltas.length > maxFeedbackStatuses) {
    throw new WireError('too-large', 'rtcp', `feedback on ${deltas.length} packets`);
  }
  const chunks: number[] = [];
  let at = 0;
  while (at < deltas.length) {
    const run = runFrom(deltas, at);
    if (run >= twoBitSymbols || at + run === deltas.length) {
      chunks.push((symbolOf(deltas[at]) << 13) | run);
      at += run;
    } else {
      let chunk = 0xc000;
      for (let i = 0; i < twoBitSymbols; i += 1) {
        if (at + i < deltas.length) chunk |= symbolOf(deltas[at + i]) << (12 - 2 * i);
      }
      chunks.push(chunk);
      at += twoBitSymbols;
    }
  }
  let size = 8 + chunks.length * 2;
  for (const delta of deltas) size += symbolOf(delta); // a symbol's number is the size of its delta
  const bytes = Buffer.allocUnsafe(size);
  bytes.writeUInt16BE(feedback.baseSequence & 0xffff, 0);
  bytes.writeUInt16BE(deltas.length, 2);
  bytes.writeIntBE((feedback.referenceTime << 8) >> 8, 4, 3);
  bytes[7] = feedback.feedbackCount & 0xff;
  let offset = 8;
  for (const chunk of chunks) offset = bytes.writeUInt16BE(chunk, offset);
  for (const delta of deltas) {
    const symbol = symbolOf(delta);
    if (symbol === smallDelta) offset = bytes.writeUInt8(delta ?? 0, offset);
    else if (symbol === largeDelta) offset = bytes.writeInt16BE(delta ?? 0, offset);
  }
  return bytes;
}

function symbolOf(delta: number | undefined): number {
  if (delta === undefined) return notReceived;
  if (delta >= 0 && delta <= 0xff) return smallDelta;
  if (delta < -0x8000 || delta > 0x7fff) throw new WireError('too-large', 'rtcp', `an arrival delta of ${delta}`);
  return largeDelta;
}

function runFrom(deltas: readonly (number | undefined)[], from: number): number {
  const symbol = symbolOf(deltas[from]);
  let to = from + 1;
  while (to < deltas.length && to - from < longestRun && symbolOf(deltas[to]) === symbol) to += 1;
  return to - from;
}
