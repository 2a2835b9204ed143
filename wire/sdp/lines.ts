import { WireError } from '../errors.ts';
import type { SdpAttribute, SdpBandwidth, SdpMedia, SdpOrigin, SdpTiming } from './description.ts';

const mostBandwidths = 8;

/** Gathers the lines that the session and a medium both may have. */
export class SectionReader {
  information: string | undefined;
  connection: string | undefined;
  readonly bandwidth: SdpBandwidth[] = [];
  readonly attributes: SdpAttribute[] = [];
  readonly #mostAttributes: number;

  constructor(mostAttributes: number) {
    this.#mostAttributes = mostAttributes;
  }

  /** False for a line of another kind. Throws WireError. */
  take(letter: string, value: string): boolean {
    if (letter === 'a') {
      if (this.attributes.length >= this.#mostAttributes)
        throw new WireError('too-large', 'sdp', 'too many attributes');
      this.attributes.push(readAttribute(value));
    } else if (letter === 'i') this.information ??= value;
    else if (letter === 'c') this.connection ??= readConnection(value);
    else if (letter === 'b') this.#takeBandwidth(value);
    else return false;
    return true;
  }

  /** RFC 8866 5.8. */
  #takeBandwidth(value: string): void {
    const match = /^([\w-]{1,32}):\s*(\d{1,12})$/.exec(value);
    if (match !== null && this.bandwidth.length < mostBandwidths)
      this.bandwidth.push({ type: match[1] ?? '', value: Number(match[2]) });
  }
}

/** The letter, and what stands behind `x=`. Some cameras write `x = value`. Throws WireError. */
export function readValue(line: string): readonly [letter: string, value: string] {
  const equals = line.indexOf('=');
  if (equals < 1 || line.slice(1, equals).trim() !== '') throw new WireError('malformed', 'sdp', 'a line that is none');
  return [line.charAt(0), line.slice(equals + 1).trim()];
}

/** RFC 8866 5.1. Throws WireError. */
export function checkVersion(line: string | undefined): void {
  if (line === undefined) throw new WireError('truncated', 'sdp', 'an empty description');
  const [letter, value] = readValue(line);
  if (letter !== 'v') throw new WireError('malformed', 'sdp', 'a description that does not begin with v=');
  if (value !== '0') throw new WireError('unsupported', 'sdp', 'a version other than 0');
}

/** RFC 8866 5.2. User names with spaces exist: the last five words count. Undefined where there are too few. */
export function readOrigin(value: string): SdpOrigin | undefined {
  const words = value.split(/\s+/);
  if (words.length < 6) return undefined;
  const [sessionId = '0', sessionVersion = '0', , , address = '0.0.0.0'] = words.slice(-5);
  return { username: words.slice(0, -5).join(' '), sessionId, sessionVersion, address };
}

/** RFC 8866 5.9. None where it is not understood. */
export function readTiming(value: string): readonly SdpTiming[] {
  const match = /^(\d{1,12})\s+(\d{1,12})$/.exec(value);
  return match === null ? [] : [{ start: Number(match[1]), stop: Number(match[2]) }];
}

/** RFC 8866 5.14. Throws WireError. */
export function readMediaLine(
  value: string,
  mostFormats: number,
): Pick<SdpMedia, 'kind' | 'port' | 'portCount' | 'protocol' | 'formats'> {
  const [kind = '', ports = '', protocol = '', ...formats] = value.split(/\s+/, mostFormats + 4);
  const port = /^(\d{1,5})(?:\/(\d{1,5}))?$/.exec(ports);
  if (port === null || protocol === '' || Number(port[1]) > 65_535)
    throw new WireError('malformed', 'sdp', 'an m= line that is none');
  if (formats.length > mostFormats) throw new WireError('too-large', 'sdp', 'too many formats');
  const portCount = port[2] === undefined ? undefined : Number(port[2]);
  return { kind, port: Number(port[1]), portCount, protocol, formats };
}

/** RFC 8866 5.7. */
function readConnection(value: string): string | undefined {
  return /^IN\s+IP[46]\s+(\S+)$/i.exec(value)?.[1];
}

/** RFC 8866 5.13. */
function readAttribute(text: string): SdpAttribute {
  const colon = text.indexOf(':');
  if (colon < 0) return { name: text, value: undefined };
  return { name: text.slice(0, colon).trim(), value: text.slice(colon + 1).trim() };
}
