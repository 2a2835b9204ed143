import type { NackEntry } from './packet.ts';

/** The sequence numbers that `entries` name, in their order, at most `limit`: 256 entries name 4352. */
export function lostSequences(entries: readonly NackEntry[], limit = 4352): number[] {
  const lost: number[] = [];
  for (const { sequence, mask } of entries) {
    if (lost.length >= limit) return lost;
    lost.push(sequence);
    for (let bit = 0; bit < 16 && lost.length < limit; bit += 1) {
      if ((mask & (1 << bit)) !== 0) lost.push((sequence + bit + 1) & 0xffff);
    }
  }
  return lost;
}

/** The fewest entries for `sequences`, which are in the order of sending (wrapping), RFC 4585 6.2.1. */
export function nackEntries(sequences: readonly number[]): NackEntry[] {
  const entries: NackEntry[] = [];
  let sequence = -1;
  let mask = 0;
  for (const lost of sequences) {
    const ahead = (lost - sequence) & 0xffff;
    if (sequence >= 0 && ahead <= 16) {
      if (ahead > 0) mask |= 1 << (ahead - 1);
      continue;
    }
    if (sequence >= 0) entries.push({ sequence, mask });
    sequence = lost & 0xffff;
    mask = 0;
  }
  if (sequence >= 0) entries.push({ sequence, mask });
  return entries;
}
