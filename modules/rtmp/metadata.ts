import type { CodecDescriptor, VideoCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import { cleanText } from '../../core/sessions/session-registry.ts';
import type { MediaKind } from '../../core/streams/track.ts';
import { AmfEcmaArray, type AmfValue, isAmfRecord } from '../../wire/amf/value.ts';
import { audioFourCc, soundFormat, videoCodecId, videoFourCc } from '../../wire/flv/codes.ts';

/** A plain value of a publisher's metadata. */
export type Fact = string | number | boolean;
export type Facts = Readonly<Record<string, Fact>>;

const mostFacts = 64;
const longestName = 64;
const longestText = 256;

/** Keeps what is plain of `onMetaData`, bounded; nested values are left out. */
export function readFacts(value: AmfValue): Facts {
  const facts: Record<string, Fact> = Object.create(null) as Record<string, Fact>;
  if (!isAmfRecord(value)) return facts;
  let count = 0;
  for (const [name, fact] of value) {
    if (count === mostFacts) break;
    if (typeof fact !== 'string' && typeof fact !== 'boolean' && typeof fact !== 'number') continue;
    if (typeof fact === 'number' && !Number.isFinite(fact)) continue;
    facts[cleanText(name, longestName)] = typeof fact === 'string' ? cleanText(fact, longestText) : fact;
    count += 1;
  }
  return facts;
}

/** Which media a publisher announces; undefined when its metadata says nothing of either. */
export function announcedKinds(facts: Facts): readonly MediaKind[] | undefined {
  const kinds: MediaKind[] = [];
  if (isSaid(facts['videocodecid']) || isSaid(facts['width'])) kinds.push('video');
  if (isSaid(facts['audiocodecid']) || isSaid(facts['audiosamplerate'])) kinds.push('audio');
  return kinds.length === 0 ? undefined : kinds;
}

/** Some encoders write 0 for what they don't send. */
function isSaid(fact: Fact | undefined): boolean {
  return fact !== undefined && fact !== 0 && fact !== '';
}

/** What the publisher's metadata may not say for us: it is true of the publisher's codecs, perhaps not of these. */
const ours = new Set([
  'width',
  'height',
  'framerate',
  'videocodecid',
  'videodatarate',
  'audiocodecid',
  'audiodatarate',
  'audiosamplerate',
  'audiosamplesize',
  'audiochannels',
  'stereo',
  'duration',
  'filesize',
]);

/** `onMetaData` for a player: what its tracks are, and the publisher's other facts. */
export function describeTracks(codecs: readonly CodecDescriptor[], told: Readonly<Record<string, unknown>>): AmfValue {
  const metadata = new AmfEcmaArray([['duration', 0]]);
  for (const codec of codecs) {
    if (codec.kind === 'video') {
      metadata.set('width', codec.width);
      metadata.set('height', codec.height);
      if ('frameRate' in codec && codec.frameRate !== undefined) metadata.set('framerate', codec.frameRate);
      const id = videoId(codec.name);
      if (id !== undefined) metadata.set('videocodecid', id);
    } else {
      metadata.set('audiosamplerate', codec.sampleRate);
      metadata.set('audiosamplesize', 16);
      metadata.set('audiochannels', codec.channels);
      metadata.set('stereo', codec.channels > 1);
      const id = audioId(codec.name);
      if (id !== undefined) metadata.set('audiocodecid', id);
    }
  }
  for (const [name, fact] of Object.entries(told)) {
    if (ours.has(name)) continue;
    if (typeof fact === 'string' || typeof fact === 'number' || typeof fact === 'boolean') metadata.set(name, fact);
  }
  metadata.set('server', 'Switchyard');
  return metadata;
}

function videoId(name: VideoCodecName): number | undefined {
  switch (name) {
    case 'h264':
      return videoCodecId.h264;
    case 'flv1':
      return videoCodecId['sorenson-h263'];
    case 'mpeg1':
    case 'mpeg4':
      return undefined;
    default:
      return videoFourCc[name];
  }
}

function audioId(name: Extract<CodecDescriptor, { kind: 'audio' }>['name']): number | undefined {
  switch (name) {
    case 'aac':
    case 'mp3':
    case 'speex':
    case 'pcmu':
    case 'pcma':
      return soundFormat[name];
    case 'opus':
    case 'flac':
      return audioFourCc[name];
    default:
      return undefined;
  }
}
