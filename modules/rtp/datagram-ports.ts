import type { Buffer } from 'node:buffer';
import { randomInt } from 'node:crypto';
import type { RemoteInfo, Socket } from 'node:dgram';
import { SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { portUnavailable } from '../../core/modules/listen.ts';
import { bind } from './bind.ts';
import type { DatagramPorts, PortsRequest } from './contract.ts';

/** Hears what comes in on a pair of ports. */
export interface DatagramListener {
  onPacket(bytes: Buffer, from: RemoteInfo): void;
  onControl(bytes: Buffer, from: RemoteInfo): void;
}

type PlaceRequest = Pick<PortsRequest, 'address' | 'multicastTtl'>;

/** Bytes that the system holds for a socket: a key frame of many packets comes at once. The system may give less. */
const receiveBuffer = 1 << 20;
const sendBuffer = 1 << 20;
/** Pairs that are tried before giving up. */
const mostTries = 64;

/** An even port and the next, open on one address. Handlers may be set anew at any time. */
export class OpenPorts implements DatagramPorts {
  readonly address: string;
  readonly port: number;
  readonly controlPort: number;
  readonly #media: Socket;
  readonly #control: Socket;
  #listener: DatagramListener | undefined;
  #closed = false;
  /** Datagrams that the system did not take. */
  failures = 0;

  constructor(address: string, media: Socket, control: Socket) {
    this.address = address;
    this.#media = media;
    this.#control = control;
    this.port = media.address().port;
    this.controlPort = control.address().port;
    media.on('message', (bytes, from) => this.#listener?.onPacket(bytes, from));
    control.on('message', (bytes, from) => this.#listener?.onControl(bytes, from));
    // A peer's closed port comes back as an error of the socket; what was lost is lost.
    media.on('error', () => this.#fail());
    control.on('error', () => this.#fail());
  }

  listen(listener: DatagramListener): void {
    this.#listener = listener;
  }

  send(bytes: Buffer, port: number, address: string): void {
    if (!this.#closed) this.#media.send(bytes, port, address);
  }

  sendControl(bytes: Buffer, port: number, address: string): void {
    if (!this.#closed) this.#control.send(bytes, port, address);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener = undefined;
    this.#media.close();
    this.#control.close();
  }

  #fail(): void {
    this.failures += 1;
  }
}

/** Opens a pair out of the range. Throws `port-unavailable` when none is free. It closes with the scope. */
export async function openPorts(
  request: Required<Pick<PortsRequest, 'range'>> & PlaceRequest,
  scope: Scope,
): Promise<OpenPorts> {
  const { range, address } = request;
  const first = range.first + (range.first % 2); // RFC 3550 11: RTP on an even port
  const pairs = Math.floor((range.last + 1 - first) / 2);
  const start = randomInt(Math.max(1, pairs));
  let failure: unknown = new SwitchyardError('limit-reached', { what: 'UDP port pairs', limit: Math.max(0, pairs) });
  for (let turn = 0; turn < Math.min(pairs, mostTries); turn += 1) {
    const port = first + ((start + turn) % pairs) * 2;
    try {
      const ports = await bindPair(port, request);
      scope.defer(() => ports.close());
      return ports;
    } catch (error) {
      failure = portUnavailable(error, { module: 'rtp', host: address, port, key: 'rtp.ports' });
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') break;
    }
  }
  throw failure;
}

async function bindPair(port: number, request: PlaceRequest): Promise<OpenPorts> {
  const media = await bindOne(port, request);
  try {
    return new OpenPorts(request.address, media, await bindOne(port + 1, request));
  } catch (error) {
    media.close();
    throw error;
  }
}

async function bindOne(port: number, { address, multicastTtl }: PlaceRequest): Promise<Socket> {
  const socket = await bind({ address, port, receiveBuffer, sendBuffer });
  if (multicastTtl !== undefined) {
    socket.setMulticastTTL(multicastTtl);
    socket.setMulticastInterface(address);
  }
  return socket;
}
