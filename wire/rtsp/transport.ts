import { WireError } from '../errors.ts';

/** One offer of a Transport header, RFC 2326 12.39. */
export interface TransportOffer {
  readonly protocol: 'tcp' | 'udp';
  readonly multicast: boolean;
  readonly secure: boolean;
  /** Channels of interleaved frames. */
  readonly interleaved: readonly [number, number] | undefined;
  readonly clientPort: readonly [number, number] | undefined;
  readonly serverPort: readonly [number, number] | undefined;
  readonly destination: string | undefined;
  readonly source: string | undefined;
  readonly mode: 'play' | 'record';
  readonly ssrc: number | undefined;
}

const mostOffers = 16;

/** The offers of a Transport header, best first; those of unknown profiles are passed over. Throws WireError. */
export function readTransports(header: string): readonly TransportOffer[] {
  if (header.length > 4_096) throw new WireError('too-large', 'rtsp', 'a Transport header of that length');
  return header
    .split(',', mostOffers)
    .map((offer) => readOffer(offer.trim()))
    .filter((offer) => offer !== undefined);
}

function readOffer(text: string): TransportOffer | undefined {
  const [profile = '', ...parts] = text.split(';');
  const match = /^RTP\/(S?AVPF?)(?:\/(TCP|UDP))?$/i.exec(profile.trim());
  if (match === null) return undefined;
  const parameters = new Map<string, string>();
  for (const part of parts.slice(0, 32)) {
    const equals = part.indexOf('=');
    const key = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    parameters.set(
      key,
      equals < 0
        ? ''
        : part
            .slice(equals + 1)
            .trim()
            .replace(/^"|"$/g, ''),
    );
  }
  return {
    protocol: match[2]?.toUpperCase() === 'TCP' ? 'tcp' : 'udp',
    multicast: parameters.has('multicast'),
    secure: /^S/i.test(match[1] ?? ''),
    interleaved: readPair(parameters.get('interleaved'), 255),
    clientPort: readPair(parameters.get('client_port'), 65_535),
    serverPort: readPair(parameters.get('server_port'), 65_535),
    destination: parameters.get('destination'),
    source: parameters.get('source'),
    mode: /record|receive/i.test(parameters.get('mode') ?? '') ? 'record' : 'play',
    ssrc: readHex(parameters.get('ssrc')),
  };
}

/** `a-b`, or `a`, which means the next as well. */
function readPair(text: string | undefined, most: number): readonly [number, number] | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text ?? '');
  if (match === null) return undefined;
  const first = Number(match[1]);
  const second = match[2] === undefined ? first + 1 : Number(match[2]);
  if (first > most || second > most)
    throw new WireError('malformed', 'rtsp', 'a Transport with numbers that cannot be');
  return [first, second];
}

function readHex(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : undefined;
}
