import type { MediaKind } from '../../core/streams/track.ts';
import { WireError } from '../../wire/errors.ts';
import type { RtpFormat, RtpMedium } from '../rtp/contract.ts';
import type { OfferedMedium } from './play-session.ts';

/** One `m=` section of a peer's description that we may take. */
export interface DescribedMedium {
  readonly medium: RtpMedium;
  /** `a=control`; undefined where the session has but one medium and no control. */
  readonly control: string | undefined;
}

export interface Description {
  readonly name: string;
  /** `a=control` of the session. */
  readonly control: string | undefined;
  readonly media: readonly DescribedMedium[];
}

const mostLines = 2_000;
const mostMedia = 16;
const longestLine = 16_384;

/** RFC 4566, RFC 2326 C.1. `address` is ours, `id` rises with each description. */
export function writeDescription(
  media: readonly OfferedMedium[],
  about: { readonly name: string; readonly address: string; readonly id: number; readonly live?: boolean },
): string {
  const family = about.address.includes(':') ? 'IP6' : 'IP4';
  const nowhere = family === 'IP6' ? '::' : '0.0.0.0';
  const lines = [
    'v=0',
    `o=- ${about.id} 1 IN ${family} ${about.address}`,
    `s=${about.name.replace(/[\r\n]/g, ' ')}`,
    `c=IN ${family} ${nowhere}`,
    't=0 0',
    'a=tool:Switchyard',
    ...(about.live === false ? [] : ['a=range:npt=now-']),
    'a=control:*',
  ];
  for (const { kind, track, format } of media) {
    const { payloadType, encoding, clockRate, channels, parameters } = format;
    lines.push(`m=${kind} 0 RTP/AVP ${payloadType}`);
    const suffix = channels === undefined || (channels === 1 && payloadType < 96) ? '' : `/${channels}`;
    lines.push(`a=rtpmap:${payloadType} ${encoding}/${clockRate}${suffix}`);
    if (parameters.size > 0) {
      const list = [...parameters].map(([name, value]) => `${name}=${value}`).join('; ');
      lines.push(`a=fmtp:${payloadType} ${list}`);
    }
    lines.push(`a=control:trackID=${track}`);
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** Static payload types: RFC 3551 6. */
const staticFormats: ReadonlyMap<number, Pick<RtpFormat, 'encoding' | 'clockRate' | 'channels'>> = new Map([
  [0, { encoding: 'PCMU', clockRate: 8_000, channels: 1 }],
  [8, { encoding: 'PCMA', clockRate: 8_000, channels: 1 }],
  [9, { encoding: 'G722', clockRate: 8_000, channels: 1 }],
  [14, { encoding: 'MPA', clockRate: 90_000, channels: undefined }],
  [18, { encoding: 'G729', clockRate: 8_000, channels: 1 }],
]);

interface Section {
  readonly kind: string;
  readonly payloadTypes: readonly number[];
  readonly attributes: (readonly [name: string, value: string])[];
}

/** Reads what a publisher announces or a server describes. Addresses in it are not looked at: media goes where RTSP says. Throws WireError. */
export function readDescription(text: string): Description {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.length > mostLines) throw new WireError('too-large', 'sdp', 'too many lines');
  const session: Section = { kind: '', payloadTypes: [], attributes: [] };
  const sections: Section[] = [];
  let name = '';
  let current = session;
  for (const line of lines) {
    if (line === '') continue;
    if (line.length > longestLine) throw new WireError('too-large', 'sdp', 'a line of that length');
    if (line[1] !== '=') throw new WireError('malformed', 'sdp', 'a line that is none');
    const value = line.slice(2);
    if (line[0] === 's') name = value.trim().slice(0, 200);
    if (line[0] === 'm') {
      if (sections.length >= mostMedia) throw new WireError('too-large', 'sdp', `more than ${mostMedia} media`);
      current = readSection(value);
      sections.push(current);
    }
    if (line[0] === 'a') current.attributes.push(readAttribute(value));
  }
  return { name, control: find(session, 'control'), media: sections.flatMap(describe) };
}

function readSection(value: string): Section {
  const [kind = '', port = '', , ...types] = value.split(/\s+/);
  if (!/^\d{1,5}(\/\d+)?$/.test(port)) throw new WireError('malformed', 'sdp', 'an m= line that is none');
  const payloadTypes = types.filter((type) => /^\d{1,3}$/.test(type)).map(Number);
  return { kind, payloadTypes: payloadTypes.filter((type) => type < 128), attributes: [] };
}

function readAttribute(value: string): readonly [string, string] {
  const colon = value.indexOf(':');
  return colon < 0 ? [value.trim(), ''] : [value.slice(0, colon).trim(), value.slice(colon + 1).trim()];
}

function find(section: Section, name: string): string | undefined {
  return section.attributes.find(([attribute]) => attribute === name)?.[1];
}

function describe(section: Section): DescribedMedium[] {
  const [payloadType] = section.payloadTypes;
  if (payloadType === undefined || !isKind(section.kind)) return [];
  const rtpmap = findFor(section, 'rtpmap', payloadType);
  const match = rtpmap === undefined ? null : /^([\w.-]{1,40})\/(\d{1,7})(?:\/(\d{1,3}))?/.exec(rtpmap);
  const told =
    match === null
      ? staticFormats.get(payloadType)
      : {
          encoding: match[1] ?? '',
          clockRate: Number(match[2]),
          channels: match[3] === undefined ? undefined : Number(match[3]),
        };
  if (told === undefined) return [];
  const format: RtpFormat = { payloadType, ...told, parameters: readParameters(findFor(section, 'fmtp', payloadType)) };
  const feedback = section.attributes
    .filter(([name]) => name === 'rtcp-fb')
    .map(([, value]) => /^(\d+|\*)\s+(.*)$/.exec(value))
    .filter((found) => found !== null && (found[1] === '*' || Number(found[1]) === payloadType))
    .map((found) => (found?.[2] ?? '').trim());
  return [{ medium: { kind: section.kind, format, feedback }, control: find(section, 'control') }];
}

function isKind(kind: string): kind is MediaKind {
  return kind === 'video' || kind === 'audio';
}

function findFor(section: Section, name: string, payloadType: number): string | undefined {
  for (const [attribute, value] of section.attributes) {
    if (attribute !== name) continue;
    const match = /^(\d{1,3})\s+(.*)$/.exec(value);
    if (match !== null && Number(match[1]) === payloadType) return match[2];
  }
  return undefined;
}

function readParameters(text: string | undefined): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  if (text === undefined) return parameters;
  for (const part of text.split(';').slice(0, 64)) {
    const equals = part.indexOf('=');
    const key = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (key !== '') parameters.set(key, equals < 0 ? '' : part.slice(equals + 1).trim());
  }
  return parameters;
}
