import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { type Browser, chromium, type Page } from 'playwright-core';
import { noCredentials } from '../../core/access/access-control.ts';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { modules } from '../../modules/index.ts';
import { transcoders } from '../../transcoders/index.ts';
import { fakeH264, videoFrame } from '../support/fake-media.ts';

/** What functions that run in the page see of it; this program has no document. */
declare const document: {
  querySelector(selector: 'video'): { currentTime: number; videoWidth: number; muted: boolean } | null;
};

const chromiumFlags = [
  '--headless=new',
  '--no-sandbox',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

describe('the page of live streams, in Chromium, with the demo', function () {
  this.timeout(60_000);
  let folder: string;
  let server: Server;
  let browser: Browser;
  let page: Page;
  let tree: Record<string, unknown>;
  const problems: string[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchyard-page-'));
    await promisify(execFile)('npx', [
      ...['vite', 'build', '--config', 'modules/http/page/vite.config.ts', '--logLevel', 'error'],
      ...['--outDir', folder],
    ]);
    const [http = 0, hls = 0, rtmp = 0] = await freePorts(3);
    const on = (port: number) => ({ host: '127.0.0.1', port });
    const off = { enabled: false };
    tree = {
      server: { drain: '1s' },
      http: { listen: on(http), secure: off, page: { folder } },
      hls: { listen: on(hls), secure: off },
      rtmp: { listen: on(rtmp) },
      // Not of the page, and their ports may be taken.
      rtsp: false,
      websocket: false,
      demo: { enabled: true },
    };
    server = createServer({ modules: [...modules, ...transcoders], log: silentLog, config: tree });
    await server.start();
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: chromiumFlags });
    page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy|Refused/.test(message.text()))
        problems.push(message.text());
    });
    await page.goto(`http://127.0.0.1:${http}/`);
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('opens with the demo playing, muted, and lists it', async () => {
    await page.waitForFunction(() => (document.querySelector('video')?.currentTime ?? 0) > 1, undefined, {
      timeout: 30_000,
    });
    const before = await look(page);
    assert.equal(before.width, 1280);
    assert.equal(before.muted, true);
    await page.waitForFunction((from) => (document.querySelector('video')?.currentTime ?? 0) > from + 3, before.time);
    assert.deepEqual(await page.locator('.entry-name').allTextContents(), ['demo']);
    assert.equal(await page.locator('.player h2').textContent(), 'demo');
  });

  it('shows latency below 2 s, codecs and size', async () => {
    const fact = (name: string) => page.locator('.fact', { hasText: name }).locator('dd').textContent();
    const latency = Number.parseFloat((await fact('Latency')) ?? '');
    assert.ok(latency > 0 && latency < 2, `${latency} s`);
    assert.equal(await fact('Video'), 'H.264');
    assert.equal(await fact('Size'), '1280 × 720');
    assert.match((await fact('Bit rate')) ?? '', /^\d\.\d Mbit\/s$/);
  });

  it('shows a small picture of what is in view, and asks for no other', async () => {
    await page.locator('.entry-thumbnail img').first().waitFor({ timeout: 20_000 });
    const asked: string[] = [];
    page.on('request', (request) => {
      const name = /\/thumbnails\/(.*)\.jpg/.exec(request.url())?.[1];
      if (name !== undefined) asked.push(name);
    });
    const { sessions, streams, scope } = server.core;
    const session = sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', parent: scope });
    for (let number = 10; number < 30; number += 1) {
      const request = {
        session,
        credentials: noCredentials,
        onConflict: 'refuse' as const,
        expects: ['video' as const],
      };
      const publication = await streams.publish({ ...request, name: `many${number}` });
      publication.addTrack(fakeH264()).write(videoFrame(fakeH264(), 0));
    }
    await page.locator('.entry-name', { hasText: 'many29' }).waitFor({ state: 'attached', timeout: 20_000 });
    await page.waitForTimeout(1_000);
    assert.ok(asked.includes('many10'), asked.join(' '));
    assert.ok(!asked.includes('many29') && asked.length < 10, asked.join(' '));
    await page.locator('.entry-name', { hasText: 'many29' }).scrollIntoViewIfNeeded();
    const came = () => asked.includes('many29');
    for (let turn = 0; turn < 50 && !came(); turn += 1) await page.waitForTimeout(100);
    assert.ok(came(), asked.join(' '));
    // A card that is in view is asked for again, and not all the time.
    assert.equal(asked.filter((name) => name === 'many29').length, 1);
    await session.scope.close({ code: 'done' });
  });

  it('tells how to publish when nothing is live', async () => {
    await server.reload({ ...tree, demo: { enabled: false } });
    await page.locator('.empty h2').waitFor({ timeout: 20_000 });
    const addresses = await page.locator('.empty code').allTextContents();
    assert.match(addresses[0] ?? '', /^rtmp:\/\/127\.0\.0\.1:\d+\/live\/mystream$/);
  });

  it('broke none of its own rules', () => {
    assert.deepEqual(problems, []);
  });

  it('weighs less than 200 kB, and loads nothing from elsewhere', async () => {
    let bytes = 0;
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const content = await readFile(join(entry.parentPath, entry.name));
      bytes += gzipSync(content).length;
      if (entry.name.endsWith('.html')) assert.doesNotMatch(content.toString(), /(src|href)="(https?:)?\/\//);
    }
    assert.ok(bytes > 10_000 && bytes < 200_000, `${bytes} bytes`);
  });
});

function look(page: Page): Promise<{ time: number; width: number; muted: boolean }> {
  return page.evaluate(() => {
    const video = document.querySelector('video');
    return { time: video?.currentTime ?? 0, width: video?.videoWidth ?? 0, muted: video?.muted ?? false };
  });
}

/** Ports that were free a moment ago; held together, so that they differ. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createTcpServer());
  await Promise.all(servers.map((each) => new Promise<void>((resolve) => each.listen(0, '127.0.0.1', resolve))));
  const ports = servers.map((each) => (each.address() as AddressInfo).port);
  await Promise.all(servers.map((each) => new Promise((resolve) => each.close(resolve))));
  return ports;
}
