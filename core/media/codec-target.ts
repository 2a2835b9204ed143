import type { CodecDescriptor, CodecName } from './codecs/codec-descriptor.ts';

/** What a subscriber can take. An absent point means "any". */
export interface CodecTarget {
  readonly codec: CodecName;
  readonly width?: number;
  readonly height?: number;
  /** Bits a second. */
  readonly bitrate?: number;
  readonly frameRate?: number;
  /** Distance of keyframes in frames. */
  readonly keyframeInterval?: number;
  /** H.264 `profile_idc`s that are taken. */
  readonly profiles?: readonly number[];
  readonly noBFrames?: boolean;
  readonly sampleRate?: number;
  readonly channels?: number;
  /** How hard a transcoder works for quality, in its encoder's own word; no matter of what can be decoded. */
  readonly preset?: string;
}

/** Whether media in `codec` can go to a subscriber that asks for `target` as it is. A bit rate or key frame distance asked for is only met by a transcoder. */
export function satisfies(codec: CodecDescriptor, target: CodecTarget): boolean {
  if (codec.name !== target.codec) return false;
  if (target.bitrate !== undefined || target.keyframeInterval !== undefined) return false;
  if (codec.kind === 'audio') {
    return isAny(target.sampleRate, codec.sampleRate) && isAny(target.channels, codec.channels);
  }
  if (!isAny(target.width, codec.width) || !isAny(target.height, codec.height)) return false;
  if (target.frameRate !== undefined && !('frameRate' in codec && codec.frameRate === target.frameRate)) return false;
  if (codec.name !== 'h264') return true;
  if (target.noBFrames === true && codec.bFrames !== false) return false;
  return target.profiles === undefined || target.profiles.includes(codec.profile);
}

function isAny(wanted: number | undefined, actual: number): boolean {
  return wanted === undefined || wanted === actual;
}

/** The same for equal targets: renditions are shared by it. */
export function targetKey(target: CodecTarget): string {
  const { codec, ...points } = target;
  const parts = Object.entries(points)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${String(value)}`)
    .sort();
  return [codec, ...parts].join(' ');
}

/** Any form of these codecs, best first. */
export function accepting(...codecs: readonly CodecName[]): readonly CodecTarget[] {
  return codecs.map((codec) => ({ codec }));
}

const videoCodecs: readonly CodecName[] = ['h264', 'h265', 'vp8', 'vp9', 'av1', 'flv1', 'mpeg4', 'mpeg1'];
const audioCodecs: readonly CodecName[] = [
  'aac',
  'opus',
  'mp3',
  'pcmu',
  'pcma',
  'g722',
  'g729',
  'speex',
  'flac',
  'mp2',
];

/** Everything of a kind, as it is published. */
export function anyCodec(kind: 'video' | 'audio'): readonly CodecTarget[] {
  return accepting(...(kind === 'video' ? videoCodecs : audioCodecs));
}
