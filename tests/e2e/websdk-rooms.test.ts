import assert from 'node:assert/strict';
import { waitFor } from '../support/wait-for.ts';
import { has, plays, WebsdkBrowser, type WebsdkClient } from '../support/websdk-browser.ts';
import { WebsdkServer } from '../support/websdk-server.ts';

/** Check 16 of the reference's part k, with the package's room API. */
describe('The room API of WCS in Chromium', function () {
  this.timeout(60_000);
  let browser: WebsdkBrowser;
  let running: WebsdkServer;
  const clients: WebsdkClient[] = [];

  before(async () => {
    running = await WebsdkServer.start();
    browser = await WebsdkBrowser.start();
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) {
      assert.deepEqual(client.errors, []);
      await client.close();
    }
    const { streams, sessions } = running.server.core;
    await waitFor('all to leave', () => streams.count === 0 && sessions.count() === 0, 20);
    assert.equal(rooms(), 0);
  });

  after(async () => {
    await browser?.stop();
    await running?.stop();
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  const rooms = (): unknown =>
    running.server.inspect().modules.find(({ module }) => module === 'websocket')?.detail?.['rooms'];

  async function join(room: string, username: string): Promise<WebsdkClient> {
    const client = await browser.join(running.port, room, username);
    clients.push(client);
    return client;
  }

  const heard = (client: WebsdkClient, event: string): Promise<readonly string[]> =>
    client.until(
      () => client.roomEvents,
      (events) => events.includes(event),
    );

  it('16: two in a room meet, publish, see and hear each other, talk and leave', async () => {
    const anna = await join('lobby', 'anna');
    assert.deepEqual(await anna.roomEvents, ['STATE']);
    const bert = await join('lobby', 'bert');
    assert.deepEqual(await bert.roomEvents, ['STATE anna']);
    await heard(anna, 'JOINED bert');

    await anna.call('publishInRoom', 'out');
    const out = await anna.waitFor('out', has('PUBLISHING'));
    assert.match(out.name, /^lobby-anna-[0-9a-f]{4}$/);
    await heard(bert, 'PUBLISHED anna');
    await bert.call('playInRoom', 'in', 'anna');
    const seen = await bert.waitFor('in', plays(20));
    assert.deepEqual([seen.name, seen.width, seen.height], [out.name, 640, 480]);

    // One who comes later finds who is there and what they publish.
    const carl = await join('lobby', 'carl');
    assert.deepEqual([...((await carl.roomEvents)[0]?.split(' ') ?? [])].sort(), ['STATE', 'anna', 'bert']);
    await carl.call('playInRoom', 'in', 'anna');
    await carl.waitFor('in', plays(5));

    await bert.page.evaluate("participant('anna').sendMessage('hello, ☕')");
    await heard(anna, 'MESSAGE bert hello, ☕');
    assert.ok(!(await carl.roomEvents).some((event) => event.startsWith('MESSAGE')));

    await anna.stop('out');
    await anna.waitFor('out', has('UNPUBLISHED'));
    const ended = await bert.waitFor('in', has('STOPPED'));
    assert.equal(ended.statuses.at(-1), 'STOPPED Stopped by publisher stop');
    await bert.until(
      () => bert.page.evaluate<number>("participant('anna').getStreams().length"),
      (count) => count === 0,
    );
    await anna.page.evaluate('room.leave().then(() => undefined)');
    await heard(bert, 'LEFT anna');
    await heard(carl, 'LEFT anna');
  });

  it('16: whose page closes has left, and a login is in a room once', async () => {
    const anna = await join('small', 'anna');
    const bert = await join('small', 'bert');
    const twin = await join('small', 'anna');
    assert.deepEqual(await twin.roomEvents, ['FAILED The login is in the room already']);
    await bert.call('publishInRoom', 'out');
    await bert.waitFor('out', has('PUBLISHING'));
    await heard(anna, 'PUBLISHED bert');
    await bert.close();
    await heard(anna, 'LEFT bert');
    // Another room hears nothing of all this.
    const other = await join('other', 'anna');
    assert.deepEqual(await other.roomEvents, ['STATE']);
  });
});
