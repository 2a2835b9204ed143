import {
  duration,
  flag,
  type Infer,
  integer,
  limits,
  list,
  listen,
  optional,
  section,
  size,
  text,
  tls,
} from '../../core/config/schema.ts';

/** The `websocket` section of the configuration. */
export const websocketConfig = section({
  listen: listen({ port: 8080, about: 'Where the WCS client protocol is taken over WebSocket.' }),
  secure: listen({ port: 8443, about: 'Where it is taken over TLS.' }),
  tls: tls(),
  origins: list(
    text({
      pattern: /^(\*|https?:\/\/[A-Za-z0-9.[\]:-]+)$/,
      expected: 'an origin such as https://player.example, or *',
      about: 'Scheme, host and port of a web site.',
    }),
    {
      default: ['*'],
      about:
        'Web sites whose pages may connect; "*" is every site. No cookie admits anybody here, so a foreign page gains nothing that its user could not do.',
    },
  ),
  limits: limits({ handshake: '10s', idle: '50s' }),
  message: size({ default: '256KiB', minimum: '4KiB', maximum: '256KiB', about: 'Largest message of a client.' }),
  messagesPerSecond: integer({
    default: 200,
    minimum: 10,
    maximum: 100_000,
    about: 'Messages of one connection in a second; ten times as many may come in a burst.',
  }),
  streamsPerSession: integer({
    default: 64,
    minimum: 1,
    maximum: 1_000,
    about: 'Streams that one session may publish and play at a time.',
  }),
  ping: duration({
    default: '5s',
    minimum: '100ms',
    maximum: '5s',
    about: 'How often clients are asked whether they are there; some give up after a longer silence.',
  }),
  keepAlive: duration({
    default: '30s',
    maximum: '10m',
    about: 'For how long the session of a client that asked for it outlives its connection; 0 never.',
  }),
  mediaTimeout: duration({
    default: '10s',
    minimum: '1s',
    maximum: '60s',
    about: 'How long a client may take to open the transport of its media.',
  }),
  merge: duration({
    default: '100ms',
    maximum: '1s',
    about:
      'The longest time for which media may be held back to be written at once. It is only used up when the process is busy; 0 never merges.',
  }),
  jsmpeg: section(
    {
      enabled: flag({
        default: true,
        about: 'Whether any stream can be viewed so; it is transcoded while somebody does.',
      }),
      width: integer({ default: 1_280, minimum: 16, maximum: 4_094, about: 'The picture fits into this.' }),
      height: integer({ default: 720, minimum: 16, maximum: 4_094, about: 'The picture fits into this.' }),
      fps: integer({ default: 30, minimum: 1, maximum: 60, about: 'Pictures a second at most.' }),
      bitrate: optional(
        integer({ minimum: 50, maximum: 100_000, about: 'kbit/s of the picture; absent: by its size and rate.' }),
      ),
    },
    'MPEG-1 and MP2 in MPEG-TS at /jsmpeg/NAME, for players that decode in JavaScript.',
  ),
  rooms: section(
    {
      maximum: integer({ default: 10_000, minimum: 1, about: 'Rooms at one time.' }),
      participants: integer({ default: 200, minimum: 2, maximum: 10_000, about: 'Participants of one room.' }),
    },
    'Rooms of the room API.',
  ),
  clientMetrics: section(
    {
      collect: flag({ default: false, about: 'Whether clients are asked for metrics of their peer connections.' }),
      sampling: duration({ default: '5s', minimum: '1s', maximum: '10m', about: 'How often a client measures.' }),
      batch: integer({ default: 6, minimum: 1, maximum: 100, about: 'Samples that a client sends at once.' }),
    },
    'Metrics that clients measure.',
  ),
});

export type WebSocketConfig = Infer<typeof websocketConfig>;
