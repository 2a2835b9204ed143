import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import type { Browser } from 'playwright-core';
import { launchChromium } from './chromium.ts';

/** What the page sees of its player. */
export interface JsmpegState {
  readonly width: number;
  readonly height: number;
  /** Different pictures that were on the canvas. */
  readonly pictures: number;
  /** Seconds of sound that were decoded. */
  readonly sound: number;
  readonly videoSeconds: number;
}

/** The player's own build, as pages include it; it has its decoders in WebAssembly. */
const page = `<!doctype html><canvas id="canvas"></canvas><script src="/player.js"></script><script>
const canvas = document.getElementById('canvas');
const seen = new Set();
const player = new JSMpeg.Player(new URLSearchParams(location.search).get('src'), {
  canvas, disableGl: true, autoplay: true, audio: true, pauseWhenHidden: false, reconnectInterval: 0,
});
function look() {
  if (canvas.width > 0 && canvas.height > 0) {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let sum = 0;
    for (let at = 0; at < data.length; at += 97) sum = (sum * 31 + data[at]) >>> 0;
    seen.add(sum);
  }
  requestAnimationFrame(look);
}
look();
window.state = () => ({ width: canvas.width, height: canvas.height, pictures: seen.size,
  sound: player.audio ? player.audio.decodedTime : 0, videoSeconds: player.video ? player.video.decodedTime : 0 });
</script>`;

/** Chromium with the JSMpeg player. */
export class JsmpegBrowser {
  readonly #browser: Browser;
  readonly #server: Server;

  private constructor(browser: Browser, server: Server) {
    this.#browser = browser;
    this.#server = server;
  }

  static async start(): Promise<JsmpegBrowser> {
    const entry = createRequire(import.meta.url).resolve('@cycjimmy/jsmpeg-player');
    const script = await readFile(join(dirname(entry), 'jsmpeg-player.umd.js'));
    const server = createServer((request, response) => {
      response.setHeader('content-type', request.url === '/player.js' ? 'text/javascript' : 'text/html');
      response.end(request.url === '/player.js' ? script : page);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await launchChromium();
    return new JsmpegBrowser(browser, server);
  }

  /** Plays `source` until it has shown so many pictures. */
  async play(source: string, pictures: number): Promise<JsmpegState> {
    const tab = await this.#browser.newPage();
    const { port } = this.#server.address() as AddressInfo;
    await tab.goto(`http://127.0.0.1:${port}/?src=${encodeURIComponent(source)}`);
    await tab.waitForFunction(`window.state().pictures >= ${pictures}`, undefined, { timeout: 30_000 });
    const state: JsmpegState = await tab.evaluate('window.state()');
    await tab.close();
    return state;
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
