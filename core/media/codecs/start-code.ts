import type { Buffer } from 'node:buffer';

/** The byte behind the prefix 00 00 01 at `at`; undefined when there is none. */
export function startCodeAt(bytes: Buffer, at: number): number | undefined {
  return bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 1 ? bytes[at + 3] : undefined;
}

/**
 * Where the next start code of a kind begins, -1 when there is none (ISO/IEC 11172-2 2.3, 14496-2 6.2.1). A search from
 * one 1 to the next: pictures hold few of them in a row of zeros.
 */
export function findStartCode(bytes: Buffer, first: number, last = first, from = 0): number {
  for (let at = bytes.indexOf(1, from + 2); at >= 0; at = bytes.indexOf(1, at + 1)) {
    const code = bytes[at + 1];
    if (bytes[at - 1] !== 0 || bytes[at - 2] !== 0 || code === undefined) continue;
    if (code >= first && code <= last) return at - 2;
  }
  return -1;
}
