import type { MediaKind } from '../../core/streams/track.ts';
import { findAttribute } from '../../wire/sdp/attributes.ts';
import { readSdp, type SdpAttribute, type SdpMedia, writeSdp } from '../../wire/sdp/description.ts';
import { formatAttributes, readFormats } from '../../wire/sdp/formats.ts';
import type { RtpMedium } from '../rtp/contract.ts';
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

/** RTSP's descriptions are those of one camera or encoder. */
const limits = { media: 16, lines: 2_000 };
const longestName = 200;

/** RFC 8866, RFC 2326 C.1. `address` is ours, `id` rises with each description. */
export function writeDescription(
  media: readonly OfferedMedium[],
  about: { readonly name: string; readonly address: string; readonly id: number; readonly live?: boolean },
): string {
  const { address, id, name } = about;
  const range: readonly SdpAttribute[] = about.live === false ? [] : [{ name: 'range', value: 'npt=now-' }];
  return writeSdp({
    origin: { username: '-', sessionId: String(id), sessionVersion: '1', address },
    name,
    information: undefined,
    // RFC 2326 C.1.7: where media goes is told by SETUP.
    connection: address.includes(':') ? '::' : '0.0.0.0',
    bandwidth: [],
    timing: [{ start: 0, stop: 0 }],
    attributes: [{ name: 'tool', value: 'Switchyard' }, ...range, { name: 'control', value: '*' }],
    media: media.map(writeMedium),
  });
}

function writeMedium({ kind, track, format }: OfferedMedium): SdpMedia {
  return {
    kind,
    port: 0, // RFC 2326 C.1.2
    portCount: undefined,
    protocol: 'RTP/AVP',
    formats: [String(format.payloadType)],
    title: undefined,
    connection: undefined,
    bandwidth: [],
    attributes: [...formatAttributes({ ...format, feedback: [] }), { name: 'control', value: `trackID=${track}` }],
  };
}

/** Reads what a publisher announces or a server describes. Addresses in it are not looked at: media goes where RTSP says. Throws WireError. */
export function readDescription(text: string): Description {
  // The bytes are bounded where the message is read.
  const session = readSdp(text, { ...limits, text: text.length });
  return {
    name: session.name.slice(0, longestName),
    control: findAttribute(session, 'control'),
    media: session.media.flatMap(describe),
  };
}

function describe(media: SdpMedia): DescribedMedium[] {
  const [format] = readFormats(media);
  if (format === undefined || !isKind(media.kind)) return [];
  const { feedback, ...rest } = format;
  return [{ medium: { kind: media.kind, format: rest, feedback }, control: findAttribute(media, 'control') }];
}

function isKind(kind: string): kind is MediaKind {
  return kind === 'video' || kind === 'audio';
}
