import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { noCredentials } from '../../core/access/access-control.ts';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { modules } from '../../modules/index.ts';
import { transcoders } from '../../transcoders/index.ts';
import { fakeH264, videoFrame } from '../support/fake-media.ts';
import { buildPage, fact, framesAdvance, freePorts, look, PageBrowser } from '../support/page-browser.ts';

describe('the page of live streams, in Chromium, with the demo', function () {
  this.timeout(60_000);
  let built: Awaited<ReturnType<typeof buildPage>>;
  let server: Server;
  let browser: PageBrowser;
  let page: Page;
  let tree: Record<string, unknown>;

  before(async () => {
    built = await buildPage();
    const [http = 0, hls = 0, rtmp = 0] = await freePorts(3);
    const on = (port: number) => ({ host: '127.0.0.1', port });
    const off = { enabled: false };
    tree = {
      server: { drain: '1s' },
      http: { listen: on(http), secure: off, page: { folder: built.folder } },
      hls: { listen: on(hls), secure: off },
      rtmp: { listen: on(rtmp) },
      // Not of the page, and their ports may be taken.
      rtsp: false,
      websocket: false,
      demo: { enabled: true },
    };
    server = createServer({ modules: [...modules, ...transcoders], log: silentLog, config: tree });
    await server.start();
    browser = await PageBrowser.start();
    page = await browser.open();
    await page.goto(`http://127.0.0.1:${http}/`);
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
    await built?.remove();
  });

  it('opens with the demo playing, muted, and lists it', async () => {
    await framesAdvance(page, 30);
    const before = await look(page);
    assert.equal(before.width, 1280);
    assert.equal(before.muted, true);
    await framesAdvance(page, 90);
    assert.deepEqual(await page.locator('.entry-name').allTextContents(), ['demo']);
    assert.equal(await page.locator('.player h2').textContent(), 'demo');
  });

  it('shows latency, codecs, size and rates', async () => {
    assert.match(await fact(page, 'Latency'), /^[\d.]+ m?s$/);
    assert.equal(await fact(page, 'Video'), 'H.264');
    assert.equal(await fact(page, 'Size'), '1280 × 720');
    assert.match(await fact(page, 'Frames'), /^\d+ fps$/);
    assert.match(await fact(page, 'Bit rate'), /^\d\.\d Mbit\/s$/);
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
    assert.deepEqual(browser.problems, []);
  });

  it('weighs less than 200 kB, and loads nothing from elsewhere', async () => {
    let bytes = 0;
    for (const entry of await readdir(built.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const content = await readFile(join(entry.parentPath, entry.name));
      bytes += gzipSync(content).length;
      if (entry.name.endsWith('.html')) assert.doesNotMatch(content.toString(), /(src|href)="(https?:)?\/\//);
    }
    assert.ok(bytes > 10_000 && bytes < 200_000, `${bytes} bytes`);
  });
});
