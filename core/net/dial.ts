import { randomInt } from 'node:crypto';
import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { PortRange } from '../config/schema.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { afterIn, type Clock } from '../time/clock.ts';
import { type Micros, toSeconds } from '../time/micros.ts';

export interface DialSettings {
  /** Where to: an address, resolved and checked. */
  readonly address: string;
  readonly port: number;
  /** The name that the certificate must have; absent for plain TCP. */
  readonly tlsName?: string;
  readonly rejectUnauthorized: boolean;
  /** Ports of ours to connect from. */
  readonly localPorts: PortRange;
  readonly timeout: Micros;
}

export interface DialDependencies {
  /** The socket ends with it. */
  readonly scope: Scope;
  readonly clock: Clock;
}

/** Local ports that are tried before giving up. */
const mostTries = 32;

/** Connects from a port of the range. Rejects with the system's error, or when it takes too long. */
export async function dial(settings: DialSettings, dependencies: DialDependencies): Promise<Socket> {
  const { first, last } = settings.localPorts;
  const count = last - first + 1;
  const start = randomInt(count);
  let failure: unknown;
  for (let turn = 0; turn < Math.min(count, mostTries); turn += 1) {
    try {
      return await dialFrom(first + ((start + turn) % count), settings, dependencies);
    } catch (error) {
      failure = error;
      const { code, syscall } = error as NodeJS.ErrnoException;
      // Taken by somebody, or by the same target a moment ago: the next one may be free.
      if (code !== 'EADDRINUSE' && !(code === 'EADDRNOTAVAIL' && syscall !== 'getaddrinfo')) throw error;
    }
  }
  throw failure;
}

function dialFrom(localPort: number, settings: DialSettings, { scope, clock }: DialDependencies): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { address, port, tlsName, rejectUnauthorized } = settings;
    const plain = tcpConnect({ host: address, port, localPort, noDelay: true });
    const attempt = scope.child('dialling');
    const release = attempt.defer((reason) => {
      plain.destroy();
      reject(new Error(reason.detail ?? 'the connection was given up'));
    });
    afterIn(attempt, clock, settings.timeout, () => {
      void attempt.close({ code: 'timeout', detail: `no connection within ${toSeconds(settings.timeout)} s` });
    });
    const leave = (): void => {
      release();
      void attempt.close({ code: 'done' });
    };
    const fail = (error: Error): void => {
      leave();
      plain.destroy();
      reject(error);
    };
    plain.once('error', fail);
    const done = (socket: Socket): void => {
      leave();
      plain.off('error', fail);
      socket.off('error', fail);
      resolve(socket);
    };
    plain.once('connect', () => {
      if (tlsName === undefined) {
        done(plain);
        return;
      }
      // An address is no server name. RFC 6066 3
      const named = isIP(tlsName) === 0 ? { servername: tlsName } : {};
      const secure = tlsConnect({ socket: plain, rejectUnauthorized, ...named });
      secure.once('error', fail);
      secure.once('secureConnect', () => done(secure));
    });
  });
}
