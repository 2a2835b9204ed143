import type { SdpAttribute, SdpMedia } from './description.ts';

/** A payload type and what it stands for. */
export interface SdpFormat {
  /** 0 to 127. */
  readonly payloadType: number;
  /** As written; names are compared without regard to case (RFC 8866 6.6). */
  readonly encoding: string;
  /** Ticks a second. */
  readonly clockRate: number;
  /** Of audio, where it is told. */
  readonly channels: number | undefined;
  /** Of `a=fmtp`; names in small letters. A parameter without a value (`0-15` of telephone-event) has an empty one. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Of `a=rtcp-fb`, those for every payload type among them: `nack`, `nack pli`, `transport-cc`, … (RFC 4585 4.2). */
  readonly feedback: readonly string[];
}

type Encoding = Pick<SdpFormat, 'encoding' | 'clockRate' | 'channels'>;

const mostParameters = 64;
const mostFeedback = 32;

function audio(encoding: string, clockRate: number, channels = 1): Encoding {
  return { encoding, clockRate, channels };
}

function video(encoding: string): Encoding {
  return { encoding, clockRate: 90_000, channels: undefined };
}

/** RFC 3551 6, tables 4 and 5: payload types that need no `a=rtpmap`. */
export const staticEncodings: ReadonlyMap<number, Encoding> = new Map([
  [0, audio('PCMU', 8_000)],
  [3, audio('GSM', 8_000)],
  [4, audio('G723', 8_000)],
  [5, audio('DVI4', 8_000)],
  [6, audio('DVI4', 16_000)],
  [7, audio('LPC', 8_000)],
  [8, audio('PCMA', 8_000)],
  [9, audio('G722', 8_000)],
  [10, audio('L16', 44_100, 2)],
  [11, audio('L16', 44_100)],
  [12, audio('QCELP', 8_000)],
  [13, audio('CN', 8_000)],
  [14, { encoding: 'MPA', clockRate: 90_000, channels: undefined }],
  [15, audio('G728', 8_000)],
  [16, audio('DVI4', 11_025)],
  [17, audio('DVI4', 22_050)],
  [18, audio('G729', 8_000)],
  [25, video('CelB')],
  [26, video('JPEG')],
  [28, video('nv')],
  [31, video('H261')],
  [32, video('MPV')],
  [33, video('MP2T')],
  [34, video('H263')],
]);

/** What the attributes say about payload types, found in one pass. */
interface Told {
  readonly encodings: Map<number, Encoding>;
  readonly parameters: Map<number, Map<string, string>>;
  readonly feedback: Map<number | '*', string[]>;
}

const nothing: ReadonlyMap<string, string> = new Map();

/** The formats of a medium in the order of its `m=` line, best first; words that are no payload type, and unknown ones, are passed over. */
export function readFormats(media: Pick<SdpMedia, 'formats' | 'attributes'>): readonly SdpFormat[] {
  const told = readTold(media.attributes);
  const seen = new Set<number>();
  const formats: SdpFormat[] = [];
  for (const word of media.formats) {
    const payloadType = /^\d{1,3}$/.test(word) ? Number(word) : 128;
    if (payloadType > 127 || seen.has(payloadType)) continue;
    seen.add(payloadType);
    const encoding = told.encodings.get(payloadType) ?? staticEncodings.get(payloadType);
    if (encoding === undefined) continue;
    const feedback = [...(told.feedback.get(payloadType) ?? []), ...(told.feedback.get('*') ?? [])];
    const parameters = told.parameters.get(payloadType) ?? nothing;
    formats.push({ payloadType, ...encoding, parameters, feedback: [...new Set(feedback)] });
  }
  return formats;
}

function readTold(attributes: readonly SdpAttribute[]): Told {
  const told: Told = { encodings: new Map(), parameters: new Map(), feedback: new Map() };
  for (const { name, value = '' } of attributes) {
    if (name !== 'rtpmap' && name !== 'fmtp' && name !== 'rtcp-fb') continue;
    const match = /^(\d{1,3}|\*)\s+(.*)$/s.exec(value);
    const which = match?.[1] === '*' ? '*' : Number(match?.[1] ?? 128);
    const rest = match?.[2] ?? '';
    if (name === 'rtcp-fb') addFeedback(told.feedback, which, rest);
    else if (which === '*' || which > 127) continue;
    else if (name === 'fmtp') addParameters(told.parameters, which, rest);
    else addEncoding(told.encodings, which, rest);
  }
  return told;
}

/** RFC 8866 6.6. The first that can be read counts. */
function addEncoding(encodings: Map<number, Encoding>, payloadType: number, text: string): void {
  const match = /^([^\s/]{1,40})\/(\d{1,7})(?:\/(\d{1,3}))?(?:\s|\/|$)/.exec(text);
  if (match === null || Number(match[2]) === 0 || encodings.has(payloadType)) return;
  const [, encoding = '', clockRate, channels] = match;
  encodings.set(payloadType, {
    encoding,
    clockRate: Number(clockRate),
    channels: channels === undefined ? undefined : Number(channels),
  });
}

/** RFC 8866 6.15. Several lines add up; of a name that stands twice the first counts. */
function addParameters(all: Map<number, Map<string, string>>, payloadType: number, text: string): void {
  const parameters = all.get(payloadType) ?? new Map<string, string>();
  all.set(payloadType, parameters);
  for (const part of text.split(';', mostParameters)) {
    if (parameters.size >= mostParameters) return;
    const equals = part.indexOf('=');
    const key = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (key !== '' && !parameters.has(key)) parameters.set(key, equals < 0 ? '' : part.slice(equals + 1).trim());
  }
}

/** RFC 4585 4.2. */
function addFeedback(all: Map<number | '*', string[]>, which: number | '*', text: string): void {
  if (which !== '*' && which > 127) return;
  const feedback = all.get(which) ?? [];
  all.set(which, feedback);
  const words = text.trim().replace(/\s+/g, ' ');
  if (words !== '' && feedback.length < mostFeedback) feedback.push(words);
}

/** `a=rtpmap`, `a=fmtp` where there are parameters, and `a=rtcp-fb`. */
export function formatAttributes(format: SdpFormat): readonly SdpAttribute[] {
  const { payloadType, encoding, clockRate, channels, parameters, feedback } = format;
  // RFC 8866 6.6: one channel need not be told. Where the type is static nobody expects it.
  const plain = channels === undefined || (channels === 1 && staticEncodings.has(payloadType));
  const attributes: SdpAttribute[] = [
    { name: 'rtpmap', value: `${payloadType} ${encoding}/${clockRate}${plain ? '' : `/${channels}`}` },
  ];
  if (parameters.size > 0) {
    const list = [...parameters].map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join(';');
    attributes.push({ name: 'fmtp', value: `${payloadType} ${list}` });
  }
  for (const words of feedback) attributes.push({ name: 'rtcp-fb', value: `${payloadType} ${words}` });
  return attributes;
}
