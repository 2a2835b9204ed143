import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { findAttribute, listAttributes } from './attributes.ts';
import type { SdpAttribute, SdpSection } from './description.ts';

export type CandidateType = 'host' | 'srflx' | 'prflx' | 'relay';

/** RFC 8839 5.1. */
export interface SdpCandidate {
  readonly foundation: string;
  /** 1 RTP, 2 RTCP. */
  readonly component: number;
  readonly transport: 'udp' | 'tcp';
  readonly priority: number;
  /** An address, or a name (`….local`, RFC 8828's mDNS). A stranger's word. */
  readonly address: string;
  readonly port: number;
  readonly type: CandidateType;
  readonly relatedAddress: string | undefined;
  readonly relatedPort: number | undefined;
  /** RFC 6544 4.5. */
  readonly tcpType: 'active' | 'passive' | 'so' | undefined;
  /** `generation`, `ufrag`, `network-id`, …, as they stood. */
  readonly extensions: ReadonlyMap<string, string>;
}

const mostCandidates = 128;
const candidateGrammar =
  /^(?:a=)?(?:candidate:)?([\w+/-]{1,32})\s+(\d{1,3})\s+(udp|tcp)\s+(\d{1,10})\s+([\w.:-]{1,255})\s+(\d{1,5})\s+typ\s+(host|srflx|prflx|relay)(?:\s+(\S.*))?$/is;

/** `a=candidate`. Those of transports and types that we don't know are passed over (RFC 8839 5.1). Throws WireError for more than 128. */
export function readCandidates(of: SdpSection): readonly SdpCandidate[] {
  const values = listAttributes(of, 'candidate');
  if (values.length > mostCandidates) throw new WireError('too-large', 'sdp', 'too many a=candidate');
  return values.map(findCandidate).filter((candidate) => candidate !== undefined);
}

/** One candidate, with or without `candidate:` before it, as it is trickled (RFC 8840). Throws WireError. */
export function readCandidate(text: string): SdpCandidate {
  const candidate = findCandidate(text);
  if (candidate === undefined) throw malformed('candidate');
  return candidate;
}

function findCandidate(text: string): SdpCandidate | undefined {
  const match = text.length > 1_024 ? null : candidateGrammar.exec(text.trim());
  if (match === null) return undefined;
  const [, foundation = '', component, transport = '', priority, address = '', port, type = '', rest = ''] = match;
  const extensions = new Map<string, string>();
  const words = rest.split(/\s+/, 64);
  for (let at = 0; at + 1 < words.length; at += 2) extensions.set(words[at] ?? '', words[at + 1] ?? '');
  const [relatedAddress, relatedPort, tcpType] = ['raddr', 'rport', 'tcptype'].map((name) => {
    const value = extensions.get(name);
    extensions.delete(name);
    return value;
  });
  if (Number(port) > 65_535 || Number(priority) > 0xff_ff_ff_ff || Number(component) > 256) return undefined;
  return {
    foundation,
    component: Number(component),
    transport: transport.toLowerCase() === 'tcp' ? 'tcp' : 'udp',
    priority: Number(priority),
    address,
    port: Number(port),
    type: type.toLowerCase() as CandidateType,
    relatedAddress,
    relatedPort: /^\d{1,5}$/.test(relatedPort ?? '') ? Number(relatedPort) : undefined,
    tcpType: tcpType === 'active' || tcpType === 'passive' || tcpType === 'so' ? tcpType : undefined,
    extensions,
  };
}

export function candidateAttribute(candidate: SdpCandidate): SdpAttribute {
  const { foundation, component, transport, priority, address, port, type } = candidate;
  const { relatedAddress, relatedPort, tcpType, extensions } = candidate;
  const parts = [foundation, component, transport, priority, address, port, 'typ', type];
  if (relatedAddress !== undefined) parts.push('raddr', relatedAddress);
  if (relatedPort !== undefined) parts.push('rport', relatedPort);
  if (tcpType !== undefined) parts.push('tcptype', tcpType);
  for (const [name, value] of extensions) parts.push(name, value);
  return { name: 'candidate', value: parts.join(' ') };
}

