import { duration, type Infer, integer, optional, section, text } from '../../core/config/schema.ts';

export const demoConfig = section({
  stream: text({
    default: 'live/demo',
    pattern: /^[\w-]+\/[\w-]+$/,
    expected: 'an application and a name, such as live/demo',
    about: 'The RTMP application and name to publish under.',
  }),
  url: optional(
    text({
      pattern: /^rtmp:\/\//,
      expected: 'an rtmp:// URL',
      about: "Where to publish in place of this server's own RTMP port.",
    }),
  ),
  ffmpeg: text({ default: 'ffmpeg', about: 'The ffmpeg program, a name or a path.' }),
  width: integer({ default: 1280, minimum: 64, maximum: 3840, about: 'Width of the picture.' }),
  height: integer({ default: 720, minimum: 64, maximum: 2160, about: 'Height of the picture.' }),
  frameRate: integer({
    default: 30,
    minimum: 1,
    maximum: 120,
    about: 'Pictures a second; there is one key frame a second.',
  }),
  videoBitrate: integer({ default: 2_000, minimum: 100, maximum: 50_000, about: 'Bit rate of the picture in kbit/s.' }),
  restartDelay: duration({
    default: '1s',
    minimum: '100ms',
    about: 'First pause before ffmpeg is started again; it doubles.',
  }),
  restartDelayMaximum: duration({
    default: '30s',
    minimum: '100ms',
    about: 'Longest pause before ffmpeg is started again.',
  }),
});
export type DemoConfig = Infer<typeof demoConfig>;
