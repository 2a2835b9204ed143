import type { SdpAttribute, SdpMedia } from '../../../wire/sdp/description.ts';
import { writeSdp } from '../../../wire/sdp/description.ts';
import { formatAttributes } from '../../../wire/sdp/formats.ts';
import {
  extensionAttribute,
  readExtensions,
  sourceAttributes,
  sourceGroupAttribute,
} from '../../../wire/sdp/rtp-attributes.ts';
import { ridAttribute, simulcastAttribute } from '../../../wire/sdp/simulcast.ts';
import { groupAttribute, iceCredentialAttributes } from '../../../wire/sdp/transport-attributes.ts';
import type { LocalPeer, PeerFormat } from '../../rtp/contract.ts';
import type { AgreedSection } from './agreement.ts';
import { withOwnLevel } from './h264.ts';
import type { Offer, OfferedSection } from './offer.ts';

export interface AnswerSettings {
  readonly direction: 'publish' | 'play';
  readonly local: LocalPeer;
  /** Digits, for the `o=` line. */
  readonly sessionId: string;
  /** The stream id of `a=msid`, one for all tracks, and the cname. See `labelOf`. */
  readonly label: string;
  /** What a publisher may send of video at most, bits a second. */
  readonly mostVideo?: number | undefined;
  /** A viewer's sources. */
  readonly sourceOf?: (
    kind: 'video' | 'audio',
  ) => { readonly ssrc: number; readonly rtx: number | undefined } | undefined;
}

