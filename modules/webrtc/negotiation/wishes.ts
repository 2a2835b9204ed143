import type { CodecTarget } from '../../../core/media/codec-target.ts';
import type { CodecDescriptor } from '../../../core/media/codecs/codec-descriptor.ts';
import type { TrackWish } from '../../../core/streams/requests.ts';
import type { MediaKind } from '../../../core/streams/track.ts';
import type { ViewerSection } from './agreement.ts';
import { codecOf, type FitSettings, formatsFor, type PeerCodec, rateOf } from './codecs.ts';
import { h264LevelOf, profilesDecodedBy } from './h264.ts';

/** What a viewer asked the picture to be. Pixels, bits a second. */
export interface PictureWish {
  readonly width?: number;
  readonly height?: number;
  readonly bitrate?: number;
}

export interface WishSettings extends FitSettings {
  /** The order in which codecs are made where the stream's own will not do. */
  readonly codecs: readonly PeerCodec[];
  readonly picture: PictureWish;
  /** What the stream has now, as far as it is there. */
  readonly source: (kind: MediaKind) => CodecDescriptor | undefined;
  /** Whether a stream that does not say that it has no B-frames is taken for one without. */
  readonly trustFrames: boolean;
}

/** Profile_idc of Baseline: what every browser decodes, and renditions are shared in. */
const baseline = 66;

/** What a viewer's offer accepts, for the core to choose from. A kind that cannot be given is left out, not the stream. */
export function wishesOf(viewers: readonly ViewerSection[], settings: WishSettings): readonly TrackWish[] {
  return viewers.map((viewer) => ({
    kind: viewer.kind,
    accepts: acceptedTargets(viewer, settings),
    optional: viewer.kind === 'audio' && viewers.length > 1,
    // The media plane adapts to the way of each viewer.
    ...(viewer.kind === 'video' ? { layered: true } : {}),
  }));
}

function acceptedTargets(viewer: ViewerSection, settings: WishSettings): readonly CodecTarget[] {
  const source = settings.source(viewer.kind);
  const offered = new Set(viewer.formats.map((format) => codecOf(viewer.kind, format)));
  const ordered = settings.codecs.filter((name) => offered.has(name));
  // The stream's own first: where it has to be transcoded at all, the least is lost that way.
  const names = [
    ...ordered.filter((name) => name === source?.name),
    ...ordered.filter((name) => name !== source?.name),
  ];
  return names
    .filter((name) => name !== source?.name || isH264(name) || isMultichannel(source) || fits(viewer, source, settings))
    .flatMap((name) => targetsOf(name, viewer, settings, source));
}

function isH264(name: PeerCodec): boolean {
  return name === 'h264';
}

function isMultichannel(source: CodecDescriptor): boolean {
  return source.name === 'opus' && source.channels > 2;
}

/** A target has no word for profiles of VP9, AV1 and H.265: what does not fit is not offered. */
function fits(viewer: ViewerSection, source: CodecDescriptor, settings: WishSettings): boolean {
  return formatsFor(source, viewer.formats, settings).length > 0;
}

function targetsOf(
  name: PeerCodec,
  viewer: ViewerSection,
  settings: WishSettings,
  source: CodecDescriptor | undefined,
): readonly CodecTarget[] {
  const { picture } = settings;
  switch (name) {
    case 'h264':
      return h264Targets(viewer, settings);
    case 'opus':
      // Browsers know mono and stereo.
      return [{ codec: 'opus', ...(source !== undefined && isMultichannel(source) ? { channels: 2 } : {}) }];
    case 'g722':
    case 'pcmu':
    case 'pcma':
      return [{ codec: name, sampleRate: rateOf(name), channels: 1 }];
    default:
      return [{ codec: name, ...picture }];
  }
}

function h264Targets(viewer: ViewerSection, { anyProfile, picture, trustFrames }: WishSettings): CodecTarget[] {
  // Nothing in RTP tells a browser's jitter buffer about reordering: B-frames would show in the wrong order.
  const target: CodecTarget = { codec: 'h264', ...(trustFrames ? {} : { noBFrames: true }), ...picture };
  const listed = viewer.formats
    .filter((format) => codecOf('video', format) === 'h264')
    .flatMap((format) => profilesDecodedBy(h264LevelOf(format)?.profile ?? 0))
    .filter((profile) => profile !== 0);
  if (listed.length === 0) return [];
  const profiles = [...new Set(listed)];
  const others = profiles.filter((profile) => profile !== baseline);
  return [
    ...(profiles.includes(baseline) ? [{ ...target, profiles: [baseline] }] : []),
    ...(others.length > 0 ? [{ ...target, profiles: others }] : []),
    ...(anyProfile ? [target] : []),
  ];
}
