import {
  choice,
  duration,
  flag,
  type Infer,
  integer,
  list,
  optional,
  secret,
  section,
  text,
} from '../../core/config/schema.ts';
import { audioCodecNames, videoCodecNames } from './negotiation/codecs.ts';

/** The `webrtc` section of the configuration. */
export const webrtcConfig = section({
  codecs: section(
    {
      video: list(choice(videoCodecNames, { about: 'A video codec.' }), {
        default: [...videoCodecNames],
        about:
          'Video codecs of publishers, best first; the same order is that in which viewers get what has to be transcoded.',
      }),
      audio: list(choice(audioCodecNames, { about: 'An audio codec.' }), {
        default: [...audioCodecNames],
        about: 'The same for audio.',
      }),
    },
    'What is taken from publishers, and made for viewers.',
  ),
  unlistedProfiles: choice(['transcode', 'pass'], {
    default: 'transcode',
    about:
      'What a viewer gets of H.264 in a profile that it does not list: a rendition that it does, or the stream as it is, which most browsers decode all the same. Where nothing can transcode it is passed in any case.',
  }),
  onConflict: choice(['refuse', 'replace'], {
    default: 'refuse',
    about: 'What happens when somebody publishes under a name that is live already.',
  }),
  bitrate: section(
    {
      minimum: integer({ default: 30_000, about: 'What a way is believed to bear at least, bits a second.' }),
      maximum: optional(
        integer({ minimum: 30_000, about: 'What publishers may send at most, and viewers are sent, bits a second.' }),
      ),
    },
    'Bounds of the bandwidth, where the client names none.',
  ),
  mediaTimeout: duration({
    default: '60s',
    minimum: '1s',
    about: 'How long a connected publisher may send no media before it is cut.',
  }),
  whip: flag({ default: true, about: 'Whether publishing at /whip/NAME (RFC 9725) is served.' }),
  whep: flag({ default: true, about: 'Whether playing at /whep/NAME is served.' }),
  limits: section(
    {
      sessions: integer({ default: 10_000, minimum: 1, about: 'Sessions of WHIP and WHEP at one time.' }),
      perAddress: integer({ default: 1_000, minimum: 1, about: 'Sessions at one time from one address.' }),
    },
    'Bounds on what peers can use.',
  ),
  origins: list(
    text({
      pattern: /^(\*|https?:\/\/[A-Za-z0-9.[\]:-]+)$/,
      expected: 'an origin such as https://player.example, or *',
      about: 'Scheme, host and port of a web site.',
    }),
    {
      default: ['*'],
      about:
        'Web sites whose pages may publish and play by WHIP and WHEP; "*" is every site. No cookie admits anybody here, so a foreign page gains nothing that its user could not do.',
    },
  ),
  iceServers: list(
    section({
      url: text({
        pattern: /^(stuns?|turns?):[A-Za-z0-9.[\]:_-]+(\?transport=(udp|tcp))?$/,
        expected: 'a URL such as stun:stun.example or turn:turn.example?transport=udp',
        about: 'URL of a STUN or TURN server (RFC 7064, RFC 7065).',
      }),
      username: optional(
        text({ pattern: /^[\x21\x23-\x5b\x5d-\x7e]+$/, expected: 'a user name', about: 'User of a TURN server.' }),
      ),
      credential: optional(secret({ about: 'Password of a TURN server. Clients are told it.' })),
    }),
    { default: [], about: 'STUN and TURN servers that WHIP and WHEP clients are told in Link headers.' },
  ),
});

export type WebRtcConfig = Infer<typeof webrtcConfig>;
