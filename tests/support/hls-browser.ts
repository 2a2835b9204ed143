import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from './chromium.ts';

/** What the page tells of its player. */
export interface PlayerState {
  readonly currentTime: number;
  readonly latency: number;
  /** Times that the picture stood still for want of media, since it first moved. */
  readonly stalls: number;
  readonly errors: readonly string[];
  readonly dropped: number;
  readonly frames: number;
  readonly width: number;
}

const page = `<!doctype html><video id="video" muted autoplay></video><script src="/hls.js"></script><script>
const video = document.getElementById('video');
const told = { stalls: 0, errors: [] };
video.addEventListener('waiting', () => { if (video.currentTime > 0 && video.played.length > 0) told.stalls += 1; });
const player = new Hls({ lowLatencyMode: true });
player.on(Hls.Events.ERROR, (_, error) => told.errors.push(error.details));
player.loadSource(new URLSearchParams(location.search).get('src'));
player.attachMedia(video);
window.state = () => {
  const quality = video.getVideoPlaybackQuality();
  return { currentTime: video.currentTime, latency: player.latency, ...told, width: video.videoWidth,
    dropped: quality.droppedVideoFrames, frames: quality.totalVideoFrames };
};
</script>`;

/** Chromium with hls.js on a page of our own. */
export class HlsBrowser {
  readonly #browser: Browser;
  readonly #server: Server;

  private constructor(browser: Browser, server: Server) {
    this.#browser = browser;
    this.#server = server;
  }

  static async start(): Promise<HlsBrowser> {
    const script = await readFile(createRequire(import.meta.url).resolve('hls.js/dist/hls.js'));
    const server = createServer((request, response) => {
      response.setHeader('content-type', request.url === '/hls.js' ? 'text/javascript' : 'text/html');
      response.end(request.url === '/hls.js' ? script : page);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await launchChromium({ more: ['--ignore-certificate-errors'] });
    return new HlsBrowser(browser, server);
  }

  /** Plays `source` for so many seconds; what was seen each second. */
  async play(source: string, seconds: number): Promise<PlayerState[]> {
    const tab = await this.#browser.newPage();
    const { port } = this.#server.address() as AddressInfo;
    await tab.goto(`http://127.0.0.1:${port}/?src=${encodeURIComponent(source)}`);
    await tab.waitForFunction('window.state().currentTime > 0', undefined, { timeout: 20_000 });
    const states: PlayerState[] = [];
    for (let second = 0; second < seconds; second += 1) {
      await tab.waitForTimeout(1_000);
      states.push(await stateOf(tab));
    }
    await tab.close();
    return states;
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function stateOf(tab: Page): Promise<PlayerState> {
  return tab.evaluate('window.state()');
}
