import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';

/** A transport address. `address` is in its one canonical text (`canonicalAddress`). */
export type StunAddress = { readonly address: string; readonly port: number };

const longestText = 64;

function malformed(text: string): WireError {
  return new WireError('malformed', 'stun', `${JSON.stringify(text.slice(0, longestText))} is no IP address`);
}

/**
 * The 4 or 16 bytes of an IP address in text. A zone index (`%eth0`) is left out; an IPv4-mapped IPv6 address
 * gives the four bytes of the IPv4 one. Throws `WireError('malformed')` for a host name and everything else.
 */
export function addressBytes(text: string): Buffer {
  if (text.length > longestText) throw malformed(text);
  const zone = text.indexOf('%');
  const bare = zone < 0 ? text : text.slice(0, zone);
  const bytes = bare.includes(':') ? v6Bytes(bare) : v4Bytes(bare);
  if (bytes === undefined) throw malformed(text);
  return isMapped(bytes) ? bytes.subarray(12) : bytes;
}

/** One text for one address: dotted decimal, also for `::ffff:` forms; RFC 5952 for IPv6, without zone. */
export function canonicalAddress(text: string): string {
  return addressText(addressBytes(text));
}

/** The canonical text of 4 or 16 bytes. */
export function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return v4Text(bytes);
  if (isMapped(bytes)) return v4Text(bytes.subarray(12));
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(bytes.readUInt16BE(at));
  const { start, length } = longestZeroRun(groups);
  if (length < 2) return hexGroups(groups); // RFC 5952 4.2.2
  return `${hexGroups(groups.slice(0, start))}::${hexGroups(groups.slice(start + length))}`;
}

function v4Text(bytes: Buffer): string {
  return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
}

function hexGroups(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}

/** The first of the longest runs (RFC 5952 4.2.3). */
function longestZeroRun(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  groups.forEach((group, at) => {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: at - length + 1, length };
  });
  return best;
}

/** ::ffff:0:0/96, RFC 4291 2.5.5.2. */
function isMapped(bytes: Buffer): boolean {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return false;
  for (let at = 0; at < 10; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

function v4Bytes(text: string): Buffer | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = Buffer.alloc(4);
  for (const [at, part] of parts.entries()) {
    // No leading zero: some readers take such a part for octal.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[at] = Number(part);
  }
  return bytes;
}

function v6Bytes(text: string): Buffer | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = v6Groups(halves[0] ?? '');
  const tail = v6Groups(halves[1] ?? '');
  if (head === undefined || tail === undefined) return undefined;
  const gap = 8 - head.length - tail.length;
  if (halves.length === 2 ? gap < 1 : gap !== 0) return undefined;
  const bytes = Buffer.alloc(16);
  head.forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
  tail.forEach((group, index) => bytes.writeUInt16BE(group, (head.length + gap + index) * 2));
  return bytes;
}

function v6Groups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    // RFC 4291 2.2: the last 32 bits may be dotted.
    const dotted = index === parts.length - 1 ? v4Bytes(part) : undefined;
    if (dotted === undefined) return undefined;
    groups.push(dotted.readUInt16BE(0), dotted.readUInt16BE(2));
  }
  return groups;
}
