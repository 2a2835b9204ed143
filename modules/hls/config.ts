import { duration, flag, type Infer, integer, limits, listen, section, size, tls } from '../../core/config/schema.ts';

/** The `hls` section of the configuration. */
export const hlsConfig = section(
  {
    listen: listen({ port: 8082, about: 'Where HTTP/1.1 is served.' }),
    secure: listen({ port: 8445, about: 'Where HTTP/2, and HTTP/1.1 for those who lack it, is served over TLS.' }),
    tls: tls(),
    limits: limits({ sessions: 10_000, perAddress: 2_000, handshake: '10s', idle: '15s' }),
    connections: section(
      {
        total: integer({ default: 20_000, minimum: 1, about: 'Connections at one time, on both ports together.' }),
        perAddress: integer({ default: 4_000, minimum: 1, about: 'Connections at one time from one address.' }),
        keepAlive: duration({ default: '30s', about: 'How long a connection without a request is kept.' }),
        response: duration({
          default: '30s',
          minimum: '1s',
          about: 'How long a player may take to read one answer before it is cut.',
        }),
      },
      'Bounds on connections.',
    ),
    segment: duration({
      default: '2s',
      minimum: '500ms',
      maximum: '30s',
      about: 'The length of segments aimed at; they are cut at the keyframe that comes nearest.',
    }),
    part: duration({
      default: '200ms',
      minimum: '50ms',
      maximum: '2s',
      about: 'The length of parts aimed at: what low-latency players load.',
    }),
    holdBack: duration({
      default: '800ms',
      about: 'How far behind the newest part players are told to stay; three parts at least.',
    }),
    listSize: integer({ default: 8, minimum: 3, maximum: 1_000, about: 'Finished segments in a playlist.' }),
    longestSegment: duration({
      default: '30s',
      minimum: '2s',
      about: 'A segment is cut here even without a keyframe; players can then not start there.',
    }),
    autoStart: flag({ default: false, about: 'Whether every stream is packaged at once, before anybody asks.' }),
    idle: duration({ default: '30s', about: 'How long packaging goes on after the last viewer left.' }),
    ended: duration({ default: '60s', about: 'How long the rest of a stream that ended can still be loaded.' }),
    startTimeout: duration({
      default: '15s',
      minimum: '1s',
      about: 'How long the first request of a stream waits for its first segment.',
    }),
    memory: section(
      {
        stream: size({ default: '64MiB', minimum: '1MiB', about: 'Media kept for one playlist.' }),
        total: size({ default: '1GiB', minimum: '1MiB', about: 'Media kept for all playlists together.' }),
      },
      'Media is kept in memory; the oldest goes first.',
    ),
    blocked: section(
      {
        stream: integer({ default: 10_000, minimum: 1, about: 'Requests that may wait for one playlist.' }),
        total: integer({ default: 20_000, minimum: 1, about: 'Requests that may wait in all.' }),
      },
      'Low-latency players ask for what is still to come; their requests wait.',
    ),
  },
  'HLS, with low latency by default.',
);
export type HlsConfig = Infer<typeof hlsConfig>;
