import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { Core } from '../../core/core.ts';
import type { Micros } from '../../core/time/micros.ts';
import { plainAddress, type RtspConnection } from './connection.ts';
import type { RtspCounters } from './metrics.ts';

export interface TunnelSettings {
  readonly enabled: boolean;
  /** How long a connection may take for its first line, or its HTTP header. */
  readonly patience: Micros;
}

export interface TunnelDependencies {
  readonly core: Core;
  readonly counters: RtspCounters;
  /** Begins a session on a socket. `reads`: whether what comes on it is for the session. */
  readonly begin: (socket: Socket, reads: boolean) => RtspConnection;
}

const headBytes = 8_192;
/** No method of RTSP begins so: GET_PARAMETER goes on with an underscore. */
const httpStart = /^(GET|POST) /;
const longestStart = 5;
const mediaType = 'application/x-rtsp-tunnelled';

interface HttpHead {
  readonly method: string;
  readonly cookie: string | undefined;
}

/**
 * RTSP through HTTP, as QuickTime began it and everybody took it over: what we say goes out as the endless answer to a GET; what
 * the client says comes in Base64 as the endless body of a POST with the same x-sessioncookie.
 */
export class Tunnels {
  readonly #settings: TunnelSettings;
  readonly #d: TunnelDependencies;
  readonly #open = new Map<string, RtspConnection>();

  constructor(settings: TunnelSettings, dependencies: TunnelDependencies) {
    this.#settings = settings;
    this.#d = dependencies;
  }

  /** A new connection: of RTSP, or one half of a tunnel. */
  take(socket: Socket): void {
    let gathered: Buffer = Buffer.alloc(0);
    const cancel = this.#d.core.clock.after(this.#settings.patience, () => socket.destroy());
    const stop = (): void => {
      cancel();
      socket.off('data', onBytes);
      socket.off('error', onError);
      socket.off('close', cancel);
    };
    const onError = (): void => {
      socket.destroy();
    };
    const onBytes = (bytes: Buffer): void => {
      gathered = gathered.length === 0 ? bytes : Buffer.concat([gathered, bytes]);
      if (gathered.length < longestStart) return;
      if (!httpStart.test(gathered.toString('latin1', 0, longestStart))) {
        stop();
        this.#d.begin(socket, true).receive(gathered);
        return;
      }
      const end = gathered.indexOf('\r\n\r\n');
      if (end < 0 && gathered.length < headBytes) return;
      stop();
      if (end < 0 || !this.#settings.enabled) refuse(socket, '400 Bad Request');
      else this.#takeHttp(socket, readHead(gathered.toString('latin1', 0, end)), gathered.subarray(end + 4));
    };
    socket.on('data', onBytes);
    socket.on('error', onError);
    socket.on('close', cancel);
  }

  #takeHttp(socket: Socket, { method, cookie }: HttpHead, rest: Buffer): void {
    if (cookie === undefined) {
      refuse(socket, '400 Bad Request');
      return;
    }
    // Nobody else's half can be joined to a tunnel: the address is part of its name.
    const key = `${plainAddress(socket.remoteAddress ?? '')} ${cookie}`;
    if (method === 'POST') this.#join(socket, key, rest);
    else this.#begin(socket, key);
  }

  #begin(socket: Socket, key: string): void {
    if (this.#open.has(key)) {
      refuse(socket, '400 Bad Request');
      return;
    }
    this.#d.counters.tunnels += 1;
    socket.write(
      `HTTP/1.0 200 OK\r\nServer: Switchyard\r\nConnection: close\r\nCache-Control: no-store\r\nPragma: no-cache\r\nContent-Type: ${mediaType}\r\n\r\n`,
    );
    const connection = this.#d.begin(socket, false);
    this.#open.set(key, connection);
    connection.scope.defer(() => {
      this.#open.delete(key);
    });
  }

  #join(socket: Socket, key: string, rest: Buffer): void {
    const connection = this.#open.get(key);
    if (connection === undefined) {
      refuse(socket, '404 Not Found');
      return;
    }
    const release = connection.scope.defer(() => void socket.destroy());
    socket.on('close', release);
    socket.on('error', () => socket.destroy());
    const decoder = new Base64Decoder();
    const receive = (bytes: Buffer): void => {
      const decoded = decoder.push(bytes);
      if (decoded.length > 0) connection.receive(decoded);
    };
    socket.on('data', receive);
    receive(rest);
  }
}

/** Base64 in any pieces; what is not of its alphabet (line ends) is passed over. RFC 4648 4. */
export class Base64Decoder {
  #rest = '';

  push(bytes: Buffer): Buffer {
    const text = this.#rest + bytes.toString('latin1').replace(/[^A-Za-z0-9+/=]/g, '');
    const pieces: Buffer[] = [];
    let whole = '';
    let at = 0;
    // A message may end with padding, and the next one begins behind it.
    for (; at + 4 <= text.length; at += 4) {
      const quad = text.slice(at, at + 4);
      whole += quad;
      if (quad.endsWith('=')) {
        pieces.push(Buffer.from(whole, 'base64'));
        whole = '';
      }
    }
    if (whole !== '') pieces.push(Buffer.from(whole, 'base64'));
    this.#rest = text.slice(at);
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
  }
}

function readHead(text: string): HttpHead {
  const [first = '', ...lines] = text.split('\r\n');
  const line = lines.slice(0, 64).find((header) => /^x-sessioncookie\s*:/i.test(header));
  const cookie = line?.slice(line.indexOf(':') + 1).trim();
  const usable = cookie !== undefined && /^[\x21-\x7e]{1,128}$/.test(cookie);
  return { method: first.split(' ')[0] ?? '', cookie: usable ? cookie : undefined };
}

function refuse(socket: Socket, status: string): void {
  socket.on('error', () => undefined);
  socket.end(`HTTP/1.0 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  socket.resume();
}
