import type { SdpDescription, SdpMedia } from '../../../wire/sdp/description.ts';
import { readFormats, type SdpFormat } from '../../../wire/sdp/formats.ts';

/** A description in words: a line for the session and each medium, and one, set in, for each format. */
export function summarise({ origin, name, connection, bandwidth, timing, media }: SdpDescription): string[] {
  const { username, sessionId, sessionVersion, address } = origin;
  const first = [username, sessionId, sessionVersion, address, `"${name}"`, ...place({ connection, bandwidth })];
  for (const { start, stop } of timing) if (start !== 0 || stop !== 0) first.push(`t=${start}-${stop}`);
  return [first.join(' '), ...media.flatMap(summariseMedia)];
}

function summariseMedia(media: SdpMedia): string[] {
  const { kind, port, portCount, protocol } = media;
  const first = [kind, portCount === undefined ? `${port}` : `${port}/${portCount}`, protocol, ...place(media)];
  return [first.join(' '), ...readFormats(media).map(summariseFormat)];
}

function place({ connection, bandwidth }: Pick<SdpMedia, 'connection' | 'bandwidth'>): string[] {
  const words = connection === undefined ? [] : [`c=${connection}`];
  return [...words, ...bandwidth.map(({ type, value }) => `b=${type}:${value}`)];
}

function summariseFormat({ payloadType, encoding, clockRate, channels, parameters, feedback }: SdpFormat): string {
  const words = [` ${payloadType} ${encoding}/${clockRate}${channels === undefined ? '' : `/${channels}`}`];
  if (parameters.size > 0)
    words.push([...parameters].map(([key, value]) => (value === '' ? key : `${key}=${value}`)).join(';'));
  if (feedback.length > 0) words.push(`[${feedback.join('|')}]`);
  return words.join(' ');
}
