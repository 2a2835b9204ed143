import assert from 'node:assert/strict';
import { HlsBrowser, type PlayerState } from '../support/hls-browser.ts';
import { HlsServer } from '../support/hls-server.ts';
import { type Clip, MediaSource, makeClip } from '../support/media-source.ts';
import { sideBySide } from '../support/side-by-side.ts';

/** Seconds to watch; a minute is the promise, kept without a stall when asked for by this variable: a busy machine stalls by itself. */
const asked = process.env['HLS_BROWSER_SECONDS'];
const watched = Number(asked ?? 10);

describe('HLS: hls.js in Chromium', function () {
  this.timeout((watched * 3 + 60) * 1_000);
  let server: HlsServer;
  let browser: HlsBrowser;
  let clip: Clip;
  /** A measurement is made alone. */
  const itBeside = sideBySide(asked === undefined ? 3 : 1);

  before(async () => {
    clip = await makeClip({ size: '640x360' });
    server = await HlsServer.start({ secure: { host: '127.0.0.1', port: 0 } });
    browser = await HlsBrowser.start();
  });

  after(async () => {
    await browser.stop();
    await server.stop();
  });

  it(`plays for ${watched} s`, async () => {
    const source = await MediaSource.publish(server.core, 'live', clip, { loop: true });
    const states = await browser.play(`${server.url}/live/index.m3u8`, watched);
    assertFluent(states);
    assert.equal(server.fact('viewers'), 1);
    await source.end();
  });

  itBeside('plays over HTTP/2', async () => {
    const source = await MediaSource.publish(server.core, 'secure', clip, { loop: true });
    assertFluent(await browser.play(`${server.secureUrl}/secure/secure.m3u8`, 6));
    await source.end();
  });

  itBeside('plays the MPEG-TS variant', async () => {
    const source = await MediaSource.publish(server.core, 'old', clip, { loop: true });
    const states = await browser.play(`${server.url}/old/ts.m3u8`, 8);
    const last = states[states.length - 1] as PlayerState;
    assert.ok(last.currentTime - (states[0]?.currentTime ?? 0) > 4, `it moves: ${JSON.stringify(states)}`);
    assert.equal(last.width, 640);
    await source.end();
  });

  itBeside('goes on when the publisher comes back', async () => {
    const first = await MediaSource.publish(server.core, 'back', clip, { loop: true });
    const playing = browser.play(`${server.url}/back/index.m3u8`, 16);
    await new Promise((resolve) => server.core.clock.after(6_000_000 as never, () => resolve(undefined)));
    await first.drop();
    await new Promise((resolve) => server.core.clock.after(1_500_000 as never, () => resolve(undefined)));
    const second = await MediaSource.publish(server.core, 'back', clip, { loop: true });
    const states = await playing;
    const last = states[states.length - 1] as PlayerState;
    const before = states[states.length - 4] as PlayerState;
    assert.ok(last.currentTime - before.currentTime > 2, `it moves again: ${JSON.stringify(states.slice(-4))}`);
    await second.end();
  });
});

/** That it plays on without errors; how smoothly is only judged when a measurement was asked for. */
function assertFluent(states: readonly PlayerState[]): void {
  const first = states[0] as PlayerState;
  const last = states[states.length - 1] as PlayerState;
  const seen = JSON.stringify(last);
  const elapsed = states.length - 1;
  assert.ok(last.currentTime - first.currentTime > elapsed * 0.5, `time goes on: ${seen}`);
  assert.ok(last.frames - first.frames > elapsed * 10, `frames come: ${seen}`);
  assert.equal(last.width, 640);
  assert.deepEqual(
    last.errors.filter((error) => error !== 'bufferStalledError'),
    [],
    seen,
  );
  if (asked === undefined) return;
  assert.equal(last.stalls, 0, seen);
  assert.deepEqual(last.errors, [], seen);
  assert.ok(last.currentTime - first.currentTime > elapsed * 0.95, `in real time: ${seen}`);
  assert.ok(last.dropped <= last.frames * 0.02, `few frames are dropped: ${seen}`);
  assert.ok(last.frames - first.frames > elapsed * 28, `30 frames a second: ${seen}`);
  for (const state of states.slice(2)) assert.ok(state.latency < 2, `latency: ${JSON.stringify(state)}`);
}
