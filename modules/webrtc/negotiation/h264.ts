import type { H264Codec } from '../../../core/media/codecs/codec-descriptor.ts';
import type { SdpFormat } from '../../../wire/sdp/formats.ts';

/** What `profile-level-id` says. RFC 6184 8.1. */
export interface H264Level {
  /** profile_idc. */
  readonly profile: number;
  /** profile-iop: the constraint_set flags. */
  readonly constraints: number;
  /** level_idc. */
  readonly level: number;
}

/** RFC 6184 8.1: Baseline at level 1 where nothing is told. */
const unspecified: H264Level = { profile: 66, constraints: 0, level: 10 };
/** constraint_set1_flag: of Baseline, the constrained one. */
const constrained = 0x40;

export function h264LevelOf({ parameters }: Pick<SdpFormat, 'parameters'>): H264Level | undefined {
  const text = parameters.get('profile-level-id');
  if (text === undefined) return unspecified;
  if (!/^[0-9A-Fa-f]{6}$/.test(text)) return undefined;
  const value = Number.parseInt(text, 16);
  return { profile: value >> 16, constraints: (value >> 8) & 0xff, level: value & 0xff };
}

/** 0 where it is not told (RFC 6184 8.1): single NAL units, each in a packet of its own. */
export function packetizationModeOf({ parameters }: Pick<SdpFormat, 'parameters'>): number {
  return Number(parameters.get('packetization-mode') ?? 0);
}

/**
 * The level that we tell a publisher: nothing here is too large for us. RFC 6184 8.2.2: with level-asymmetry-allowed each
 * end tells its own.
 */
export function withOwnLevel(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const told = parameters.get('profile-level-id');
  if (told === undefined || parameters.get('level-asymmetry-allowed') !== '1') return parameters;
  return new Map(parameters).set('profile-level-id', `${told.slice(0, 4)}34`);
}

/** profile_idc of those whose decoders take all that stand before them, from Main on (ISO/IEC 14496-10 A.2). */
const nested = [77, 100, 110, 122, 244];

/** Every profile that a decoder of the listed one takes: Chromium lists High 4:4:4, which contains High. */
export function profilesDecodedBy(listed: number): readonly number[] {
  const place = nested.indexOf(listed);
  return place < 0 ? [listed] : nested.slice(0, place + 1);
}

/** How well a format of a viewer fits a stream: higher is better, undefined for not at all. */
export function rateH264(codec: H264Codec, format: SdpFormat, anyProfile: boolean): number | undefined {
  // Units larger than a packet are cut into fragments, which mode 0 has not (RFC 6184 6.2).
  if (packetizationModeOf(format) !== 1) return undefined;
  const offered = h264LevelOf(format);
  if (offered === undefined) return undefined;
  if (offered.profile === codec.profile) return ((offered.constraints ^ codec.constraints) & constrained) === 0 ? 4 : 3;
  // The nearest above it.
  if (profilesDecodedBy(offered.profile).includes(codec.profile)) return 2 - offered.profile / 1_000;
  return anyProfile ? offered.profile / 1_000 : undefined;
}
