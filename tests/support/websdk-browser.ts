import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { BrowserPage, LaunchedBrowser } from './browser-page.ts';
import { launchChromiumPeer } from './chromium.ts';
import { pageSource } from './websdk-page.ts';

/** What the page tells of one stream of the SDK. */
export interface WebsdkStream {
  readonly name: string;
  /** `PLAYING`, `FAILED Stream not found`, in their order. */
  readonly statuses: readonly string[];
  readonly events: readonly { readonly type: string; readonly payload: Record<string, unknown> }[];
  /** What the SDK makes of the rates that it is told: `PERFECT`, `GOOD`, `BAD`. */
  readonly qualities: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly currentTime: number;
  readonly readyState: number;
  /** In the one MediaStream that is shown. */
  readonly tracks: number;
  readonly audioMuted?: boolean;
  readonly videoMuted?: boolean;
  /** What the SDK takes for the picture's size. */
  readonly resolution: { readonly width?: number; readonly height?: number };
  /** Of `getStats`: decoded of a viewer, encoded of a publisher. */
  readonly frames: number;
  readonly videoBytes: number;
  /** Of a publisher's picture: what its encoder aims at, bits a second. */
  readonly targetBitrate: number;
  readonly videoCodec?: string;
  readonly audioCodec?: string;
  readonly audioEnergy: number;
  readonly audioPackets: number;
  /** That media goes by: `udp`, `tcp`. */
  readonly protocol: string;
}

/** One message of the signalling protocol, as it went over the wire. */
export interface WebsdkMessage {
  readonly sent: boolean;
  readonly message: string;
  readonly data: readonly unknown[];
}

/** Which of the package's scripts a page loads. */
export type WebsdkScript = 'flashphoner.js' | 'flashphoner-room-api.js';

/** A browser with the unmodified client SDK of WCS; one page is one client. */
export class WebsdkBrowser {
  readonly #browser: LaunchedBrowser;
  readonly #server: Server;

  private constructor(browser: LaunchedBrowser, server: Server) {
    this.#browser = browser;
    this.#server = server;
  }

  static async start(launch = launchChromiumPeer): Promise<WebsdkBrowser> {
    const { resolve: find } = createRequire(import.meta.url);
    const server = createServer((request, response) => {
      const script = /^\/(flashphoner[a-z-]*\.js)$/.exec(request.url ?? '')?.[1];
      response.setHeader('content-type', script === undefined ? 'text/html' : 'text/javascript');
      if (script === undefined) {
        response.end(pageSource.replace('/SDK', (request.url ?? '').replace('/?', '/')));
      } else void readFile(find(`@flashphoner/websdk/${script}`)).then((bytes) => response.end(bytes));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await launch();
    return new WebsdkBrowser(browser, server);
  }

  /** A page that has loaded the SDK and done nothing yet. */
  async open(script: WebsdkScript = 'flashphoner.js'): Promise<WebsdkClient> {
    const page = await this.#browser.newPage();
    const client = new WebsdkClient(page);
    await page.goto(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/?${script}`);
    return client;
  }

  /** A page with an established session. */
  async connect(port: number, options: object = {}): Promise<WebsdkClient> {
    const client = await this.open();
    await client.call('connect', { urlServer: `ws://127.0.0.1:${port}`, ...options });
    return client;
  }

  /** A page of the room API in a room. */
  async join(port: number, room: string, username: string): Promise<WebsdkClient> {
    const client = await this.open('flashphoner-room-api.js');
    await client.call('joinRoom', { urlServer: `ws://127.0.0.1:${port}`, username }, room);
    return client;
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export class WebsdkClient {
  readonly page: BrowserPage;
  /** What nobody caught in the page. */
  readonly errors: string[] = [];
  /** Everything over its signalling sockets. */
  readonly messages: WebsdkMessage[] = [];

  constructor(page: BrowserPage) {
    this.page = page;
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('websocket', (socket) => {
      const note = (sent: boolean) => (frame: { payload: string | Buffer }) => {
        if (typeof frame.payload !== 'string') return;
        const { message, data } = JSON.parse(frame.payload) as Pick<WebsdkMessage, 'message' | 'data'>;
        this.messages.push({ sent, message, data });
      };
      socket.on('framesent', note(true));
      socket.on('framereceived', note(false));
    });
  }

  /** Calls a function of the page. */
  call<T = void>(name: string, ...values: readonly unknown[]): Promise<T> {
    const list = values.map((value) => (value === undefined ? 'undefined' : JSON.stringify(value))).join(', ');
    return this.page.evaluate(`${name}(${list})`);
  }

  /** Calls a method of a stream. */
  tell<T = void>(key: string, method: string, ...values: readonly unknown[]): Promise<T> {
    return this.call(`find(${JSON.stringify(key)}).${method}`, ...values);
  }

  publish(key: string, options: object): Promise<void> {
    return this.call('publish', key, options);
  }

  play(key: string, options: object): Promise<void> {
    return this.call('play', key, options);
  }

  stop(key: string): Promise<void> {
    return this.tell(key, 'stop');
  }

  look(key: string): Promise<WebsdkStream> {
    return this.call('look', key);
  }

  /** The values of messages with this name. */
  heard(message: string): readonly (readonly unknown[])[] {
    return this.messages.filter((one) => !one.sent && one.message === message).map(({ data }) => data);
  }

  said(message: string): readonly Record<string, unknown>[] {
    return this.messages
      .filter((one) => one.sent && one.message === message)
      .map(({ data }) => data[0] as Record<string, unknown>);
  }

  get sessionStatuses(): Promise<readonly string[]> {
    return this.page.evaluate('sessionStatuses');
  }

  get roomEvents(): Promise<readonly string[]> {
    return this.page.evaluate('roomEvents');
  }

  /** Waits until a stream is as wished; rejects after `seconds`, with the stream as it is. */
  waitFor(key: string, holds: (stream: WebsdkStream) => boolean, seconds = 20): Promise<WebsdkStream> {
    return this.until(() => this.look(key), holds, seconds);
  }

  /** Waits until what the page tells is as wished; rejects after `seconds`, with what it told last. */
  async until<T>(ask: () => Promise<T>, holds: (told: T) => boolean, seconds = 20): Promise<T> {
    const end = performance.now() + seconds * 1_000;
    for (;;) {
      const told = await ask();
      if (holds(told)) return told;
      if (performance.now() > end) throw new Error(`never came about: ${JSON.stringify(told)}`);
      await this.page.waitForTimeout(100);
    }
  }

  close(): Promise<void> {
    return this.page.close();
  }
}

/** Whether a stream has been told a status that starts so. */
export const has =
  (status: string) =>
  ({ statuses }: WebsdkStream): boolean =>
    statuses.some((told) => told.startsWith(status));

/** Whether pictures are decoded and, unless told otherwise, sound is heard. */
export const plays =
  (frames: number, hasSound = true) =>
  (stream: WebsdkStream): boolean =>
    stream.frames >= frames && stream.width > 0 && stream.currentTime > 0 && (!hasSound || stream.audioEnergy > 0);
