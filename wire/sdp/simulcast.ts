import { WireError } from '../errors.ts';
import { findAttribute, listAttributes } from './attributes.ts';
import type { SdpAttribute, SdpSection } from './description.ts';

export type RidDirection = 'send' | 'recv';

/** One encoding of a medium, RFC 8851 4. */
export interface SdpRid {
  readonly id: string;
  readonly direction: RidDirection;
  /** Payload types that it may use; undefined for all. */
  readonly payloadTypes: readonly number[] | undefined;
  /** `max-width`, `max-fps`, … */
  readonly restrictions: ReadonlyMap<string, string>;
}

/** RFC 8853 5.1: streams in the order they are preferred; each a list of which one is to be used. */
export interface SdpSimulcast {
  readonly send: readonly (readonly SimulcastVersion[])[];
  readonly recv: readonly (readonly SimulcastVersion[])[];
}

export interface SimulcastVersion {
  readonly rid: string;
  /** Written with `~`: it begins paused. */
  readonly paused: boolean;
}

const mostRids = 64;

/** `a=rid`. Throws WireError. */
export function readRids(of: SdpSection): readonly SdpRid[] {
  const values = listAttributes(of, 'rid');
  if (values.length > mostRids) throw new WireError('too-large', 'sdp', 'too many a=rid');
  return values.map(readRid);
}

function readRid(value: string): SdpRid {
  // RFC 8851 10: letters, digits, "-" and "_"; the RTP extension has room for 255.
  const match = /^([\w-]{1,255})\s+(send|recv)(?:\s+(\S.*))?$/s.exec(value);
  if (match === null) throw malformed('rid');
  const restrictions = new Map<string, string>();
  for (const part of (match[3] ?? '').split(';', 32)) {
    const equals = part.indexOf('=');
    const key = (equals < 0 ? part : part.slice(0, equals)).trim();
    if (key !== '' && !restrictions.has(key)) restrictions.set(key, equals < 0 ? '' : part.slice(equals + 1).trim());
  }
  const types = restrictions.get('pt');
  restrictions.delete('pt');
  return {
    id: match[1] ?? '',
    direction: match[2] === 'send' ? 'send' : 'recv',
    payloadTypes: types === undefined ? undefined : types.split(',', 128).map(readPayloadType),
    restrictions,
  };
}

function readPayloadType(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) > 127) throw malformed('rid');
  return Number(text);
}

export function ridAttribute({ id, direction, payloadTypes, restrictions }: SdpRid): SdpAttribute {
  const parts = [...restrictions].map(([name, value]) => (value === '' ? name : `${name}=${value}`));
  if (payloadTypes !== undefined) parts.unshift(`pt=${payloadTypes.join(',')}`);
  return { name: 'rid', value: `${id} ${direction}${parts.length === 0 ? '' : ` ${parts.join(';')}`}` };
}

/** `a=simulcast`; undefined where there is none. Throws WireError. */
export function readSimulcast(of: SdpSection): SdpSimulcast | undefined {
  const value = findAttribute(of, 'simulcast');
  if (value === undefined) return undefined;
  const words = value.split(/\s+/, 5);
  const found: Record<RidDirection, readonly (readonly SimulcastVersion[])[]> = { send: [], recv: [] };
  for (let at = 0; at < words.length; at += 2) {
    const [direction, list] = [words[at], words[at + 1]];
    if ((direction !== 'send' && direction !== 'recv') || list === undefined || found[direction].length > 0)
      throw malformed('simulcast');
    found[direction] = list.split(';', mostRids).map((stream) => stream.split(',', mostRids).map(readVersion));
  }
  return found;
}

function readVersion(text: string): SimulcastVersion {
  const match = /^(~?)([\w-]{1,255})$/.exec(text);
  if (match === null) throw malformed('simulcast');
  return { rid: match[2] ?? '', paused: match[1] === '~' };
}

export function simulcastAttribute({ send, recv }: SdpSimulcast): SdpAttribute {
  const parts: string[] = [];
  if (send.length > 0) parts.push(`send ${writeStreams(send)}`);
  if (recv.length > 0) parts.push(`recv ${writeStreams(recv)}`);
  return { name: 'simulcast', value: parts.join(' ') };
}

function writeStreams(streams: readonly (readonly SimulcastVersion[])[]): string {
  return streams.map((versions) => versions.map(({ rid, paused }) => `${paused ? '~' : ''}${rid}`).join(',')).join(';');
}

function malformed(name: string): WireError {
  return new WireError('malformed', 'sdp', `an a=${name} that is none`);
}
