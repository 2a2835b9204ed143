import {
  choice,
  duration,
  host,
  type Infer,
  integer,
  limits,
  list,
  listen,
  optional,
  outgoing,
  path,
  port,
  section,
  size,
  text,
} from '../../core/config/schema.ts';

const relay = section({
  name: text({ about: 'The name of the stream here.', longest: 200 }),
  url: text({ about: 'rtmp://host[:port]/app/name of the other server, or rtmps://.', pattern: /^rtmps?:\/\/.+/ }),
});

/** The `rtmp` section of the configuration. */
export const rtmpConfig = section({
  listen: listen({ port: 1935, about: 'Where RTMP is taken.' }),
  secure: section(
    {
      host: host({ default: 'any', about: 'The address to listen on; "any" is every address of the host.' }),
      port: port({ default: 1936, about: 'The port of RTMPS.' }),
      certificate: optional(path({ about: 'PEM file with the certificate chain.' })),
      key: optional(path({ about: 'PEM file with the private key.' })),
    },
    'RTMPS; opened when certificate and key are named.',
  ),
  limits: limits({ handshake: '10s', idle: '60s' }),
  streamsPerConnection: integer({
    default: 16,
    minimum: 1,
    maximum: 256,
    about: 'Streams that one connection may publish or play at a time.',
  }),
  messageBytes: size({ default: '8MiB', maximum: '15MiB', about: 'Longest message that a publisher may send.' }),
  partialBytes: size({
    default: '16MiB',
    about: 'Memory that the unfinished messages of one publishing connection may take.',
  }),
  publishIdle: duration({
    default: '30s',
    minimum: '1s',
    about: 'How long a publisher may send no media before it is cut.',
  }),
  onConflict: choice(['refuse', 'replace'], {
    default: 'refuse',
    about: 'What happens when somebody publishes under a name that is live already.',
  }),
  gather: duration({
    default: '100ms',
    maximum: '500ms',
    about:
      "The longest time for which a publisher's bytes may wait to be read at once. It is only used up while many publish; 0 never waits.",
  }),
  merge: duration({
    default: '350ms',
    maximum: '5s',
    about:
      'The longest time for which media may be held back to be written at once. It is only used up when the process is busy; 0 never merges.',
  }),
  lowLatency: duration({
    default: '40ms',
    maximum: '1s',
    about: 'As merge, for players that ask for ?latency=low. A number there is their own limit in milliseconds.',
  }),
  push: list(relay, { about: 'Streams to hand on to other servers whenever they are live.', longest: 1_000 }),
  pull: list(relay, { about: 'Streams to fetch from other servers when somebody wants them.', longest: 1_000 }),
  client: section(
    outgoing({
      ports: '33001-34000',
      retryFirst: '1s',
      retryLongest: '30s',
      secureName: 'RTMPS',
      uri: 'rtmp://host/app/name',
    }),
    'Connections to other servers.',
  ),
});

export type RtmpConfig = Infer<typeof rtmpConfig>;
