import { SwitchyardError } from '../../../core/errors.ts';
import { WireError } from '../../../wire/errors.ts';
import { findAttribute, hasAttribute, readDirection, type SdpDirection } from '../../../wire/sdp/attributes.ts';
import { readSdp, type SdpDescription, type SdpMedia } from '../../../wire/sdp/description.ts';
import { readFormats, type SdpFormat } from '../../../wire/sdp/formats.ts';
import { readFingerprints, readGroups, readIceCredentials, readSetup } from '../../../wire/sdp/transport-attributes.ts';
import type { RemotePeer } from '../../rtp/contract.ts';

/** One `m=` section of an offer. */
export interface OfferedSection {
  readonly media: SdpMedia;
  readonly kind: 'video' | 'audio' | 'other';
  /** Empty where the offer has none, which only an offer of one medium may do. */
  readonly mid: string;
  readonly direction: SdpDirection;
  /** Whether it can be taken at all: not refused by the offerer itself, and in the bundle where there is one. */
  readonly isOpen: boolean;
  readonly formats: readonly SdpFormat[];
}

export interface Offer {
  readonly description: SdpDescription;
  readonly sections: readonly OfferedSection[];
  /** The mids of the first BUNDLE group, in its order. */
  readonly bundle: readonly string[];
}

/** An offer of a browser has some twelve thousand characters. */
const limits = { text: 262_144, media: 32 };
const protocols = new Set(['UDP/TLS/RTP/SAVPF', 'UDP/TLS/RTP/SAVP', 'TCP/TLS/RTP/SAVPF', 'RTP/SAVPF', 'RTP/SAVP']);
/** RFC 5888 4: a token; bounded, since it goes into every packet. */
const midGrammar = /^[\w!#$%&'*+.^`{|}~-]{1,32}$/;

/**
 * Reads an offer. Throws `protocol-violation`, caused by a WireError when it is no SDP at all.
 */
export function readOffer(text: string): Offer {
  return asViolation(() => {
    const description = readSdp(text, limits);
    const bundle = readGroups(description).find(({ semantics }) => semantics === 'BUNDLE')?.mids;
    const sections = description.media.map((media) => readSection(media, description, bundle));
    checkMids(sections, bundle);
    checkTransports(sections, bundle);
    return { description, sections, bundle: bundle ?? [] };
  });
}

function readSection(media: SdpMedia, session: SdpDescription, bundle: readonly string[] | undefined): OfferedSection {
  const mid = findAttribute(media, 'mid') ?? '';
  // RFC 9143 6: port 0 with bundle-only does not refuse the medium.
  const isOffered = media.port !== 0 || hasAttribute(media, 'bundle-only');
  return {
    media,
    kind: media.kind === 'video' || media.kind === 'audio' ? media.kind : 'other',
    mid,
    direction: readDirection(media, session),
    isOpen: isOffered && (bundle === undefined || bundle.includes(mid)),
    formats: readFormats(media),
  };
}

/** RFC 5888 9.1, RFC 9143 7.1: each mid once, and groups name what is there. */
function checkMids(sections: readonly OfferedSection[], bundle: readonly string[] | undefined): void {
  const mids = new Set<string>();
  for (const { mid } of sections) {
    if (mid === '') continue;
    if (!midGrammar.test(mid)) throw violation('an a=mid that is no token');
    if (mids.has(mid)) throw violation(`the mid "${mid}" stands for two media`);
    mids.add(mid);
  }
  if (bundle === undefined) return;
  if (new Set(bundle).size !== bundle.length) throw violation('a BUNDLE group names a medium twice');
  for (const mid of bundle) if (!mids.has(mid)) throw violation('a BUNDLE group names a medium that is not there');
}

/** One transport for everything: BUNDLE, and RTCP on the port of RTP. */
function checkTransports(sections: readonly OfferedSection[], bundle: readonly string[] | undefined): void {
  const media = sections.filter(({ isOpen, kind }) => isOpen && kind !== 'other');
  if (bundle === undefined && media.length > 1) {
    throw violation('audio and video come on one transport here: the offer needs a=group:BUNDLE');
  }
  for (const { media: section } of media) {
    if (!protocols.has(section.protocol)) throw violation('media must be protected by DTLS (UDP/TLS/RTP/SAVPF)');
    if (!hasAttribute(section, 'rtcp-mux')) throw violation('RTCP comes on the port of RTP here: a=rtcp-mux is needed');
  }
}

/**
 * The other end's transport, as the first of the accepted sections tells it (RFC 9143 7.3.1: the offerer-tagged section).
 * Throws `protocol-violation`.
 */
export function readRemotePeer({ description }: Offer, { media }: OfferedSection): RemotePeer {
  return asViolation(() => {
    const credentials = readIceCredentials(media, description);
    if (credentials === undefined) throw violation('a=ice-ufrag and a=ice-pwd are needed');
    const fingerprints = readFingerprints(media, description);
    if (fingerprints.length === 0) throw violation('a=fingerprint is needed');
    const setup = readSetup(media, description) ?? 'actpass';
    if (setup === 'holdconn') throw violation('a=setup:holdconn opens no transport');
    return {
      ...credentials,
      fingerprints: fingerprints.map(({ hash, value }) => ({ hash, value: toPairs(value) })),
      setup,
    };
  });
}

function toPairs(value: Buffer): string {
  return (value.toString('hex').toUpperCase().match(/../g) ?? []).join(':');
}

/** The first accepted section in the order of the bundle, which carries the transport of all. */
export function taggedSection(offer: Offer, accepted: readonly OfferedSection[]): OfferedSection | undefined {
  for (const mid of offer.bundle) {
    const section = accepted.find((candidate) => candidate.mid === mid);
    if (section !== undefined) return section;
  }
  return accepted[0];
}

export function violation(what: string, cause?: unknown): SwitchyardError<'protocol-violation'> {
  return new SwitchyardError('protocol-violation', { protocol: 'WebRTC', what }, { cause });
}

/** What is no SDP breaks the protocol. */
export function asViolation<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof WireError ? violation(error.message, error) : error;
  }
}
