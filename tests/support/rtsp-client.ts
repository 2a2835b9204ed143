import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { formatRequest, type HeaderFields, type RtspResponse } from '../../wire/rtsp/message.ts';
import { RtspReader } from '../../wire/rtsp/message-reader.ts';

/** A bare RTSP client: what a test says is what goes out. */
export class RtspTestClient {
  readonly socket: Socket;
  readonly responses: RtspResponse[] = [];
  readonly closed: Promise<void>;
  onFrame: (channel: number, bytes: Buffer) => void = () => undefined;
  session: string | undefined;
  #sequence = 0;
  #waiting: { resolve: (response: RtspResponse) => void; reject: (error: Error) => void }[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    const reader = new RtspReader(
      { headBytes: 65_536, bodyBytes: 65_536 },
      {
        onRequest: () => undefined,
        onResponse: (response) => {
          this.responses.push(response);
          this.#waiting.shift()?.resolve(response);
        },
        onFrame: (channel, bytes) => this.onFrame(channel, bytes),
      },
    );
    socket.on('data', (bytes) => reader.push(bytes));
    socket.on('error', () => undefined);
    this.closed = once(socket, 'close').then(() => {
      for (const { reject } of this.#waiting) reject(new Error('the server hung up'));
    });
  }

  static async open(port: number, localAddress = '127.0.0.1'): Promise<RtspTestClient> {
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
    await once(socket, 'connect');
    return new RtspTestClient(socket);
  }

  /** Resolves with the answer, whatever it is. */
  ask(method: string, url: string, fields: HeaderFields = {}, body?: string): Promise<RtspResponse> {
    this.#sequence += 1;
    const headers = { CSeq: String(this.#sequence), 'User-Agent': 'test', Session: this.session, ...fields };
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.socket.write(formatRequest({ method, url }, headers, body === undefined ? undefined : Buffer.from(body)));
    });
  }

  /** As `ask`; rejects with the server's words when it refuses, and remembers the session. */
  async must(method: string, url: string, fields: HeaderFields = {}, body?: string): Promise<RtspResponse> {
    const response = await this.ask(method, url, fields, body);
    if (response.status !== 200) throw new Error(`${response.status} ${response.reason} ${response.body.toString()}`);
    this.session = response.headers.get('session')?.split(';')[0] ?? this.session;
    return response;
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Two UDP sockets on loopback: an even port is not needed by anybody here. */
export async function openPair(address = '127.0.0.1'): Promise<{ media: DatagramSocket; control: DatagramSocket }> {
  const [media, control] = [createSocket('udp4'), createSocket('udp4')];
  for (const socket of [media, control]) {
    socket.bind(0, address);
    await once(socket, 'listening');
    try {
      socket.setRecvBufferSize(1 << 20);
    } catch {
      // The system gives what it gives.
    }
  }
  return { media, control };
}
