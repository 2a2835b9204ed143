import {
  duration,
  flag,
  host,
  type Infer,
  integer,
  list,
  port,
  portRange,
  section,
  size,
} from '../../core/config/schema.ts';

/** The `rtp` section of the configuration. */
export const rtpConfig = section({
  ports: portRange({ default: '31000-31999', about: 'UDP ports for media.' }),
  merge: duration({
    default: '40ms',
    maximum: '2s',
    about:
      'The longest time for which interleaved media may be held back to be written at once. It is only used up when the process is busy; 0 never merges.',
  }),
  reorder: duration({
    default: '60ms',
    maximum: '2s',
    about: 'How long a missing datagram is waited for before its unit is given up and a key frame asked for.',
  }),
  latchWindow: duration({
    default: '10s',
    maximum: '60s',
    about: 'How long after its coming a peer behind a translator (NAT) may show its real ports, once.',
  }),
  unitPackets: integer({
    default: 4_096,
    minimum: 16,
    maximum: 65_535,
    about: 'Most packets of one unit that are taken from a publisher.',
  }),
  peers: section(
    {
      addresses: list(host({ about: 'An address of this host.' }), {
        about:
          'Addresses on which browsers are served, best first. All that others reach this host by when none is named.',
        longest: 16,
      }),
      publicAddresses: list(host({ about: 'An address.' }), {
        about:
          'Addresses that a translator (1:1 NAT) maps to this host, ports unchanged: browsers are told of them too.',
        longest: 8,
      }),
      tcp: flag({
        default: true,
        about: 'Whether media may go over TCP (RFC 6544), for those whose network lets no UDP out.',
      }),
      udpPort: port({ default: 0, about: 'The UDP port of all browsers; 0 takes the last of `ports` that is free.' }),
      tcpPort: port({ default: 0, about: 'The TCP port of all browsers; 0 takes the last of `ports` that is free.' }),
      limit: integer({ default: 5_000, minimum: 1, maximum: 100_000, about: 'Most browsers at a time.' }),
      tcpConnections: integer({ default: 5_000, minimum: 1, maximum: 100_000, about: 'Most connections of ICE-TCP.' }),
      tcpConnectionsPerAddress: integer({
        default: 100,
        minimum: 1,
        maximum: 100_000,
        about: 'Most connections of ICE-TCP from one address.',
      }),
      tcpBacklog: size({
        default: '1MiB',
        minimum: '64KiB',
        maximum: '64MiB',
        about: 'What may wait for a browser that does not read; then its packets are dropped.',
      }),
      timeout: duration({
        default: '15s',
        minimum: '1s',
        maximum: '60s',
        about: 'How long the first check of a browser, and then its handshake, may take.',
      }),
      keepAlive: duration({
        default: '30s',
        minimum: '5s',
        maximum: '5m',
        about: 'How long a browser may go without a check before it counts as gone (RFC 7675).',
      }),
    },
    'Browsers and others that speak ICE and DTLS.',
  ),
});

export type RtpConfig = Infer<typeof rtpConfig>;
