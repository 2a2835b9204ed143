import assert from 'node:assert/strict';
import { sideBySide } from '../support/side-by-side.ts';
import { TcpRelay } from '../support/tcp-relay.ts';
import { waitFor } from '../support/wait-for.ts';
import { has, WebsdkBrowser, type WebsdkClient } from '../support/websdk-browser.ts';
import { WebsdkServer } from '../support/websdk-server.ts';

/** Checks 1 to 3 of the reference's part k. */
describe('The client SDK of WCS in Chromium: sessions', function () {
  this.timeout(90_000);
  let browser: WebsdkBrowser;
  const itBeside = sideBySide();

  before(async () => {
    browser = await WebsdkBrowser.start();
  });

  after(() => browser?.stop());

  /** What a test opens is closed whatever becomes of it. */
  type Keep = <T extends { stop(): Promise<void> }>(opened: T) => T;

  function itOpens(title: string, run: (keep: Keep) => Promise<void>): void {
    itBeside(title, async () => {
      const open: { stop(): Promise<void> }[] = [];
      const keep: Keep = (opened) => {
        open.push(opened);
        return opened;
      };
      try {
        await run(keep);
      } finally {
        for (const one of open.reverse()) await one.stop();
      }
    });
  }

  const statusesOf = (client: WebsdkClient, holds: (statuses: readonly string[]) => boolean) =>
    client.until(() => client.sessionStatuses, holds);

  itOpens('1: connects, hears its own settings again, and answers six pings of the default interval', async (keep) => {
    const running = keep(await WebsdkServer.start());
    const custom = { login: 'anna', nested: { list: [1, 'two', true] } };
    const client = await browser.connect(running.port, { custom });
    assert.deepEqual(await client.sessionStatuses, ['CONNECTED', 'ESTABLISHED']);
    const echo = await client.page.evaluate<Record<string, unknown>>('echo');
    assert.deepEqual(echo['custom'], custom);
    assert.equal(echo['appKey'], 'defaultApp');
    assert.match(String(echo['authToken']), /^[\w-]{40,}$/);
    await waitFor('six pings', () => client.heard('ping').length >= 6, 60);
    await waitFor('their pongs', () => client.said('pong').length >= client.heard('ping').length, 10);
    assert.deepEqual(client.errors, []);
    assert.deepEqual(await client.sessionStatuses, ['CONNECTED', 'ESTABLISHED']);
    await client.close();
  });

  itOpens(
    '2: is DISCONNECTED when the server stops, with every stream FAILED, and FAILED where there is none',
    async (keep) => {
      const running = keep(await WebsdkServer.start());
      const { port } = running;
      const client = await browser.connect(port);
      await client.publish('out', { name: 'room' });
      await client.waitFor('out', has('PUBLISHING'));
      await client.play('in', { name: 'room' });
      await client.waitFor('in', has('PLAYING'));
      await running.stop();
      await statusesOf(client, (told) => told.includes('DISCONNECTED'));
      assert.deepEqual(await client.sessionStatuses, ['CONNECTED', 'ESTABLISHED', 'DISCONNECTED']);
      for (const key of ['out', 'in']) assert.match((await client.look(key)).statuses.at(-1) ?? '', /^FAILED/);
      await client.close();
      const stranger = await browser.open();
      await stranger.call('begin', { urlServer: `ws://127.0.0.1:${port}` });
      assert.deepEqual(await statusesOf(stranger, (told) => told.length > 0), ['FAILED']);
      await stranger.close();
    },
  );

  /** The check's 6 s, 5 s and 60 s, each a fifth. */
  itOpens('3: stays up with probes while pings come, and FAILED when they freeze', async (keep) => {
    const running = keep(await WebsdkServer.start({ ping: '1s' }));
    const relay = keep(await TcpRelay.start(running.port));
    const client = await browser.connect(relay.port, { receiveProbes: 3, probesInterval: 1_200 });
    await waitFor('twelve pings', () => client.heard('ping').length >= 12, 60);
    assert.deepEqual(await client.sessionStatuses, ['CONNECTED', 'ESTABLISHED']);
    relay.mute();
    await statusesOf(client, (told) => told.includes('FAILED'));
    await waitFor('the session to go', () => running.server.core.sessions.count('websocket') === 0, 30);
    await client.close();
  });

  itOpens('comes back to its kept session', async (keep) => {
    const running = keep(await WebsdkServer.start());
    const first = await browser.connect(running.port, { keepAlive: true });
    const { authToken, sessionId } = await first.page.evaluate<Record<string, string>>('echo');
    await first.close();
    const second = await browser.connect(running.port, { keepAlive: true, authToken });
    const echo = await second.page.evaluate<Record<string, string>>('echo');
    assert.equal(echo['sessionId'], sessionId);
    assert.equal(running.server.core.sessions.count('websocket'), 1);
    await second.close();
  });
});
