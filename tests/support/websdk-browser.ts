import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';

const pageSource = `<!doctype html><body><script src="/flashphoner.js"></script><script>
const { SESSION_STATUS, STREAM_STATUS, STREAM_EVENT } = Flashphoner.constants;
Flashphoner.init({});
const streams = new Map();
let session;
function connect(urlServer) {
  return new Promise((resolve, reject) => {
    session = Flashphoner.createSession({ urlServer })
      .on(SESSION_STATUS.ESTABLISHED, () => resolve())
      .on(SESSION_STATUS.FAILED, () => reject(new Error('FAILED')));
  });
}
function open(key, options) {
  const display = document.createElement('div');
  display.style.width = '320px';
  display.style.height = '240px';
  document.body.append(display);
  const stream = session.createStream({ display, ...options });
  const kept = { stream, display, statuses: [], events: [] };
  for (const status of ['PUBLISHING', 'PLAYING', 'UNPUBLISHED', 'STOPPED', 'FAILED', 'PENDING', 'NEW']) {
    stream.on(STREAM_STATUS[status], (told) => kept.statuses.push([status, told?.getInfo?.() ?? ''].join(' ').trim()));
  }
  stream.on(STREAM_EVENT, (event) => kept.events.push(event.type));
  streams.set(key, kept);
  return kept;
}
function publish(key, options) {
  open(key, { constraints: { audio: true, video: { width: 640, height: 480 } }, ...options }).stream.publish();
}
function play(key, options) {
  open(key, options).stream.play();
}
function stop(key) {
  streams.get(key).stream.stop();
}
function look(key) {
  const { statuses, events, display } = streams.get(key);
  const video = display.querySelector('video');
  return { statuses, events, width: video?.videoWidth ?? 0, height: video?.videoHeight ?? 0, currentTime: video?.currentTime ?? 0,
    tracks: video?.srcObject?.getTracks().length ?? 0 };
}
</script>`;

/** What the page tells of one stream of the SDK. */
export interface WebsdkStream {
  /** `PLAYING`, `FAILED Stream not found`, in their order. */
  readonly statuses: readonly string[];
  readonly events: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly currentTime: number;
  readonly tracks: number;
}

/** Chromium with the unmodified client SDK of WCS; one page is one client. */
export class WebsdkBrowser {
  readonly #browser: Browser;
  readonly #server: Server;

  private constructor(browser: Browser, server: Server) {
    this.#browser = browser;
    this.#server = server;
  }

  static async start(): Promise<WebsdkBrowser> {
    const script = await readFile(createRequire(import.meta.url).resolve('@flashphoner/websdk/flashphoner.js'));
    const server = createServer((request, response) => {
      const isScript = request.url === '/flashphoner.js';
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      response.end(isScript ? script : pageSource);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      headless: false,
      args: [
        '--headless=new',
        '--no-sandbox',
        '--use-fake-device-for-media-stream',
        '--use-fake-ui-for-media-stream',
        '--allow-loopback-in-peer-connection',
        '--autoplay-policy=no-user-gesture-required',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    return new WebsdkBrowser(browser, server);
  }

  /** A page with an established session. */
  async connect(port: number): Promise<WebsdkClient> {
    const page = await this.#browser.newPage();
    await page.goto(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`);
    await page.evaluate(`connect('ws://127.0.0.1:${port}')`);
    return new WebsdkClient(page);
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export class WebsdkClient {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  publish(key: string, options: object): Promise<void> {
    return this.page.evaluate(`publish(${JSON.stringify(key)}, ${JSON.stringify(options)})`);
  }

  play(key: string, options: object): Promise<void> {
    return this.page.evaluate(`play(${JSON.stringify(key)}, ${JSON.stringify(options)})`);
  }

  stop(key: string): Promise<void> {
    return this.page.evaluate(`stop(${JSON.stringify(key)})`);
  }

  look(key: string): Promise<WebsdkStream> {
    return this.page.evaluate(`look(${JSON.stringify(key)})`);
  }

  /** Waits until a stream is as wished; rejects after `seconds`, with the stream as it is. */
  async waitFor(key: string, holds: (stream: WebsdkStream) => boolean, seconds = 20): Promise<WebsdkStream> {
    const until = performance.now() + seconds * 1_000;
    for (;;) {
      const stream = await this.look(key);
      if (holds(stream)) return stream;
      if (performance.now() > until) throw new Error(`never came about: ${JSON.stringify(stream)}`);
      await this.page.waitForTimeout(100);
    }
  }

  close(): Promise<void> {
    return this.page.close();
  }
}