/** A label as `a=msid` and `a=ssrc` can carry it (RFC 8830 2: 1 to 64 token characters), never the "-" that means none. */
export function labelOf(text: string): string {
  const clean = text.replace(/[^\w.~!#$%&'*+^`{|}-]/g, '-').slice(0, 64);
  return /\w/.test(clean) ? clean : 'switchyard';
}

/** The answer to an offer: every section of it in its place (RFC 3264 6), taken or with port 0. */
export function writeAnswer(offer: Offer, agreed: readonly AgreedSection[], settings: AnswerSettings): string {
  const { local, sessionId } = settings;
  const media = offer.sections.map((section) => {
    const found = agreed.find((candidate) => candidate.section === section);
    return found === undefined ? refuse(section) : accept(found, settings);
  });
  const mids = offer.bundle.filter((mid) => agreed.some(({ section }) => section.mid === mid));
  return writeSdp({
    origin: { username: '-', sessionId, sessionVersion: '1', address: local.address },
    name: '',
    information: undefined,
    connection: undefined,
    bandwidth: [],
    timing: [{ start: 0, stop: 0 }],
    attributes: [
      flag('ice-lite'), // RFC 8839 5.3
      ...(mids.length === 0 ? [] : [groupAttribute({ semantics: 'BUNDLE', mids })]),
      { name: 'msid-semantic', value: ` WMS ${settings.direction === 'play' ? settings.label : '*'}` },
    ],
    media,
  });
}

/** RFC 3264 6: port 0, with the formats that were offered. */
function refuse({ media, mid }: OfferedSection): SdpMedia {
  return {
    ...place(media, 0, '0.0.0.0'),
    formats: media.formats,
    attributes: [...midAttribute(mid), flag('inactive')],
  };
}

function accept({ section, medium }: AgreedSection, settings: AnswerSettings): SdpMedia {
  const { local, direction, label, sourceOf } = settings;
  const { formats, kind } = medium;
  const publishes = direction === 'publish';
  const source = sourceOf?.(kind);
  const attributes: SdpAttribute[] = [
    ...local.candidates.map((value) => ({ name: 'candidate', value })),
    flag('end-of-candidates'), // RFC 8840 8.2: there are no more to come
    ...iceCredentialAttributes(local),
    { name: 'fingerprint', value: `${local.fingerprint.hash} ${local.fingerprint.value}` },
    { name: 'setup', value: local.setup },
    ...midAttribute(medium.mid),
    ...describeExtensions(section, medium.extensions),
    flag(publishes ? 'recvonly' : 'sendonly'),
    ...(publishes ? [] : [{ name: 'msid', value: `${label} ${label.slice(0, 58)}-${kind}` }]),
    flag('rtcp-mux'),
    ...(section.media.attributes.some(({ name }) => name === 'rtcp-rsize') ? [flag('rtcp-rsize')] : []),
    ...formats.flatMap((format) => describeFormat(format, publishes)),
    ...simulcastAttributes(medium.rids),
    ...(source === undefined ? [] : describeSource(source, label)),
  ];
  return {
    ...place(section.media, local.port, local.address),
    bandwidth: kind === 'video' && publishes ? boundsOf(settings.mostVideo) : [],
    formats: formats.flatMap(({ payloadType, rtx }) => [payloadType, ...(rtx === undefined ? [] : [rtx])]).map(String),
    attributes,
  };
}

/** RFC 8285 7: what one way alone has in the offer has the same way here, as this end sees it. */
function describeExtensions({ media }: OfferedSection, agreed: ReadonlyMap<string, number>): readonly SdpAttribute[] {
  const offered = readExtensions(media);
  return [...agreed].map(([uri, id]) => {
    const way = offered.find((extension) => extension.id === id && extension.uri === uri)?.direction;
    const direction = way === 'sendonly' ? 'recvonly' : way === 'recvonly' ? 'sendonly' : undefined;
    return extensionAttribute({ id, uri, direction, attributes: undefined });
  });
}

function place(
  { kind, protocol }: SdpMedia,
  port: number,
  connection: string,
): Omit<SdpMedia, 'formats' | 'attributes'> {
  return { kind, port, portCount: undefined, protocol, title: undefined, connection, bandwidth: [] };
}

/** RFC 3890 6.2, and its elder in kilobits that some know alone. */
function boundsOf(most: number | undefined): SdpMedia['bandwidth'] {
  if (most === undefined) return [];
  return [
    { type: 'AS', value: Math.ceil(most / 1_000) },
    { type: 'TIAS', value: most },
  ];
}

/** `a=fmtp` right behind its `a=rtpmap`: clients that edit answers look there. */
function describeFormat(format: PeerFormat, publishes: boolean): readonly SdpAttribute[] {
  const parameters = publishes ? receivingParameters(format) : format.parameters;
  const described = formatAttributes({ ...format, parameters });
  if (format.rtx === undefined) return described;
  const rtx = {
    payloadType: format.rtx,
    encoding: 'rtx',
    clockRate: format.clockRate,
    channels: undefined,
    parameters: new Map([['apt', String(format.payloadType)]]), // RFC 4588 8.6
    feedback: [],
  };
  return [...described, ...formatAttributes(rtx)];
}

/** What we tell a publisher of how it may send. */
function receivingParameters({ encoding, parameters }: PeerFormat): ReadonlyMap<string, string> {
  switch (encoding.toUpperCase()) {
    case 'H264':
      return withOwnLevel(withoutOffersOnly(parameters));
    case 'OPUS': {
      const told = withoutOffersOnly(parameters);
      // RFC 7587 6.1: who has stereo to send does so where the receiver says that it prefers it.
      return parameters.get('sprop-stereo') === '1' ? new Map(told).set('stereo', '1') : told;
    }
    default:
      return withoutOffersOnly(parameters);
  }
}

/** `sprop-…` tells of what its own side sends. */
function withoutOffersOnly(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...parameters].filter(([name]) => !name.startsWith('sprop-')));
}

/** RFC 8853 5.3.2: what was to be sent is received. */
function simulcastAttributes(rids: readonly string[]): readonly SdpAttribute[] {
  if (rids.length === 0) return [];
  return [
    ...rids.map((id) => ridAttribute({ id, direction: 'recv', payloadTypes: undefined, restrictions: new Map() })),
    simulcastAttribute({ send: [], recv: rids.map((rid) => [{ rid, paused: false }]) }),
  ];
}

function describeSource(
  { ssrc, rtx }: { readonly ssrc: number; readonly rtx: number | undefined },
  label: string,
): readonly SdpAttribute[] {
  const ssrcs = rtx === undefined ? [ssrc] : [ssrc, rtx];
  return [
    ...(rtx === undefined ? [] : [sourceGroupAttribute({ semantics: 'FID', ssrcs })]),
    ...ssrcs.flatMap((id) => sourceAttributes({ ssrc: id, attributes: new Map([['cname', label]]) })),
  ];
}

function midAttribute(mid: string): readonly SdpAttribute[] {
  return mid === '' ? [] : [{ name: 'mid', value: mid }];
}

function flag(name: string): SdpAttribute {
  return { name, value: undefined };
}
