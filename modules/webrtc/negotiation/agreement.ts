import { SwitchyardError } from '../../../core/errors.ts';
import type { CodecDescriptor } from '../../../core/media/codecs/codec-descriptor.ts';
import type { MediaKind } from '../../../core/streams/track.ts';
import type { SdpFormat } from '../../../wire/sdp/formats.ts';
import { readExtensions, readSourceGroups, readSources } from '../../../wire/sdp/rtp-attributes.ts';
import { readRids, readSimulcast } from '../../../wire/sdp/simulcast.ts';
import type { PeerFormat, PeerMedium } from '../../rtp/contract.ts';
import { codecOf, type FitSettings, findRtx, formatsFor, type PeerCodec } from './codecs.ts';
import { packetizationModeOf } from './h264.ts';
import { asViolation, type Offer, type OfferedSection, violation } from './offer.ts';

/** A section that is taken, and as what. */
export interface AgreedSection {
  readonly section: OfferedSection;
  readonly medium: PeerMedium;
}

/** What this end understands in one direction. */
export interface Understanding {
  /** URIs of header extensions. */
  extensions(kind: MediaKind): readonly string[];
  /** Values of `a=rtcp-fb`. */
  feedback(kind: MediaKind): readonly string[];
  /** Whether video orientation is kept; without it publishers turn the picture themselves. */
  readonly orientation: boolean;
}

export interface PublishSettings {
  readonly stream: string;
  /** What a publisher may send, best first. */
  readonly codecs: readonly PeerCodec[];
  readonly understands: (kind: MediaKind, format: SdpFormat) => boolean;
}

const orientation = 'urn:3gpp:video-orientation';
const streamId = 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id';
/** RFC 8285 4.2: ids of one-byte headers. Longer ones are left out, so that every packet has the short form. */
const highestId = 14;
/** More layers than anybody sends. */
const mostLayers = 4;

/**
 * What a publisher may send: one video and one audio at most, each of them whole or not at all (RFC 9725 4.4.3). Throws
 * `codecs-do-not-match` and `protocol-violation`.
 */
export function agreeToPublish(offer: Offer, settings: PublishSettings, ours: Understanding): readonly AgreedSection[] {
  const agreed: AgreedSection[] = [];
  for (const section of offer.sections) {
    const { kind } = section;
    if (kind === 'other' || !section.isOpen) continue;
    if (section.direction !== 'sendonly' && section.direction !== 'sendrecv') continue;
    if (agreed.some(({ medium }) => medium.kind === kind)) throw violation(`a stream has one ${kind}; two are offered`);
    const formats = publishedFormats(kind, section.formats, settings);
    if (formats.length === 0) throw noCommonCodec(settings, section);
    agreed.push({ section, medium: asViolation(() => agree(section, kind, formats, ours, 'publish')) });
  }
  if (agreed.length === 0) throw noCommonCodec(settings);
  return agreed;
}

/** In the order of the configuration; of one codec in the offerer's, with what has fewer packets for nothing last. */
function publishedFormats(kind: MediaKind, formats: readonly SdpFormat[], settings: PublishSettings): SdpFormat[] {
  const { codecs, understands } = settings;
  const rank = (format: SdpFormat): number => {
    const name = codecOf(kind, format);
    const index = name === undefined ? -1 : codecs.indexOf(name);
    if (index < 0 || !understands(kind, format)) return -1;
    return 2 * index + (name === 'h264' && packetizationModeOf(format) === 0 ? 1 : 0);
  };
  return formats.filter((format) => rank(format) >= 0).sort((a, b) => rank(a) - rank(b));
}

/** A section that a viewer can be sent something in. */
export interface ViewerSection {
  readonly section: OfferedSection;
  readonly kind: MediaKind;
  /** Those of codecs that we know and can send, in the offerer's order. */
  readonly formats: readonly SdpFormat[];
}

/** The first section of each kind in which the offerer wants to receive. */
export function viewerSections(offer: Offer, sends: (kind: MediaKind, name: PeerCodec) => boolean): ViewerSection[] {
  const found: ViewerSection[] = [];
  for (const section of offer.sections) {
    const { kind } = section;
    if (kind === 'other' || !section.isOpen) continue;
    if (section.direction !== 'recvonly' && section.direction !== 'sendrecv') continue;
    if (found.some((other) => other.kind === kind)) continue;
    const formats = section.formats.filter((format) => {
      const name = codecOf(kind, format);
      if (name === undefined || !sends(kind, name)) return false;
      return name !== 'h264' || packetizationModeOf(format) === 1; // see rateH264
    });
    if (formats.length > 0) found.push({ section, kind, formats });
  }
  return found;
}

