import { list, optional, type SectionOf, section } from './composites.ts';
import type { Infer } from './field.ts';
import { duration, flag, host, integer, path, port, portRange, text } from './fields.ts';

const loopback = '127.0.0.1';

export interface ListenOptions {
  readonly port: number;
  /** `any` when not told; loopback for administration. */
  readonly host?: string;
  /** Administration (REST, metrics, consoles) listens on loopback until told otherwise. */
  readonly administration?: boolean;
  readonly enabled?: boolean;
  readonly about?: string;
}

/** Where to listen: `{ enabled, host, port }`. */
export function listen(options: ListenOptions) {
  return section(
    {
      enabled: flag({ default: options.enabled ?? true, about: 'Whether this port is opened.' }),
      host: host({
        default: options.host ?? (options.administration === true ? loopback : 'any'),
        about: 'The address to listen on; "any" is every address of the host.',
      }),
      port: port({ default: options.port, about: 'The port to listen on; 0 lets the system choose.' }),
    },
    options.about ?? 'Where to listen.',
  );
}
export type Listen = Infer<ReturnType<typeof listen>>;

/** The certificate of a TLS port: `{ certificate?, key?, selfSigned }`, both of them paths of PEM files. */
export function tls(options: { readonly selfSigned?: boolean; readonly about?: string } = {}) {
  return section(
    {
      certificate: optional(path({ about: 'PEM file with the certificate chain.' })),
      key: optional(path({ about: 'PEM file with the private key.' })),
      selfSigned: flag({
        default: options.selfSigned ?? true,
        about: 'Whether to make a certificate of our own while none is named.',
      }),
    },
    options.about ?? 'The certificate for TLS.',
  );
}
export type Tls = Infer<ReturnType<typeof tls>>;

export interface LimitsOptions {
  readonly sessions?: number;
  readonly perAddress?: number;
  readonly handshake?: string;
  readonly idle?: string;
}

/** What strangers may cost: `{ sessions, perAddress, handshake, idle }`. */
export function limits(options: LimitsOptions = {}) {
  return section(
    {
      sessions: integer({ default: options.sessions ?? 10_000, minimum: 1, about: 'Sessions at one time.' }),
      perAddress: integer({
        default: options.perAddress ?? 2_000,
        minimum: 1,
        about: 'Sessions at one time from one address.',
      }),
      handshake: duration({
        default: options.handshake ?? '10s',
        minimum: '100ms',
        about: 'How long a new connection may take to say what it wants.',
      }),
      idle: duration({
        default: options.idle ?? '60s',
        minimum: '1s',
        about: 'How long a peer may say nothing before it is cut.',
      }),
    },
    'Bounds on what peers can use.',
  );
}
export type Limits = Infer<ReturnType<typeof limits>>;

export interface OutgoingOptions {
  readonly ports: string;
  readonly portsAbout?: string;
  readonly retryFirst: string;
  readonly retryLongest: string;
  readonly retryLongestAbout?: string;
  /** What TLS makes of the protocol: `RTMPS`. */
  readonly secureName: string;
  /** The form of stream names that are URIs. */
  readonly uri: string;
}

/** The fields of a `client` section, connections to other servers: `{ ports, timeout, retryFirst, retryLongest, rejectUnauthorized, hosts, addresses }`. */
export function outgoing(options: OutgoingOptions) {
  return {
    ports: portRange({ default: options.ports, about: options.portsAbout ?? 'Local ports of outgoing connections.' }),
    timeout: duration({ default: '10s', minimum: '100ms', about: 'How long another server may take to answer.' }),
    retryFirst: duration({
      default: options.retryFirst,
      minimum: '10ms',
      about: 'Pause before the first new attempt.',
    }),
    retryLongest: duration({
      default: options.retryLongest,
      minimum: '10ms',
      about: options.retryLongestAbout ?? 'Longest pause between attempts.',
    }),
    rejectUnauthorized: flag({
      default: true,
      about: `Whether the certificate of an ${options.secureName} server must be valid.`,
    }),
    hosts: list(text({ about: 'A host name or address; "*" is any.', longest: 253 }), {
      about: `Hosts that stream names of the form ${options.uri}, and REST calls, may reach. None when empty.`,
      longest: 1_000,
    }),
    addresses: list(text({ about: 'An address or a network, such as 10.0.0.0/8.', longest: 64 }), {
      about:
        'Addresses that those names may lead to although they are loopback, link-local, private or otherwise inner ones.',
      longest: 1_000,
    }),
  };
}
export type OutgoingConfig = SectionOf<ReturnType<typeof outgoing>>;
