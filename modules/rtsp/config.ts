import {
  choice,
  duration,
  flag,
  host,
  type Infer,
  integer,
  limits,
  list,
  listen,
  optional,
  outgoing,
  port,
  portRange,
  secret,
  section,
  size,
  text,
  tls,
} from '../../core/config/schema.ts';

const relay = section({
  name: text({ about: 'The name of the stream here.', longest: 200 }),
  url: text({ about: 'rtsp://host[:port]/path of the other server, or rtsps://.', pattern: /^rtsps?:\/\/.+/ }),
  user: optional(text({ about: 'The user that the other server asks for.', longest: 200 })),
  password: optional(secret({ about: 'The password that the other server asks for.' })),
  transport: choice(['auto', 'tcp', 'udp'], {
    default: 'auto',
    about: 'How media comes: auto takes TCP, and UDP where the other server will not have it.',
  }),
});

/** The `rtsp` section of the configuration. */
export const rtspConfig = section({
  listen: listen({ port: 554, about: 'Where RTSP is taken.' }),
  fallbackPort: port({
    default: 8554,
    about:
      'The port that is opened when this user may not open the one above; 0 for none: the module then fails to start.',
  }),
  secure: section(
    {
      enabled: flag({ default: false, about: 'Whether RTSPS is opened.' }),
      host: host({ default: 'any', about: 'The address to listen on; "any" is every address of the host.' }),
      port: port({ default: 322, about: 'The port of RTSPS.' }),
    },
    'RTSP over TLS.',
  ),
  tls: tls(),
  limits: limits({ handshake: '10s', idle: '60s' }),
  bodyBytes: size({ default: '64KiB', maximum: '1MiB', about: 'Longest description that a publisher may announce.' }),
  onConflict: choice(['refuse', 'replace'], {
    default: 'refuse',
    about: 'What happens when somebody publishes under a name that is live already.',
  }),
  publishIdle: duration({
    default: '30s',
    minimum: '1s',
    about: 'How long a publisher may send no media before it is cut.',
  }),
  start: choice(['cached', 'fresh', 'live'], {
    default: 'cached',
    about:
      'Where a player begins: with the cached group of pictures, at a fresh key frame where the publisher can be asked for one, or at the next key frame to come.',
  }),
  transports: section(
    {
      tcp: flag({ default: true, about: 'Whether media may go over the RTSP connection itself.' }),
      udp: flag({ default: true, about: 'Whether media may go over UDP.' }),
      tunnel: flag({ default: true, about: 'Whether RTSP may be tunnelled through HTTP.' }),
      multicast: section(
        {
          enabled: flag({
            default: false,
            about:
              'Whether players may ask for multicast. Whoever is in the network can then listen, whatever the policies say.',
          }),
          groups: text({
            default: '239.255.42.0/24',
            pattern: /^239(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}\/(8|9|[12]\d|3[0-2])$/,
            expected: 'a network within 239.0.0.0/8, such as 239.255.42.0/24',
            about: 'Groups, of which each stream gets one: of those that are for local use (RFC 2365).',
          }),
          ports: portRange({ default: '36000-36999', about: 'UDP ports in the groups; each stream takes four.' }),
          ttl: integer({
            default: 16,
            minimum: 1,
            maximum: 255,
            about: 'How many networks away packets may go; 1 is this one alone.',
          }),
        },
        'One sender for all players of a stream.',
      ),
      anyDestination: flag({
        default: false,
        about:
          'Whether players and publishers may name another address for UDP than the one they came from. An open door to flood third parties.',
      }),
    },
    'How media is carried.',
  ),
  digest: section(
    {
      algorithms: list(choice(['MD5', 'SHA-256'], { about: 'An algorithm.' }), {
        default: ['MD5'],
        about: 'Digests that are offered, the most wanted last: many clients know MD5 alone and take the last offer.',
      }),
      basic: flag({ default: true, about: 'Whether passwords may be shown in the clear (Basic), too.' }),
      realm: text({ default: 'Switchyard', about: 'The realm that clients are shown.', longest: 100 }),
    },
    'How players and publishers prove their passwords.',
  ),
  pull: list(relay, {
    about: 'Cameras and servers whose streams are fetched when somebody wants them.',
    longest: 1_000,
  }),
  client: section(
    {
      ...outgoing({
        ports: '32000-32999',
        portsAbout: 'Local ports of outgoing connections, and UDP ports of their media.',
        retryFirst: '500ms',
        retryLongest: '2s',
        retryLongestAbout: 'Longest pause between attempts: a camera that comes back should be seen soon.',
        secureName: 'RTSPS',
        uri: 'rtsp://host/path',
      }),
      mediaTimeout: duration({
        default: '5s',
        minimum: '500ms',
        about: 'How long another server may send no media before the connection is made anew.',
      }),
    },
    'Connections to other servers.',
  ),
});

export type RtspConfig = Infer<typeof rtspConfig>;
export type RtspRelayConfig = RtspConfig['pull'][number];
