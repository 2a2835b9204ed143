import {
  duration,
  flag,
  type Infer,
  integer,
  list,
  listen,
  optional,
  path,
  secret,
  section,
  size,
  text,
  tls,
} from '../../core/config/schema.ts';

const origin = text({
  pattern: /^https?:\/\/[A-Za-z0-9.[\]:-]+$/,
  expected: 'an origin such as https://player.example',
  about: 'Scheme, host and port.',
});

/** The `http` section of the configuration. */
export const httpConfig = section(
  {
    listen: listen({ port: 8081, about: 'Where HTTP/1.1 is served.' }),
    secure: listen({ port: 8444, about: 'Where HTTP/2, and HTTP/1.1 for those who lack it, is served over TLS.' }),
    tls: tls(),
    administration: section(
      {
        local: flag({
          default: true,
          about: 'Whether requests from this very host may administer without a credential.',
        }),
        token: optional(
          secret({ about: 'A bearer token that is good for administration, beside the administrator and password.' }),
        ),
        origins: list(origin, {
          about: 'Web sites whose pages may use the REST interface: CORS, and requests that change something.',
        }),
      },
      'Who may use the REST interface, statistics and metrics.',
    ),
    page: section(
      {
        enabled: flag({ default: true, about: 'Whether the page of live streams is served at /.' }),
        listStreams: flag({ default: true, about: 'Whether everybody may read the list of live streams.' }),
        folder: optional(path({ about: 'Folder with another page in place of the built one.' })),
      },
      'The page of live streams.',
    ),
    limits: section(
      {
        connections: integer({ default: 5_000, minimum: 1, about: 'Connections at one time, on each port.' }),
        perAddress: integer({ default: 500, minimum: 1, about: 'Connections at one time from one address.' }),
        headers: duration({ default: '10s', minimum: '1s', about: 'How long the head of a request may take.' }),
        request: duration({ default: '30s', minimum: '1s', about: 'How long a whole request may take to arrive.' }),
        response: duration({ default: '60s', minimum: '1s', about: 'How long an answer may take to be read.' }),
        keepAlive: duration({ default: '15s', minimum: '1s', about: 'How long a silent connection is kept.' }),
        body: size({ default: '1MiB', minimum: '1KiB', maximum: '64MiB', about: 'Largest body of a request.' }),
      },
      'Bounds on what peers can use.',
    ),
  },
  'The REST interface, statistics, health and the page of live streams.',
);
export type HttpConfig = Infer<typeof httpConfig>;
