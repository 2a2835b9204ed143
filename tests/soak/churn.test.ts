import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import fc from 'fast-check';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { hlsModule } from '../../modules/hls/index.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { eventually } from '../conformance/suite.ts';
import { collectGarbage } from '../support/collect-garbage.ts';
import { RtmpTestClient } from '../support/rtmp-client.ts';
import { sendMovie } from '../support/rtmp-media.ts';

/** Seconds of churn; hours by hand: SOAK_SECONDS=7200 npm run soak. */
const seconds = Number(process.env['SOAK_SECONDS'] ?? 40);
const seed = Number(process.env['SOAK_SEED'] ?? 7);
const names = ['one', 'two', 'three'];

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Repeatable choices. */
function dice(): (sides: number) => number {
  const numbers = fc.sample(fc.nat(1_000_000), { numRuns: 10_000, seed });
  let at = 0;
  return (sides) => {
    at = (at + 1) % numbers.length;
    return (numbers[at] ?? 0) % sides;
  };
}

describe('Soak: publishers and players come and go', () => {
  let server: Server;
  let rtmp: number;
  let hls: string;

  before(async () => {
    const loopback = { host: '127.0.0.1', port: 0 };
    server = createServer({
      modules: [rtmpModule, hlsModule],
      config: {
        rtmp: { listen: loopback, limits: { perAddress: 5_000 } },
        hls: { listen: loopback, secure: { enabled: false }, idle: '1s', ended: '1s', limits: { idle: '1s' } },
        streams: { reconnectGrace: '500ms', drain: '1s', mediaTimeout: '2s' },
      },
      log: silentLog,
    });
    await server.start();
    const find = (start: string): string => server.urls().find(({ url }) => url.startsWith(start))?.url ?? '';
    rtmp = Number(/:(\d+)\//.exec(find('rtmp://'))?.[1]);
    hls = find('http://')
      .replace('HOST', '127.0.0.1')
      .replace(/\/NAME.*/, '');
  });

  after(() => server.stop());

  async function publishAWhile(roll: (sides: number) => number): Promise<void> {
    const client = await RtmpTestClient.connect({ port: rtmp });
    try {
      const streamId = await client.publish(names[roll(names.length)] ?? 'one');
      for (let turn = 0; turn < 5 + roll(20) && !client.closed; turn += 1) {
        sendMovie(client, streamId, { from: turn * 30, count: 30, size: 1_500, headers: turn === 0 });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      if (roll(2) === 0) client.command(streamId, 'deleteStream', streamId);
    } finally {
      if (roll(2) === 0) client.socket.resetAndDestroy();
      else client.destroy();
    }
  }

  async function playAWhile(roll: (sides: number) => number): Promise<void> {
    const client = await RtmpTestClient.connect({ port: rtmp });
    try {
      await client.play(names[roll(names.length)] ?? 'one');
      if (roll(4) === 0) client.socket.pause();
      await new Promise((resolve) => setTimeout(resolve, roll(400)));
    } finally {
      client.destroy();
    }
  }

  async function watchAWhile(roll: (sides: number) => number): Promise<void> {
    const abort = AbortSignal.timeout(200 + roll(1_500));
    const name = names[roll(names.length)] ?? 'one';
    const answer = await fetch(`${hls}/${name}/index.m3u8`, { signal: abort });
    const line = (await answer.text()).split('\n').find((text) => text !== '' && !text.startsWith('#'));
    if (line !== undefined && answer.ok) await (await fetch(new URL(line, answer.url), { signal: abort })).text();
  }

  async function halfAConnection(roll: (sides: number) => number): Promise<void> {
    const client = await RtmpTestClient.dial(rtmp);
    client.socket.write(Buffer.alloc(roll(1_600), 3));
    await new Promise((resolve) => setTimeout(resolve, roll(100)));
    client.destroy();
  }

  it(`leaves nothing behind after ${seconds} s`, async function () {
    this.timeout((seconds + 60) * 1_000);
    const roll = dice();
    const kinds = [publishAWhile, publishAWhile, playAWhile, playAWhile, playAWhile, watchAWhile, halfAConnection];
    const running = new Set<Promise<void>>();
    let done = 0;
    const churn = async (until: number): Promise<void> => {
      while (performance.now() < until) {
        const visit = (kinds[roll(kinds.length)] ?? playAWhile)(roll)
          // Many are refused, cut or too early: that is what churn is. What counts is what is left of them.
          .catch(() => undefined)
          .finally(() => {
            running.delete(visit);
            done += 1;
          });
        running.add(visit);
        await new Promise((resolve) => setTimeout(resolve, running.size > 60 ? 20 : 4));
      }
      await Promise.all(running);
      await eventually(
        'streams and sessions are gone',
        () => server.core.streams.count === 0 && server.core.sessions.count() === 0,
        20,
      );
    };
    const scopesAtStart = server.core.scope.openScopes;
    await churn(performance.now() + Math.min(8_000, seconds * 200));
    await eventually('scopes back at base line', () => server.core.scope.openScopes <= scopesAtStart, 20);
    collectGarbage();
    const warm = {
      scopes: server.core.scope.openScopes,
      descriptors: openDescriptors(),
      heap: process.memoryUsage().heapUsed,
    };
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    await churn(performance.now() + seconds * 800);
    delay.disable();
    await eventually('scopes back at base line', () => server.core.scope.openScopes <= warm.scopes, 20);
    await eventually('descriptors back at base line', () => openDescriptors() <= warm.descriptors + 3, 20);
    collectGarbage();
    const grown = (process.memoryUsage().heapUsed - warm.heap) / 1e6;
    assert.ok(done > seconds * 10, `only ${done} visits`);
    assert.ok(grown < 8, `the heap grew by ${grown.toFixed(1)} MB over ${done} visits`);
    console.log(
      `      ${done} visits, heap ${grown.toFixed(1)} MB more, event loop p99 ${(delay.percentile(99) / 1e6).toFixed(0)} ms`,
    );
  });
});
