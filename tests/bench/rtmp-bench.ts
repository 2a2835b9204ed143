import type { ChildProcess } from 'node:child_process';
import { makeClip } from './clip.ts';
import { joinQuantile, measureDelivery } from './delivery.ts';
import type { LoadAnswer } from './rtmp-load.ts';
import { ask, pause, spawnLoad } from './server-process.ts';
import { type BenchServer, startNodeMediaServer, startSwitchyard } from './servers.ts';
import { printTable, type Row, round } from './table.ts';

interface Plan {
  readonly players: readonly number[];
  readonly seconds: number;
  readonly publishers: number;
}

const playerProcesses = 2;

/** `rtmp [players,players,…] [seconds]`: fan-out of one 2 Mbit/s stream, then ingest of many, beside node-media-server. */
export async function run(options: readonly string[]): Promise<void> {
  const plan: Plan = {
    players: (options[0] ?? '300,600,1000')
      .split(',')
      .map(Number)
      .filter((count) => count > 0),
    seconds: Number(options[1] ?? 15),
    publishers: Number(options[2] ?? 200),
  };
  const servers: readonly (readonly [string, () => Promise<BenchServer>])[] = [
    ['node-media-server', startNodeMediaServer],
    ['switchyard, at most 40 ms', () => startSwitchyard('low', ['rtmp.merge=40ms'])],
    ['switchyard, at most 350 ms', () => startSwitchyard('merged', [])],
  ];
  const fanOut: Row[] = [];
  for (const count of plan.players) {
    let yardstick = 0;
    for (const [name, start] of servers) {
      // The yardstick saturates its core above a thousand; what it would show there is loss, not cost.
      if (name === 'node-media-server' && count > 1_000) continue;
      const row = await fanOutOf(name, start, count, plan.seconds);
      if (name === 'node-media-server') yardstick = row.cost;
      fanOut.push({ ...row.shown, 'ratio to node-media-server': yardstick === 0 ? '' : round(row.cost / yardstick) });
      printTable('RTMP: one 2 Mbit/s 720p30 stream to N players', fanOut);
    }
  }
  if (plan.publishers > 0)
    await ingest(
      servers.filter(([name]) => !name.includes('40 ms')),
      plan,
    );
}

async function fanOutOf(
  name: string,
  start: () => Promise<BenchServer>,
  count: number,
  seconds: number,
): Promise<{ cost: number; shown: Row }> {
  const server = await start();
  const publisher = spawnLoad('./rtmp-load.ts');
  const loads = Array.from({ length: playerProcesses }, () => spawnLoad('./rtmp-load.ts'));
  try {
    const clip = makeClip(2_000);
    const joining = count / 40 + 6;
    void ask<LoadAnswer, 'publishing'>(
      publisher,
      { what: 'publish', port: server.rtmpPort, names: ['bench'], clip, seconds: seconds + joining + 30 },
      'publishing',
    );
    await pause(2.5);
    const order = { what: 'play', port: server.rtmpPort, name: 'bench', count: Math.ceil(count / playerProcesses) };
    const joined = await Promise.all(loads.map((load) => ask<LoadAnswer, 'joined'>(load, order, 'joined')));
    await pause(3);
    const rssAtStart = server.process.residentMegabytes();
    const cpu = server.process.cpuMillis();
    const began = performance.now();
    await Promise.all(loads.map((load) => ask<LoadAnswer, 'marked'>(load, { what: 'mark' }, 'marked')));
    await pause(seconds);
    const reports = await Promise.all(
      loads.map((load) => ask<LoadAnswer, 'report'>(load, { what: 'report' }, 'report')),
    );
    const spent = server.process.cpuMillis() - cpu;
    const elapsed = performance.now() - began;
    const players = reports.flatMap((report) => report.players);
    const { cost, figures } = measureDelivery(players, spent, elapsed);
    return {
      cost,
      shown: {
        server: name,
        players: players.length,
        ...figures,
        'frames missing': players.reduce((sum, player) => sum + player.missing, 0),
        'players lost': players.filter((player) => player.closed).length,
        'RSS MB, start': round(rssAtStart, 0),
        'RSS MB, end': round(server.process.residentMegabytes(), 0),
        'join p50 ms': joinQuantile(joined, 0.5),
      },
    };
  } finally {
    stopLoads([publisher, ...loads]);
    await server.process.stop();
  }
}

async function ingest(servers: readonly (readonly [string, () => Promise<BenchServer>])[], plan: Plan): Promise<void> {
  const rows: Row[] = [];
  let yardstick = 0;
  for (const [name, start] of servers) {
    const server = await start();
    const loads = Array.from({ length: playerProcesses }, () => spawnLoad('./rtmp-load.ts'));
    try {
      const clip = makeClip(500);
      const half = Math.ceil(plan.publishers / loads.length);
      const seconds = plan.seconds + 15;
      for (const [index, load] of loads.entries()) {
        const names = Array.from({ length: half }, (_, number) => `bench-${index}-${number}`);
        load.send({ what: 'publish', port: server.rtmpPort, names, clip, seconds });
      }
      // Connecting, and the compiler's warming up, are not what is measured.
      await pause(6);
      const sent = async (): Promise<number> => {
        const answers = await Promise.all(loads.map((load) => ask<LoadAnswer, 'sent'>(load, { what: 'sent' }, 'sent')));
        return answers.reduce((sum, answer) => sum + answer.bytes, 0);
      };
      const before = { bytes: await sent(), cpu: server.process.cpuMillis() };
      await pause(plan.seconds);
      const megabits = (((await sent()) - before.bytes) * 8) / 1e6;
      const cost = ((server.process.cpuMillis() - before.cpu) * 1_000) / megabits;
      if (name === 'node-media-server') yardstick = cost;
      rows.push({
        server: name,
        publishers: half * loads.length,
        'µs CPU/Mbit received': round(cost, 0),
        'ratio to node-media-server': round(cost / yardstick),
        'RSS MB': round(server.process.residentMegabytes(), 0),
      });
    } finally {
      stopLoads(loads);
      await server.process.stop();
    }
  }
  printTable('RTMP: ingest of many 0.5 Mbit/s streams', rows);
}

function stopLoads(loads: readonly ChildProcess[]): void {
  for (const load of loads) {
    load.removeAllListeners('exit');
    load.kill('SIGKILL');
  }
}
