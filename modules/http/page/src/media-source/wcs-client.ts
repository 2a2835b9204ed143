import { playerOffer, readAnswer } from './player-offer.ts';

export interface WcsListener {
  /** The server plays these kinds of media. */
  onAnswer(kinds: readonly ('video' | 'audio')[]): void;
  onMedia(message: ArrayBuffer): void;
  /** The playback is over. `isRefused`: the server does not play this to us. */
  onEnd(fault: string, isRefused: boolean): void;
}

type Fields = Readonly<Record<string, unknown>>;

/** Infos after which another try would end the same. */
const refusals = new Set(['Restricted access', 'No common codecs', 'Transcoding required, but disabled']);
const lost = 'the connection was lost';

/** Plays one stream by the client protocol over WebSocket: one socket to talk, one for the media. */
export class WcsClient {
  readonly #url: string;
  readonly #name: string;
  readonly #listener: WcsListener;
  readonly #id = randomId();
  readonly #control: WebSocket;
  #media: WebSocket | undefined;
  #token = '';
  #ended = false;

  constructor(settings: { readonly url: string; readonly name: string }, listener: WcsListener) {
    this.#url = settings.url;
    this.#name = settings.name;
    this.#listener = listener;
    this.#control = this.#connect(() => this.#say('connection', greeting));
  }

  /** Stops the stream. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#control.readyState === WebSocket.OPEN) this.#say('stopStream', this.#describe());
    this.#control.close();
    this.#media?.close();
  }

  #connect(onOpen: (socket: WebSocket) => void): WebSocket {
    const socket = new WebSocket(this.#url);
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('open', () => onOpen(socket));
    socket.addEventListener('message', ({ data }) => this.#take(socket, data as string | ArrayBuffer));
    socket.addEventListener('close', () => this.#end(lost, false));
    return socket;
  }

  #take(socket: WebSocket, data: string | ArrayBuffer): void {
    if (this.#ended) return;
    if (typeof data !== 'string') return this.#listener.onMedia(data);
    const { message, data: list } = JSON.parse(data) as { readonly message: string; readonly data: readonly unknown[] };
    const fields = (list[0] ?? {}) as Fields;
    if (message === 'ping') socket.send(JSON.stringify({ message: 'pong', data: [null] }));
    else if (message === 'getUserData') this.#play(String(fields['authToken']));
    else if (message === 'setRemoteSDP' && list[0] === this.#id) this.#open(String(list[1]));
    else if (message === 'notifyStreamStatusEvent' && fields['mediaSessionId'] === this.#id) this.#judge(fields);
    else if (message === 'fail') this.#end(String(fields['info'] ?? 'the server refused'), false);
  }

  #play(token: string): void {
    this.#token = token;
    this.#say('playStream', { ...this.#describe(), mediaProvider: 'MSE', sdp: playerOffer });
  }

  #open(answer: string): void {
    this.#listener.onAnswer(readAnswer(answer));
    this.#media = this.#connect((socket) => {
      socket.send(JSON.stringify({ message: 'connectMediaTransport', data: [{ authToken: this.#token }] }));
    });
  }

  #judge({ status, info }: Fields): void {
    if (status !== 'FAILED' && status !== 'STOPPED') return;
    const why = typeof info === 'string' && info !== '' ? info : 'the stream has ended';
    this.#end(why, refusals.has(why));
  }

  #end(fault: string, isRefused: boolean): void {
    if (this.#ended) return;
    this.close();
    this.#listener.onEnd(fault, isRefused);
  }

  #describe(): Fields {
    const kinds = { published: false, hasVideo: true, hasAudio: true };
    return { mediaSessionId: this.#id, name: this.#name, ...kinds, status: 'PENDING', record: false };
  }

  #say(message: string, fields: Fields): void {
    this.#control.send(JSON.stringify({ message, data: [fields] }));
  }
}

const greeting: Fields = {
  appKey: 'defaultApp',
  mediaProviders: ['MSE'],
  clientVersion: '2.0',
  clientBrowserVersion: navigator.userAgent,
  msePacketizationVersion: 2,
};

/** `crypto.randomUUID` is for secure pages alone. */
function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
