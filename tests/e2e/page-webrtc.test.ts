import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { SessionClosed } from '../../core/events/catalogue.ts';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { modules } from '../../modules/index.ts';
import { transcoders } from '../../transcoders/index.ts';
import { buildPage, fact, framesAdvance, freePorts, PageBrowser } from '../support/page-browser.ts';
import { waitFor } from '../support/wait-for.ts';

describe('the page of live streams: WebRTC, MSE, falling back, publishing', function () {
  this.timeout(90_000);
  let built: Awaited<ReturnType<typeof buildPage>>;
  let server: Server;
  let browser: PageBrowser;
  let origin: string;
  let secure: number;
  let tree: Record<string, unknown>;
  const pages: Page[] = [];
  /** `whip done`: sessions that ended, and why. */
  const closed: string[] = [];

  before(async () => {
    built = await buildPage();
    const [http = 0, https = 0, hls = 0, rtmp = 0, websocket = 0] = await freePorts(5);
    const on = (port: number) => ({ host: '127.0.0.1', port });
    const off = { enabled: false };
    tree = {
      server: { drain: '1s' },
      http: { listen: on(http), secure: on(https), page: { folder: built.folder } },
      hls: { listen: on(hls), secure: off },
      rtmp: { listen: on(rtmp) },
      websocket: { listen: on(websocket), secure: off },
      rtsp: false,
      demo: { enabled: true },
    };
    server = createServer({ modules: [...modules, ...transcoders], log: silentLog, config: tree });
    await server.start();
    const { core } = server;
    core.events.on(SessionClosed, core.scope, ({ session, reason }) => {
      closed.push(`${session.protocol} ${reason.code}`);
    });
    origin = `http://127.0.0.1:${http}/`;
    secure = https;
    await waitFor('the demo', () => (core.streams.find('demo')?.tracks.length ?? 0) >= 2, 30);
    browser = await PageBrowser.start();
  });

  beforeEach(() => {
    closed.length = 0;
  });

  afterEach(async () => {
    for (const page of pages.splice(0)) await page.close();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
    await built?.remove();
  });

  it('publishes the camera, and another page watches it over WebRTC, both with figures', async () => {
    const publisher = await publish('mine');
    await publisher.locator('.badge', { hasText: 'Live' }).waitFor();
    const viewer = await open('#mine');
    const seen = await framesAdvance(viewer, 60);
    assert.ok(seen.width > 0);
    assert.equal(await way(viewer), 'Automatic: WebRTC');
    assert.equal(await viewer.locator('.note').count(), 0);
    for (const [name, expected] of figures) assert.match(await fact(viewer, name), expected, name);
    assert.match(await fact(viewer, 'Latency'), /^[\d.]+ m?s$/);
    assert.match(await fact(viewer, 'Freezes'), /^\d+$/);
    await framesAdvance(publisher, 30);
    for (const [name, expected] of figures) assert.match(await fact(publisher, name), expected, name);
    assert.match(await fact(publisher, 'Round trip'), /^[\d.]+ m?s$/);
    await publisher.getByRole('button', { name: 'Stop' }).click();
    await waitFor('the session to end', () => closed.includes('whip done'), 10);
    assert.equal(server.core.streams.find('mine'), undefined);
    await publisher.waitForFunction(() => document.querySelector('video')?.srcObject === null);
    // A click on Stop is not also one on what stands there next.
    await publisher.getByRole('button', { name: 'Start publishing' }).waitFor();
    await viewer.getByText('“mine” is not live at the moment.').waitFor();
  });

  it('ends what it publishes and plays when it is left', async () => {
    const publisher = await publish('left');
    await publisher.locator('.badge', { hasText: 'Live' }).waitFor();
    const viewer = await open('#left');
    await framesAdvance(viewer, 10);
    await viewer.goto('about:blank');
    await waitFor('the viewer to leave', () => closed.includes('whep done'), 10);
    await publisher.goto('about:blank');
    await waitFor('the publisher to leave', () => closed.includes('whip done'), 10);
    assert.equal(server.core.streams.find('left'), undefined);
  });

  it('publishes in the codec that was chosen, and goes on while something else is watched', async () => {
    const publisher = await publish('chosen', async (page) => {
      await page.getByLabel('Video codec').selectOption({ label: 'VP8' });
      await page.getByLabel('Microphone').selectOption({ label: 'None' });
    });
    await publisher.locator('.badge', { hasText: 'Live' }).waitFor();
    const codecs = () => server.core.streams.find('chosen')?.tracks.map(({ codec }) => codec.name);
    await waitFor('its track', () => codecs()?.length === 1, 10);
    assert.deepEqual(codecs(), ['vp8']);
    await publisher.getByRole('link', { name: 'Watch it' }).click();
    await framesAdvance(publisher, 30);
    assert.equal(await way(publisher), 'Automatic: WebRTC');
    await publisher.getByRole('link', { name: 'Publishing chosen' }).click();
    await publisher.getByRole('button', { name: 'Stop' }).click();
    await waitFor('the session to end', () => closed.includes('whip done'), 10);
  });

  it('shares the screen', async () => {
    const publisher = await publish('screen', (page) => page.getByLabel('Screen').check());
    await publisher.locator('.badge', { hasText: 'Live' }).waitFor();
    await publisher.getByRole('button', { name: 'Stop' }).click();
    await waitFor('the session to end', () => closed.includes('whip done'), 10);
  });

  it('says that a name is live already, and keeps no camera for it', async () => {
    const publisher = await publish('demo');
    await publisher.getByRole('alert').getByText('“demo” is live already. Choose another name.').waitFor();
    await publisher.getByRole('button', { name: 'Start publishing' }).waitFor();
    await publisher.waitForFunction(() => document.querySelector('video')?.srcObject === null);
  });

  it('says what is not permitted, and what a camera is missing for', async () => {
    const page = await open('#/publish');
    await page.route('**/whip/**', (route) => route.fulfill({ status: 401, body: '{}' }));
    await page.getByRole('button', { name: 'Start publishing' }).click();
    await page.getByRole('alert').getByText('does not allow you to publish').waitFor();
    await page.getByLabel('Access token').waitFor();
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'));
    });
    await page.getByRole('button', { name: 'Start publishing' }).click();
    await page.getByRole('alert').getByText('No camera or no microphone was found.').waitFor();
  });

  it('sends those who came without TLS to the page where cameras are given', async () => {
    const { port } = new URL(origin);
    const page = await open('#/publish', `http://page.test:${port}/`);
    const link = page.getByRole('link', { name: 'Open this page over HTTPS' });
    assert.equal(await link.getAttribute('href'), `https://page.test:${secure}/#/publish`);
  });

  it('plays over MSE when the viewer says so', async () => {
    const page = await open('#demo');
    await framesAdvance(page, 10);
    await page.getByLabel('Played over').selectOption('mse');
    await page.getByText('AAC', { exact: true }).waitFor();
    const seen = await framesAdvance(page, 90);
    assert.equal(seen.width, 1280);
    assert.equal(server.core.sessions.count('websocket'), 1);
    assert.match(await fact(page, 'Latency'), /^[\d.]+ m?s$/);
    await page.getByLabel('Played over').selectOption('webrtc');
    await waitFor('the session to end', () => closed.some((each) => each.startsWith('websocket')), 10);
    await framesAdvance(page, 30);
    await page.locator('.fact').getByText('Opus', { exact: true }).waitFor();
  });

  it('asks for another path when its own falls silent, and plays and publishes on', async () => {
    const publisher = await publish('moving', undefined, keepConnections);
    await publisher.locator('.badge', { hasText: 'Live' }).waitFor();
    const viewer = await open('#moving', origin, keepConnections);
    await framesAdvance(viewer, 10);
    for (const page of [publisher, viewer]) {
      const answered = page.waitForResponse((response) => response.request().method() === 'PATCH');
      await page.evaluate(() => {
        const connection = window.connections.at(-1);
        if (connection === undefined) return;
        Object.defineProperty(connection, 'connectionState', { value: 'disconnected', configurable: true });
        connection.dispatchEvent(new Event('connectionstatechange'));
      });
      assert.equal((await answered).status(), 200);
      await page.evaluate(() => {
        const connection = window.connections.at(-1);
        if (connection === undefined) return;
        delete connection.connectionState;
        connection.dispatchEvent(new Event('connectionstatechange'));
      });
    }
    await framesAdvance(viewer, 120);
    assert.equal(await way(viewer), 'Automatic: WebRTC');
    assert.equal(await viewer.locator('.note').count(), 0);
    await publisher.locator('.badge', { hasText: 'Live' }).waitFor();
    assert.deepEqual(
      closed.filter((each) => /^whip|^whep/.test(each)),
      [],
    );
  });

  it('falls back to LL-HLS when WHEP refuses', async () => {
    const page = await open('#demo', origin, (each) =>
      each.route('**/whep/**', (route) => route.fulfill({ status: 503, body: '{"detail":"Full."}' })),
    );
    await page.getByText('WebRTC did not work: The server has no room at the moment. Full.').waitFor();
    await framesAdvance(page, 30);
    assert.equal(await way(page), 'Automatic: LL-HLS');
    // What was chosen by name is not left.
    await page.getByLabel('Played over').selectOption('webrtc');
    await page.locator('.stage-note').getByText('The server has no room').waitFor();
  });

  it('falls back to LL-HLS when no media comes', async () => {
    const page = await open('#demo', origin, (each) =>
      each.route('**/whep/*', async (route) => {
        const response = await route.fetch();
        const deaf = (await response.text()).replace(/^a=candidate:.*\r\n/gm, '');
        await route.fulfill({ response, body: deaf });
      }),
    );
    await page.getByText('WebRTC did not work: no picture came').waitFor();
    await framesAdvance(page, 30);
    assert.equal(await way(page), 'Automatic: LL-HLS');
  });

  it('falls back to LL-HLS when the server ends the session', async () => {
    const page = await open('#demo');
    await framesAdvance(page, 10);
    for (const session of server.core.sessions.all()) {
      if (session.protocol === 'whep') await session.scope.close({ code: 'terminated' });
    }
    await page.getByText('WebRTC did not work: the connection was lost').waitFor();
    await framesAdvance(page, 30);
    assert.equal(await way(page), 'Automatic: LL-HLS');
  });

  it('plays over LL-HLS at once, and offers no publishing, where WebRTC is off', async () => {
    await server.reload({ ...tree, webrtc: false });
    const page = await open('#demo');
    await framesAdvance(page, 30);
    assert.equal(await way(page), 'Automatic: LL-HLS');
    assert.equal(await page.getByRole('link', { name: 'Publish', exact: true }).count(), 0);
    assert.equal(await page.locator('.note').count(), 0);
  });

  it('broke none of its own rules', () => {
    assert.deepEqual(browser.problems, []);
  });

  async function open(hash: string, at = origin, prepare?: Preparation): Promise<Page> {
    const page = await browser.open();
    pages.push(page);
    await prepare?.(page);
    await page.goto(`${at}${hash}`);
    return page;
  }

  /** `fill` chooses more than the name; `prepare` comes before the page does. */
  async function publish(name: string, fill?: Preparation, prepare?: Preparation): Promise<Page> {
    const page = await open('#/publish', origin, prepare);
    await page.getByLabel('Name').fill(name);
    await fill?.(page);
    await page.getByRole('button', { name: 'Start publishing' }).click();
    return page;
  }
});

type Preparation = (page: Page) => Promise<unknown>;

/** What functions that run in the page see of it. */
declare const document: { querySelector(selector: 'video'): { readonly srcObject: unknown } | null };
declare const navigator: { readonly mediaDevices: { getUserMedia: () => Promise<never> } };
declare const DOMException: new (message: string, name: string) => Error;

declare const window: { connections: { connectionState?: string; dispatchEvent(event: Event): void }[] };

/** Lets a test say what the network does: the page's connections stand in `window.connections`. */
function keepConnections(page: Page): Promise<unknown> {
  return page.addInitScript(`
    window.connections = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(...given) {
        super(...given);
        window.connections.push(this);
      }
    };
  `);
}

const figures = [
  ['Video', /^(H\.264|VP8|VP9|AV1)$/],
  ['Size', /^\d+ × \d+$/],
  ['Frames', /^\d+ fps$/],
  ['Audio', /^Opus$/],
  ['Bit rate', /^[\d.]+ [kM]bit\/s$/],
  ['Loss', /^[\d.]+ %$/],
] as const;

/** What the choice of the way says. */
async function way(page: Page): Promise<string> {
  return (await page.locator('.way option:checked').textContent()) ?? '';
}
