import type { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import type { RtpPacket } from './packet.ts';

const oneByteProfile = 0xbede; // RFC 8285 4.2
const twoByteProfile = 0x1000; // RFC 8285 4.3: 0x100 and four bits for the application
/** Id 15 ends a one-byte extension, RFC 8285 4.2. */
const stopId = 15;

/** One element of a header extension. */
export type RtpExtension = {
  /** 1 to 14 in the one-byte form, 1 to 255 in the two-byte form; `a=extmap` names it. */
  readonly id: number;
  readonly value: Buffer;
};

/** The element with `id` as a view, or undefined. Malformed elements end the search; the packet stays valid (RFC 8285 4.1.2). */
export function findExtension(packet: RtpPacket, id: number): Buffer | undefined {
  const at = locate(packet, id);
  return at < 0 ? undefined : valueAt(packet, at);
}

/** The first `length` bytes of the element with `id` as an unsigned number; undefined without them. Allocates nothing. */
export function findExtensionNumber(packet: RtpPacket, id: number, length: 1 | 2 | 3 | 4): number | undefined {
  const at = locate(packet, id);
  if (at < 0 || lengthAt(packet, at) < length) return undefined;
  return packet.bytes.readUIntBE(at + elementHeader(packet), length);
}

/** All elements in order, as views. For signalling and tests; the path of a packet looks for the few ids that it knows. */
export function listExtensions(packet: RtpPacket): RtpExtension[] {
  const found: RtpExtension[] = [];
  for (let at = elementFrom(packet, packet.extensionStart); at >= 0; at = elementAfter(packet, at)) {
    found.push({ id: idAt(packet, at), value: valueAt(packet, at) });
  }
  return found;
}

/** Offset of the element with `id`, or -1. */
function locate(packet: RtpPacket, id: number): number {
  let at = elementFrom(packet, packet.extensionStart);
  while (at >= 0 && idAt(packet, at) !== id) at = elementAfter(packet, at);
  return at;
}

/** Offset of the first whole element from `from` on, or -1 where there is none or the rest is malformed. */
function elementFrom(packet: RtpPacket, from: number): number {
  const { extensionProfile: profile, extensionEnd: end } = packet;
  const oneByte = profile === oneByteProfile;
  if (!oneByte && !isTwoByte(profile)) return -1;
  let at = from;
  while (at < end && packet.bytes[at] === 0) at += 1; // padding, RFC 8285 4.2 and 4.3
  if (at + elementHeader(packet) > end) return -1;
  if (oneByte) {
    const id = idAt(packet, at);
    if (id === 0 || id === stopId) return -1; // RFC 8285 4.2: processing ends here
  }
  return at + elementHeader(packet) + lengthAt(packet, at) > end ? -1 : at;
}

function elementAfter(packet: RtpPacket, at: number): number {
  return elementFrom(packet, at + elementHeader(packet) + lengthAt(packet, at));
}

function isTwoByte(profile: number): boolean {
  return profile >> 4 === twoByteProfile >> 4;
}

function elementHeader(packet: RtpPacket): number {
  return packet.extensionProfile === oneByteProfile ? 1 : 2;
}

function idAt(packet: RtpPacket, at: number): number {
  const first = packet.bytes[at] ?? 0;
  return packet.extensionProfile === oneByteProfile ? first >> 4 : first;
}

function lengthAt(packet: RtpPacket, at: number): number {
  if (packet.extensionProfile === oneByteProfile) return ((packet.bytes[at] ?? 0) & 0x0f) + 1;
  return packet.bytes[at + 1] ?? 0;
}

function valueAt(packet: RtpPacket, at: number): Buffer {
  const from = at + elementHeader(packet);
  return packet.bytes.subarray(from, from + lengthAt(packet, at));
}

/** Bytes that `writeExtensions` needs for `extensions`, the four of the extension's header included; 0 for none. */
export function extensionsLength(extensions: readonly RtpExtension[]): number {
  if (extensions.length === 0) return 0;
  const perElement = fitsOneByte(extensions) ? 1 : 2;
  let length = 0;
  for (const extension of extensions) length += perElement + extension.value.length;
  return 4 + Math.ceil(length / 4) * 4;
}

/**
 * Writes a header extension with `extensions` at `at`, behind the fixed header, and returns the offset behind it. The
 * one-byte form is chosen where every element fits it (RFC 8285 4.2: ids 1 to 14, 1 to 16 bytes), else the two-byte form.
 */
export function writeExtensions(target: Buffer, at: number, extensions: readonly RtpExtension[]): number {
  const end = at + extensionsLength(extensions);
  if (end === at) return at;
  if (end > target.length) throw new WireError('too-large', 'rtp', 'a header extension that does not fit');
  const oneByte = fitsOneByte(extensions);
  target.writeUInt16BE(oneByte ? oneByteProfile : twoByteProfile, at);
  target.writeUInt16BE((end - at) / 4 - 1, at + 2);
  let next = at + 4;
  for (const { id, value } of extensions) {
    if (id < 1 || id > 255 || value.length > 255) throw new WireError('too-large', 'rtp', `header extension ${id}`);
    if (oneByte) {
      target[next] = (id << 4) | (value.length - 1);
      next += 1;
    } else {
      target[next] = id;
      target[next + 1] = value.length;
      next += 2;
    }
    next += value.copy(target, next);
  }
  target.fill(0, next, end);
  return end;
}

function fitsOneByte(extensions: readonly RtpExtension[]): boolean {
  for (const { id, value } of extensions) {
    if (id >= stopId || value.length === 0 || value.length > 16) return false;
  }
  return true;
}
