import { WireError } from '../errors.ts';
import { listAttributes, type SdpDirection } from './attributes.ts';
import type { SdpAttribute, SdpSection } from './description.ts';

/** A header extension, RFC 8285 8. */
export interface SdpExtension {
  /** 1 to 255 in packets; 4096 to 4351 stand for choices yet to be made (RFC 8285 7). */
  readonly id: number;
  readonly direction: SdpDirection | undefined;
  readonly uri: string;
  readonly attributes: string | undefined;
}

/** `a=extmap`. Throws WireError for a line that is none, and for more than 256. */
export function readExtensions(of: SdpSection): readonly SdpExtension[] {
  return bounded(listAttributes(of, 'extmap'), 'extmap').map((value) => {
    const match = /^(\d{1,4})(?:\/(sendrecv|sendonly|recvonly|inactive))?\s+(\S+)(?:\s+(.*))?$/s.exec(value);
    const id = Number(match?.[1]);
    if (match === null || !((id >= 1 && id <= 255) || (id >= 4_096 && id <= 4_351))) throw malformed('extmap');
    return { id, direction: match[2] as SdpDirection | undefined, uri: match[3] ?? '', attributes: match[4] };
  });
}

export function extensionAttribute({ id, direction, uri, attributes }: SdpExtension): SdpAttribute {
  const way = direction === undefined ? '' : `/${direction}`;
  return { name: 'extmap', value: `${id}${way} ${uri}${attributes === undefined ? '' : ` ${attributes}`}` };
}

/** What one source says of itself, RFC 5576 4.1: `cname`, `msid`, … */
export interface SdpSource {
  readonly ssrc: number;
  readonly attributes: ReadonlyMap<string, string>;
}

/** `a=ssrc`, the lines of a source joined. Throws WireError. */
export function readSources(of: SdpSection): readonly SdpSource[] {
  const sources = new Map<number, Map<string, string>>();
  for (const value of bounded(listAttributes(of, 'ssrc'), 'ssrc')) {
    const match = /^(\d{1,10})(?:\s+([^\s:]+)(?::(.*))?)?$/s.exec(value);
    if (match === null) throw malformed('ssrc');
    const ssrc = readSsrc(match[1] ?? '');
    const attributes = sources.get(ssrc) ?? new Map<string, string>();
    sources.set(ssrc, attributes);
    if (match[2] !== undefined && !attributes.has(match[2])) attributes.set(match[2], match[3] ?? '');
  }
  return [...sources].map(([ssrc, attributes]) => ({ ssrc, attributes }));
}

export function sourceAttributes({ ssrc, attributes }: SdpSource): readonly SdpAttribute[] {
  if (attributes.size === 0) return [{ name: 'ssrc', value: String(ssrc) }];
  return [...attributes].map(([name, value]) => ({
    name: 'ssrc',
    value: value === '' ? `${ssrc} ${name}` : `${ssrc} ${name}:${value}`,
  }));
}

/** RFC 5576 4.2. */
export interface SdpSourceGroup {
  /** `FID`: a stream and its retransmissions (RFC 4588); `SIM`, `FEC-FR`, … */
  readonly semantics: string;
  readonly ssrcs: readonly number[];
}

/** `a=ssrc-group`. Throws WireError. */
export function readSourceGroups(of: SdpSection): readonly SdpSourceGroup[] {
  return bounded(listAttributes(of, 'ssrc-group'), 'ssrc-group').map((value) => {
    const [semantics = '', ...ssrcs] = value.split(/\s+/, 65);
    if (semantics === '' || ssrcs.length === 0) throw malformed('ssrc-group');
    return { semantics, ssrcs: ssrcs.map(readSsrc) };
  });
}

export function sourceGroupAttribute({ semantics, ssrcs }: SdpSourceGroup): SdpAttribute {
  return { name: 'ssrc-group', value: `${semantics} ${ssrcs.join(' ')}` };
}

function readSsrc(text: string): number {
  const ssrc = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(ssrc <= 0xff_ff_ff_ff)) throw malformed('ssrc');
  return ssrc;
}

/** RFC 8830 2. */
export interface SdpStreamIdentity {
  /** `-` for a track that belongs to no stream. */
  readonly stream: string;
  readonly track: string | undefined;
}

/** `a=msid`. Throws WireError. */
export function readStreamIdentities(of: SdpSection): readonly SdpStreamIdentity[] {
  return bounded(listAttributes(of, 'msid'), 'msid').map((value) => {
    const match = /^(\S{1,256})(?:\s+(\S{1,256}))?$/.exec(value);
    if (match === null) throw malformed('msid');
    return { stream: match[1] ?? '', track: match[2] };
  });
}

const mostOfAKind = 256;

/** So that what is made of them stays small. */
function bounded(values: readonly string[], name: string): readonly string[] {
  if (values.length > mostOfAKind) throw new WireError('too-large', 'sdp', `too many a=${name}`);
  return values;
}

function malformed(name: string): WireError {
  return new WireError('malformed', 'sdp', `an a=${name} that is none`);
}
