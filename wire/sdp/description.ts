import { WireError } from '../errors.ts';
import { checkVersion, readMediaLine, readOrigin, readTiming, readValue, SectionReader } from './lines.ts';

/** `a=name` or `a=name:value`. A flag has no value; `a=name:` has an empty one. */
export interface SdpAttribute {
  readonly name: string;
  readonly value: string | undefined;
}

/** The `o=` line. Whether the address is IP4 or IP6 shows in itself. */
export interface SdpOrigin {
  readonly username: string;
  /** Digits, of up to 64 bits: a string, so that none are lost. */
  readonly sessionId: string;
  readonly sessionVersion: string;
  readonly address: string;
}

export interface SdpBandwidth {
  /** `AS`, `TIAS`, … */
  readonly type: string;
  readonly value: number;
}

/** A `t=` line: seconds since 1900, 0 for always. */
export interface SdpTiming {
  readonly start: number;
  readonly stop: number;
}

export interface SdpMedia {
  /** `audio`, `video`, `application`, … */
  readonly kind: string;
  /** 0 where the medium is refused, or the port is told elsewhere (RTSP). */
  readonly port: number;
  readonly portCount: number | undefined;
  /** `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, … */
  readonly protocol: string;
  /** What stands behind the protocol, as written: payload types, or other words. */
  readonly formats: readonly string[];
  /** The `i=` line. */
  readonly title: string | undefined;
  /** The address of the first `c=` line; may carry `/ttl` and `/count`. A stranger's word: media never goes there for it alone. */
  readonly connection: string | undefined;
  readonly bandwidth: readonly SdpBandwidth[];
  readonly attributes: readonly SdpAttribute[];
}

/** A session description, RFC 8866 5. */
export interface SdpDescription {
  readonly origin: SdpOrigin;
  /** The `s=` line; empty where it says nothing. */
  readonly name: string;
  /** The `i=` line. */
  readonly information: string | undefined;
  readonly connection: string | undefined;
  readonly bandwidth: readonly SdpBandwidth[];
  readonly timing: readonly SdpTiming[];
  readonly attributes: readonly SdpAttribute[];
  readonly media: readonly SdpMedia[];
}

/** Anything that has attributes: a description or one of its media. */
export interface SdpSection {
  readonly attributes: readonly SdpAttribute[];
}

/** RFC 8866 5, with the line ends of the standard. Line ends within a text become spaces: it must not begin a line of ours. */
export function writeSdp(description: SdpDescription): string {
  const { origin, name, information, timing, media } = description;
  const { username, sessionId, sessionVersion, address } = origin;
  const lines = [
    'v=0',
    `o=${username} ${sessionId} ${sessionVersion} IN ${familyOf(address)} ${address}`,
    `s=${name === '' ? '-' : name}`, // RFC 8866 5.3: a session without a name has "-"
  ];
  if (information !== undefined) lines.push(`i=${information}`);
  pushPlace(lines, description);
  // RFC 8866 5.9: there is at least one.
  for (const { start, stop } of timing.length === 0 ? [{ start: 0, stop: 0 }] : timing)
    lines.push(`t=${start} ${stop}`);
  pushAttributes(lines, description);
  for (const medium of media) {
    const count = medium.portCount === undefined ? '' : `/${medium.portCount}`;
    lines.push(`m=${[medium.kind, `${medium.port}${count}`, medium.protocol, ...medium.formats].join(' ')}`);
    if (medium.title !== undefined) lines.push(`i=${medium.title}`);
    pushPlace(lines, medium);
    pushAttributes(lines, medium);
  }
  return `${lines.map(clean).join('\r\n')}\r\n`;
}

function pushPlace(lines: string[], { connection, bandwidth }: Pick<SdpMedia, 'connection' | 'bandwidth'>): void {
  if (connection !== undefined) lines.push(`c=IN ${familyOf(connection)} ${connection}`);
  for (const { type, value } of bandwidth) lines.push(`b=${type}:${value}`);
}

function pushAttributes(lines: string[], { attributes }: SdpSection): void {
  for (const { name, value } of attributes) lines.push(value === undefined ? `a=${name}` : `a=${name}:${value}`);
}

/** RFC 8866 5.7. A name that stands for an address counts as IP4. */
function familyOf(address: string): 'IP4' | 'IP6' {
  return address.includes(':') ? 'IP6' : 'IP4';
}

function clean(line: string): string {
  return line.replace(/[\r\n\0]+/g, ' ');
}

/** How large a description may be. */
export interface SdpLimits {
  /** Characters. */
  readonly text: number;
  readonly lines: number;
  readonly media: number;
  /** Of the session, and of each medium. */
  readonly attributes: number;
  /** Of each medium. */
  readonly formats: number;
}

export const usualSdpLimits: SdpLimits = { text: 65_536, lines: 4_096, media: 64, attributes: 1_024, formats: 256 };

const mostTimings = 16;
const noOrigin: SdpOrigin = { username: '-', sessionId: '0', sessionVersion: '0', address: '0.0.0.0' };

/**
 * Reads a description. Strict in what decides (the first line, `m=`), lenient in what does not: any line end, lines in any order within
 * their section, missing `o=`, `s=` and `t=`, spaces around values; lines of other letters (`u e p r z k` and unknown ones) are passed over.
 * Throws WireError.
 */
export function readSdp(text: string, limits: Partial<SdpLimits> = {}): SdpDescription {
  const most = { ...usualSdpLimits, ...limits };
  const session = new SectionReader(most.attributes);
  const media: { readonly line: ReturnType<typeof readMediaLine>; readonly section: SectionReader }[] = [];
  const timing: SdpTiming[] = [];
  let origin: SdpOrigin | undefined;
  let name = '';
  let section = session;
  const [first, ...lines] = splitLines(text, most);
  checkVersion(first);
  for (const line of lines) {
    const [letter, value] = readValue(line);
    if (section.take(letter, value)) continue;
    if (letter === 'm') {
      if (media.length >= most.media) throw new WireError('too-large', 'sdp', `more than ${most.media} media`);
      section = new SectionReader(most.attributes);
      media.push({ line: readMediaLine(value, most.formats), section });
    } else if (section !== session) {
      continue; // The rest belongs to the session alone.
    } else if (letter === 'o') {
      origin ??= readOrigin(value);
    } else if (letter === 's') {
      name = value === '-' ? '' : value;
    } else if (letter === 't' && timing.length < mostTimings) {
      timing.push(...readTiming(value));
    }
  }
  const { information, connection, bandwidth, attributes } = session;
  return {
    origin: origin ?? noOrigin,
    name,
    information,
    connection,
    bandwidth,
    timing,
    attributes,
    media: media.map(({ line, section: { information: title, ...rest } }) => ({ ...line, title, ...rest })),
  };
}

/** The lines that are not empty. */
function splitLines(text: string, most: SdpLimits): readonly string[] {
  if (text.length > most.text) throw new WireError('too-large', 'sdp', 'a description of that length');
  if (text.includes('\0')) throw new WireError('malformed', 'sdp', 'a NUL'); // RFC 8866 9: byte-string has none
  const lines = text.split(/\r\n|\n|\r/, most.lines + 1);
  if (lines.length > most.lines) throw new WireError('too-large', 'sdp', 'too many lines');
  return lines.map((line) => line.trim()).filter((line) => line !== '');
}
