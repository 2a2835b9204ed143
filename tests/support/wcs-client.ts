import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import { type MediaFrame, readMediaFrames } from '../../wire/wcs/media-frame.ts';
import { waitFor } from './wait-for.ts';

/** A message of the server. */
export interface Heard {
  readonly message: string;
  readonly data: readonly unknown[];
}

/** The fixed offer of the SDK's Media Source player, shortened. */
export const mediaSourceOffer = [
  'v=0',
  'o=- 1988962254 1988962254 IN IP4 0.0.0.0',
  's=-',
  'c=IN IP4 0.0.0.0',
  't=0 0',
  'm=video 0 RTP/AVP 112',
  'a=rtpmap:112 H264/90000',
  'a=fmtp:112 packetization-mode=1; profile-level-id=420020',
  'a=recvonly',
  'm=audio 0 RTP/AVP 108 96',
  'a=rtpmap:108 mpeg4-generic/48000/1',
  'a=rtpmap:96 mpeg4-generic/48000/2',
  'a=recvonly',
  '',
].join('\r\n');

/** A client of the WCS protocol for tests: it can do right, and wrong. */
export class WcsTestClient {
  readonly socket: WebSocket;
  readonly heard: Heard[] = [];
  readonly frames: MediaFrame[] = [];
  closeCode: number | undefined;
  /** Whether pings are answered. */
  answers = true;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (bytes: Buffer, isBinary) => {
      if (isBinary) {
        this.frames.push(...readMediaFrames(bytes));
        return;
      }
      const heard = JSON.parse(bytes.toString()) as Heard;
      this.heard.push(heard);
      if (heard.message === 'ping' && this.answers) this.send('pong', null);
    });
    socket.on('close', (code) => {
      this.closeCode = code;
    });
    socket.on('error', () => undefined);
  }

  /** A WebSocket that has said nothing yet. */
  static async dial(port: number, options: ClientOptions = {}): Promise<WcsTestClient> {
    const client = new WcsTestClient(
      new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false, ...options }),
    );
    await once(client.socket, 'open');
    return client;
  }

  /** A session; `connection` is what the client says of itself. */
  static async connect(port: number, connection: Record<string, unknown> = {}): Promise<WcsTestClient> {
    const client = await WcsTestClient.dial(port);
    client.send('connection', {
      appKey: 'defaultApp',
      mediaProviders: ['WebRTC', 'MSE'],
      clientVersion: '2.0',
      ...connection,
    });
    await client.next('getUserData');
    return client;
  }

  get closed(): boolean {
    return this.closeCode !== undefined;
  }

  get token(): string {
    return String(this.find('getUserData')?.['authToken']);
  }

  get sessionId(): string {
    return String(this.find('getUserData')?.['sessionId']);
  }

  send(message: string, ...data: readonly unknown[]): void {
    this.socket.send(JSON.stringify({ message, data }));
  }

  /** The first argument of the newest message of that name. */
  find(
    message: string,
    matches: (data: Record<string, unknown>) => boolean = () => true,
  ): Record<string, unknown> | undefined {
    const found = this.heard.filter(
      (one) => one.message === message && matches(one.data[0] as Record<string, unknown>),
    );
    return found.at(-1)?.data[0] as Record<string, unknown> | undefined;
  }

  async next(
    message: string,
    matches: (data: Record<string, unknown>) => boolean = () => true,
  ): Promise<Record<string, unknown>> {
    await waitFor(
      `${message}; heard ${this.heard.map((one) => one.message).join(' ')}`,
      () => this.find(message, matches) !== undefined,
    );
    return this.find(message, matches) ?? {};
  }

  /** The next status of a stream that is one of `statuses`. */
  status(id: string, ...statuses: readonly string[]): Promise<Record<string, unknown>> {
    return this.next(
      'notifyStreamStatusEvent',
      (data) => data['mediaSessionId'] === id && statuses.includes(String(data['status'])),
    );
  }

  play(id: string, name: string, more: Record<string, unknown> = {}): void {
    this.send('playStream', {
      ...{
        mediaSessionId: id,
        name,
        published: false,
        hasVideo: true,
        hasAudio: true,
        status: 'PENDING',
        record: false,
      },
      ...{ mediaProvider: 'MSE', sdp: mediaSourceOffer, ...more },
    });
  }

  publish(id: string, name: string, more: Record<string, unknown> = {}): void {
    this.send('publishStream', {
      ...{
        mediaSessionId: id,
        name,
        published: true,
        hasVideo: true,
        hasAudio: true,
        status: 'PENDING',
        record: false,
      },
      ...{ mediaProvider: 'WebRTC', sdp: 'v=0\r\n', ...more },
    });
  }

  async close(): Promise<void> {
    this.socket.close();
    await waitFor('the socket closes', () => this.closed);
  }
}

/** The second WebSocket of a Media Source player. */
export async function connectMedia(port: number, token: string): Promise<WcsTestClient> {
  const media = await WcsTestClient.dial(port);
  media.send('connectMediaTransport', { authToken: token });
  return media;
}
