import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium } from './chromium.ts';

/** What functions that run in the page see of it; this program has no document. */
declare const document: {
  querySelector(selector: 'video'): {
    readonly currentTime: number;
    readonly videoWidth: number;
    readonly muted: boolean;
    getVideoPlaybackQuality(): { readonly totalVideoFrames: number };
  } | null;
};

const flags = [
  '--auto-select-desktop-capture-source=Entire screen',
  // A name that is no loopback: pages there get no camera.
  '--host-resolver-rules=MAP page.test 127.0.0.1',
];

/** Builds the page of live streams into a folder of its own; gives it and how to remove it. */
export async function buildPage(): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-page-'));
  await promisify(execFile)('npx', [
    ...['vite', 'build', '--config', 'modules/http/page/vite.config.ts', '--logLevel', 'error'],
    ...['--outDir', folder],
  ]);
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Ports that were free a moment ago; held together, so that they differ. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createTcpServer());
  await Promise.all(servers.map((each) => new Promise<void>((resolve) => each.listen(0, '127.0.0.1', resolve))));
  const ports = servers.map((each) => (each.address() as AddressInfo).port);
  await Promise.all(servers.map((each) => new Promise((resolve) => each.close(resolve))));
  return ports;
}

/** What a video element of the page shows. */
export interface Look {
  readonly time: number;
  readonly width: number;
  readonly muted: boolean;
  readonly frames: number;
}

/** Chromium with a fake camera; every page that it opens is watched for breaches of its own rules. */
export class PageBrowser {
  readonly problems: string[] = [];
  readonly #browser: Browser;
  readonly #context: BrowserContext;

  private constructor(browser: Browser, context: BrowserContext) {
    this.#browser = browser;
    this.#context = context;
  }

  static async start(): Promise<PageBrowser> {
    const browser = await launchChromium({ peers: true, more: flags });
    return new PageBrowser(browser, await browser.newContext({ ignoreHTTPSErrors: true }));
  }

  /** A page that has gone nowhere yet. */
  async open(): Promise<Page> {
    const page = await this.#context.newPage();
    page.on('pageerror', (error) => this.problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy|Refused/.test(message.text()))
        this.problems.push(message.text());
    });
    return page;
  }

  stop(): Promise<void> {
    return this.#browser.close();
  }
}

export function look(page: Page): Promise<Look> {
  return page.evaluate(() => {
    const video = document.querySelector('video');
    return {
      time: video?.currentTime ?? 0,
      width: video?.videoWidth ?? 0,
      muted: video?.muted ?? false,
      frames: video?.getVideoPlaybackQuality().totalVideoFrames ?? 0,
    };
  });
}

/** Resolves once so many pictures more than now were shown, and the time has moved on. */
export async function framesAdvance(page: Page, count: number): Promise<Look> {
  const before = await look(page);
  await page.waitForFunction(
    ({ frames, time }) => {
      const video = document.querySelector('video');
      return video !== null && video.getVideoPlaybackQuality().totalVideoFrames >= frames && video.currentTime > time;
    },
    { frames: before.frames + count, time: before.time },
    { timeout: 60_000 },
  );
  return look(page);
}

/** The value of a figure that the page shows; waits until it is there. */
export async function fact(page: Page, name: string): Promise<string> {
  const value = page.locator('.fact', { has: page.getByText(name, { exact: true }) }).locator('dd');
  return (await value.textContent({ timeout: 30_000 })) ?? '';
}
