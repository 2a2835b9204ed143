import { fileURLToPath } from 'node:url';
import { makeClip } from './clip.ts';
import { joinQuantile, measureDelivery } from './delivery.ts';
import type { LoadAnswer } from './rtmp-load.ts';
import { ask, freePort, pause, ServerProcess, spawnLoad, waitForPort } from './server-process.ts';
import { printTable, type Row, round } from './table.ts';

const playerProcesses = 2;

/** `rtsp [players,…] [seconds] [tcp|udp|both]`: fan-out of one 2 Mbit/s stream. Peers' figures: ZLMediaKit, docs of the bench. */
export async function run(options: readonly string[]): Promise<void> {
  const counts = (options[0] ?? '100,300,600,1000').split(',').map(Number);
  const seconds = Number(options[1] ?? 15);
  const ways = options[2] === 'tcp' ? [false] : options[2] === 'udp' ? [true] : [false, true];
  const rows: Row[] = [];
  for (const udp of ways) {
    for (const count of counts) {
      rows.push(await fanOut(count, seconds, udp));
      printTable('RTSP: one 2 Mbit/s 720p30 stream to N players', rows);
    }
  }
}

async function fanOut(count: number, seconds: number, udp: boolean): Promise<Row> {
  const [rtspPort, rtmpPort] = await Promise.all([freePort(), freePort()]);
  const file = fileURLToPath(new URL('./rtsp-server.ts', import.meta.url));
  const server = new ServerProcess([process.execPath, '--import=tsx', file, String(rtspPort), String(rtmpPort)]);
  await Promise.all([waitForPort(rtspPort), waitForPort(rtmpPort)]);
  const publisher = spawnLoad('./rtmp-load.ts');
  const loads = Array.from({ length: playerProcesses }, () => spawnLoad('./rtsp-load.ts'));
  try {
    const publish = {
      what: 'publish',
      port: rtmpPort,
      names: ['bench'],
      clip: makeClip(2_000),
      seconds: seconds + count / 40 + 36,
    };
    void ask<LoadAnswer, 'publishing'>(publisher, publish, 'publishing');
    await pause(2.5);
    const order = { what: 'play', port: rtspPort, name: 'bench', count: Math.ceil(count / playerProcesses), udp };
    const joined = await Promise.all(loads.map((load) => ask<LoadAnswer, 'joined'>(load, order, 'joined')));
    await pause(3);
    const cpu = server.cpuMillis();
    const began = performance.now();
    await Promise.all(loads.map((load) => ask<LoadAnswer, 'marked'>(load, { what: 'mark' }, 'marked')));
    await pause(seconds);
    const reports = await Promise.all(
      loads.map((load) => ask<LoadAnswer, 'report'>(load, { what: 'report' }, 'report')),
    );
    const spent = server.cpuMillis() - cpu;
    const elapsed = performance.now() - began;
    const players = reports.flatMap((report) => report.players);
    const { figures } = measureDelivery(players, spent, elapsed);
    return {
      way: udp ? 'UDP' : 'TCP',
      players: players.length,
      ...figures,
      'frames missing': players.reduce((sum, player) => sum + player.missing, 0),
      'players lost': players.filter((player) => player.closed).length,
      'RSS MB': round(server.residentMegabytes(), 0),
      'join p50 ms': joinQuantile(joined, 0.5),
    };
  } finally {
    for (const load of [publisher, ...loads]) {
      load.removeAllListeners('exit');
      load.kill('SIGKILL');
    }
    await server.stop();
  }
}
