import { type Reading, reading } from '../core/config/field.ts';
import {
  choice,
  duration,
  type Field,
  type Infer,
  integer,
  optional,
  record,
  section,
  text,
} from '../core/config/schema.ts';
import type { PictureProfile, RenditionProfile, SoundProfile } from '../core/renditions/profile.ts';
import { canMakeAudio } from './audio/audio-plan.ts';

const presets = ['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium'] as const;

const picture = section(
  {
    codec: optional(choice(['h264', 'h265', 'vp8', 'vp9', 'av1'], { about: 'Absent: what the viewer takes.' })),
    width: optional(integer({ minimum: 16, maximum: 7_680, about: 'The picture fits into this; never made larger.' })),
    height: optional(integer({ minimum: 16, maximum: 4_320, about: 'The picture fits into this; never made larger.' })),
    bitrate: optional(integer({ minimum: 20, maximum: 100_000, about: 'kbit/s.' })),
    fps: optional(integer({ minimum: 1, maximum: 120, about: 'Pictures a second at most.' })),
    gop: optional(
      integer({
        minimum: 1,
        maximum: 600,
        about: 'Pictures from keyframe to keyframe; absent: as the source has them.',
      }),
    ),
    profile: optional(choice(['baseline', 'main', 'high'], { about: 'Of H.264.' })),
    preset: optional(choice(presets, { about: 'How hard libx264 works for quality.' })),
  },
  'The picture; without this section there is none.',
);

const sound = section(
  {
    codec: optional(
      choice(['aac', 'opus', 'mp3', 'pcmu', 'pcma', 'g722', 'speex'], { about: 'Absent: what the viewer takes.' }),
    ),
    bitrate: optional(integer({ minimum: 6, maximum: 512, about: 'kbit/s.' })),
    rate: optional(integer({ minimum: 8_000, maximum: 48_000, about: 'Samples a second.' })),
    channels: optional(integer({ minimum: 1, maximum: 2, about: '1 or 2.' })),
  },
  'The sound; with a picture and without this section it is as the viewer takes it.',
);

type Picture = Infer<typeof picture>;
type Sound = Infer<typeof sound>;

const profileSection = section({ video: optional(picture), audio: optional(sound) });

const h264Profiles = { baseline: 66, main: 77, high: 100 } as const;

/** Profiles by their suffix; what makes no sense is refused while the configuration is read. */
function profiles(): Field<ReadonlyMap<string, RenditionProfile>> {
  const sections = record(profileSection, {
    longest: 64,
    about: 'Forms of any stream by the suffix that asks for them: "-720p" is played as NAME-720p.',
  });
  const how = sections[reading];
  const checked: typeof how.read = (raw, place) => {
    const read = how.read(raw, place);
    for (const [suffix, { video, audio }] of read) {
      const fault = findFault(suffix, video, audio);
      if (fault !== undefined) place.at(suffix).refuse(fault);
    }
    return read;
  };
  const read: Reading<ReadonlyMap<string, RenditionProfile>>['read'] = (raw, place) =>
    new Map([...checked(raw, place)].map(([suffix, { video, audio }]) => [suffix, profileOf(video, audio)]));
  return Object.assign({ ...sections }, { [reading]: { ...how, read } }) as unknown as Field<
    ReadonlyMap<string, RenditionProfile>
  >;
}

function findFault(suffix: string, video: Picture | undefined, audio: Sound | undefined): string | undefined {
  if (!/^-[\w-]{1,30}$/.test(suffix)) return 'a profile is named by a suffix such as "-720p"';
  if (video === undefined && audio === undefined) return 'a profile has a video or an audio section, or both';
  if (video?.profile !== undefined && (video.codec ?? 'h264') !== 'h264') return `${video.codec} has no such profile`;
  if (video?.preset !== undefined && (video.codec ?? 'h264') !== 'h264') return `${video.codec} has no presets`;
  if (audio === undefined) return undefined;
  const { codec, rate: sampleRate, channels } = audio;
  if (codec === undefined) return undefined;
  const target = {
    codec,
    ...(sampleRate === undefined ? {} : { sampleRate }),
    ...(channels === undefined ? {} : { channels }),
  };
  return canMakeAudio(target) ? undefined : `${codec} has no such rate or number of channels`;
}

function profileOf(video: Picture | undefined, audio: Sound | undefined): RenditionProfile {
  return {
    ...(video === undefined ? {} : { video: pictureProfile(video) }),
    ...(audio === undefined ? {} : { audio: soundProfile(audio) }),
  };
}

function pictureProfile({ bitrate, fps, gop, profile, ...same }: Picture): PictureProfile {
  return {
    ...same,
    ...(bitrate === undefined ? {} : { bitrate: bitrate * 1_000 }),
    ...(fps === undefined ? {} : { frameRate: fps }),
    ...(gop === undefined ? {} : { keyframeInterval: gop }),
    ...(profile === undefined ? {} : { profile: h264Profiles[profile] }),
  };
}

function soundProfile({ bitrate, rate, ...same }: Sound): SoundProfile {
  return {
    ...same,
    ...(bitrate === undefined ? {} : { bitrate: bitrate * 1_000 }),
    ...(rate === undefined ? {} : { sampleRate: rate }),
  };
}

/** The `transcoding` section of the configuration. */
export const transcodingConfig = section({
  ffmpeg: text({ default: 'ffmpeg', about: 'The ffmpeg program, a name or a path; 5.1 or newer.' }),
  nice: integer({ default: 5, minimum: 0, maximum: 19, about: 'How far its processes stand back behind the server.' }),
  threads: integer({
    default: 2,
    minimum: 1,
    maximum: 64,
    about: 'Threads of one process, to decode and to encode each.',
  }),
  hardware: choice(['none', 'nvenc', 'vaapi', 'qsv'], {
    default: 'none',
    about: 'What video is encoded with, where ffmpeg and the host have it.',
  }),
  preset: optional(choice(presets, { about: 'How hard libx264 works for quality; superfast when not told.' })),
  grace: duration({ default: '2s', minimum: '100ms', about: 'How long a process may take to end.' }),
  stallTimeout: duration({
    default: '10s',
    minimum: '1s',
    about: 'How long a process may take in media and give none before it is ended.',
  }),
  profiles: profiles(),
});
export type TranscodingConfig = Infer<typeof transcodingConfig>;