/**
 * What a viewer of `codec` is sent: the format that fits it best stands first, the others follow for a stream that changes
 * its codec. Undefined when none fits.
 */
export function agreeToPlay(
  viewer: ViewerSection,
  codec: CodecDescriptor,
  settings: FitSettings,
  ours: Understanding,
): AgreedSection | undefined {
  const fitting = formatsFor(codec, viewer.formats, settings);
  if (fitting.length === 0) return undefined;
  const formats = [...new Set([...fitting, ...viewer.formats])].map((format) => describing(format, codec));
  const { section, kind } = viewer;
  return { section, medium: asViolation(() => agree(section, kind, formats, ours, 'play')) };
}

/** RFC 7587 6.1: whether the source is stereo. */
function describing(format: SdpFormat, codec: CodecDescriptor): SdpFormat {
  if (codec.name !== 'opus' || codec.channels !== 2 || codecOf('audio', format) !== 'opus') return format;
  return { ...format, parameters: new Map(format.parameters).set('sprop-stereo', '1') };
}

function agree(
  section: OfferedSection,
  kind: MediaKind,
  formats: readonly SdpFormat[],
  ours: Understanding,
  direction: 'publish' | 'play',
): PeerMedium {
  const feedback = new Set(ours.feedback(kind));
  const extensions = agreedExtensions(section, kind, ours, direction);
  const publishes = direction === 'publish';
  return {
    kind,
    mid: section.mid,
    formats: formats.map(
      (format): PeerFormat => ({
        payloadType: format.payloadType,
        encoding: format.encoding,
        clockRate: format.clockRate,
        channels: format.channels,
        parameters: format.parameters,
        feedback: format.feedback.filter((value) => feedback.has(value)),
        rtx: findRtx(format, section.formats),
      }),
    ),
    extensions,
    rids: publishes && extensions.has(streamId) ? layersOf(section, formats) : [],
    sources: publishes ? sourcesOf(section) : [],
  };
}

function agreedExtensions(
  section: OfferedSection,
  kind: MediaKind,
  ours: Understanding,
  direction: 'publish' | 'play',
): ReadonlyMap<string, number> {
  const otherWay = direction === 'publish' ? 'recvonly' : 'sendonly';
  const known = new Set(ours.extensions(kind));
  if (!ours.orientation) known.delete(orientation);
  const agreed = new Map<string, number>();
  const taken = new Set<number>();
  for (const { id, uri, direction: way } of readExtensions(section.media)) {
    if (way === otherWay || way === 'inactive') continue; // RFC 8285 7
    if (!known.has(uri) || agreed.has(uri) || taken.has(id) || id > highestId) continue;
    agreed.set(uri, id);
    taken.add(id);
  }
  return agreed;
}

/** RFC 8853 5.3: the layers that are to be sent, of alternatives the first, as far as they may use an agreed format. */
function layersOf(section: OfferedSection, formats: readonly SdpFormat[]): readonly string[] {
  const rids = new Map(readRids(section.media).map((rid) => [rid.id, rid]));
  const layers: string[] = [];
  for (const [version] of readSimulcast(section.media)?.send ?? []) {
    const rid = version === undefined ? undefined : rids.get(version.rid);
    if (rid === undefined || rid.direction !== 'send' || layers.includes(rid.id)) continue;
    const usable = rid.payloadTypes?.some((type) => formats.some(({ payloadType }) => payloadType === type)) ?? true;
    if (usable && layers.length < mostLayers) layers.push(rid.id);
  }
  return layers;
}

function sourcesOf(section: OfferedSection): PeerMedium['sources'] {
  const repairs = new Map<number, number>();
  for (const { semantics, ssrcs } of readSourceGroups(section.media)) {
    const [ssrc, rtx] = ssrcs;
    if (semantics === 'FID' && ssrc !== undefined && rtx !== undefined) repairs.set(ssrc, rtx);
  }
  const repairing = new Set(repairs.values());
  return readSources(section.media)
    .filter(({ ssrc }) => !repairing.has(ssrc))
    .map(({ ssrc }) => ({ ssrc, rtx: repairs.get(ssrc) }));
}

function noCommonCodec(settings: PublishSettings, section?: OfferedSection): SwitchyardError {
  const offered = section?.formats.map(({ encoding }) => encoding) ?? [];
  return new SwitchyardError('codecs-do-not-match', {
    stream: settings.stream,
    wanted: settings.codecs.join(', '),
    published: [...new Set(offered)].slice(0, 12).join(', ') || 'no audio or video that the offer would send',
  });
}