/** RFC 8839 5.4. */
export interface SdpIceCredentials {
  readonly ufrag: string;
  readonly password: string;
}

/** `a=ice-ufrag` and `a=ice-pwd`, of the medium, else of the session; undefined where neither has both. Throws WireError. */
export function readIceCredentials(media: SdpSection, session?: SdpSection): SdpIceCredentials | undefined {
  const ufrag = find('ice-ufrag', media, session);
  const password = find('ice-pwd', media, session);
  if (ufrag === undefined || password === undefined) return undefined;
  // RFC 8839 5.4: 4 to 256 and 22 to 256 of ice-char.
  if (!/^[A-Za-z0-9+/]{4,256}$/.test(ufrag)) throw malformed('ice-ufrag');
  if (!/^[A-Za-z0-9+/]{22,256}$/.test(password)) throw malformed('ice-pwd');
  return { ufrag, password };
}

export function iceCredentialAttributes({ ufrag, password }: SdpIceCredentials): readonly SdpAttribute[] {
  return [
    { name: 'ice-ufrag', value: ufrag },
    { name: 'ice-pwd', value: password },
  ];
}

/** RFC 8122 5. */
export interface SdpFingerprint {
  /** In small letters: `sha-256`, … */
  readonly hash: string;
  readonly value: Buffer;
}

/** `a=fingerprint`, of the medium, else of the session. Throws WireError. */
export function readFingerprints(media: SdpSection, session?: SdpSection): readonly SdpFingerprint[] {
  let values = listAttributes(media, 'fingerprint');
  if (values.length === 0 && session !== undefined) values = listAttributes(session, 'fingerprint');
  if (values.length > 16) throw new WireError('too-large', 'sdp', 'too many a=fingerprint');
  return values.map((value) => {
    const match = /^([\w-]{1,32})\s+([0-9a-f]{2}(?::[0-9a-f]{2}){0,63})$/i.exec(value);
    if (match === null) throw malformed('fingerprint');
    const [, hash = '', hex = ''] = match;
    return { hash: hash.toLowerCase(), value: Buffer.from(hex.replaceAll(':', ''), 'hex') };
  });
}

export function fingerprintAttribute({ hash, value }: SdpFingerprint): SdpAttribute {
  const pairs = value.toString('hex').toUpperCase().match(/../g) ?? [];
  return { name: 'fingerprint', value: `${hash} ${pairs.join(':')}` };
}

export type SdpSetup = 'active' | 'passive' | 'actpass' | 'holdconn';

/** `a=setup` (RFC 4145 4, RFC 8842 5.2), of the medium, else of the session. Throws WireError. */
export function readSetup(media: SdpSection, session?: SdpSection): SdpSetup | undefined {
  const value = find('setup', media, session)?.toLowerCase();
  if (value === undefined) return undefined;
  if (value !== 'active' && value !== 'passive' && value !== 'actpass' && value !== 'holdconn')
    throw malformed('setup');
  return value;
}

/** RFC 5888 5. */
export interface SdpGroup {
  /** `BUNDLE` (RFC 9143), `LS`, … */
  readonly semantics: string;
  readonly mids: readonly string[];
}

/** `a=group` of the session. Throws WireError. */
export function readGroups(session: SdpSection): readonly SdpGroup[] {
  const values = listAttributes(session, 'group');
  if (values.length > 32) throw new WireError('too-large', 'sdp', 'too many a=group');
  return values.map((value) => {
    const [semantics = '', ...mids] = value.split(/\s+/, 1_025);
    if (!/^[\w-]{1,32}$/.test(semantics)) throw malformed('group');
    return { semantics, mids };
  });
}

export function groupAttribute({ semantics, mids }: SdpGroup): SdpAttribute {
  return { name: 'group', value: [semantics, ...mids].join(' ') };
}

function find(name: string, media: SdpSection, session: SdpSection | undefined): string | undefined {
  return findAttribute(media, name) ?? (session === undefined ? undefined : findAttribute(session, name));
}

function malformed(name: string): WireError {
  return new WireError('malformed', 'sdp', `an a=${name} that is none`);
}
