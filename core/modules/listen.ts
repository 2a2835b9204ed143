import type { Server } from 'node:net';
import { describeError, SwitchyardError } from '../errors.ts';

export interface ListenPlace {
  /** The module's name, for the error's sentence. */
  readonly module: string;
  /** An address or name; `any` is every address of the host. */
  readonly host: string;
  readonly port: number;
  /** The key that changes the port; `<module>.listen.port` when not told. */
  readonly key?: string;
}

/** Connections that wait to be accepted; the kernel's own bound (net.core.somaxconn) is the same. */
const backlog = 4_096;

/**
 * Listens, and gives the port that was opened. Throws `port-unavailable`.
 *
 * Afterwards a failing accept (EMFILE, ENFILE: no descriptors left) reaches `onFailure` and ends nothing: libuv accepts and
 * closes the connection with a descriptor kept in reserve, so that the queue does not spin. Without a listener for the
 * server's `error` event the process would end.
 */
export function listenOn(
  server: Server,
  place: ListenPlace,
  onFailure: (error: unknown) => void = () => undefined,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      server.off('listening', succeed);
      reject(portUnavailable(error, place));
    };
    const succeed = (): void => {
      server.off('error', fail);
      server.on('error', onFailure);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : place.port);
    };
    server.once('error', fail);
    server.once('listening', succeed);
    server.listen({ port: place.port, backlog, ...(place.host === 'any' ? {} : { host: place.host }) });
  });
}

/** The sentence for a port of TCP or UDP that cannot be opened: what is wrong, and what helps. */
export function portUnavailable(error: unknown, place: ListenPlace): SwitchyardError<'port-unavailable'> {
  const { module, host, port } = place;
  const key = place.key ?? `${module}.listen.port`;
  const [why, remedy] = explain((error as NodeJS.ErrnoException).code, error, port, key);
  return new SwitchyardError('port-unavailable', { module, host, port, why, remedy }, { cause: error });
}

function explain(code: string | undefined, error: unknown, port: number, key: string): readonly [string, string] {
  const hostKey = key.replace(/\.port$/, '.host');
  switch (code) {
    case 'EADDRINUSE':
      return [
        'another program uses it',
        `Stop that program (ss -lnptu 'sport = :${port}' names it), or choose another port: --set ${key}=PORT.`,
      ];
    case 'EACCES':
    case 'EPERM':
      return [
        'this user may not open it',
        `Ports below 1024 need root or the capability CAP_NET_BIND_SERVICE; or choose another port: --set ${key}=PORT.`,
      ];
    case 'EADDRNOTAVAIL':
      return ['the host has no such address', `Name an address of this host, or any: --set ${hostKey}=any.`];
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return ['the name has no address', `Name an address of this host, or any: --set ${hostKey}=any.`];
    default:
      return [describeError(error), `Choose another address or port: --set ${hostKey}=ADDRESS, --set ${key}=PORT.`];
  }
}
