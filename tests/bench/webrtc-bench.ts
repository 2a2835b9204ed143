import { fileURLToPath } from 'node:url';
import { makeClip } from './clip.ts';
import { joinQuantile, measureDelivery } from './delivery.ts';
import type { LoadAnswer } from './rtmp-load.ts';
import { ask, freePort, pause, ServerProcess, spawnLoad, waitForPort } from './server-process.ts';
import { printTable, type Row, round } from './table.ts';
import type { WebRtcLoadAnswer } from './webrtc-load.ts';

const viewerProcesses = 3;
/** Above, werift saturates the core: what waits for it fills its heap until it dies. */
const mostOfYardstick = 120;

interface RunningServer {
  readonly process: ServerProcess;
  readonly url: string;
}

/**
 * `webrtc [viewers,…] [seconds] [alone]`: fan-out of one 2 Mbit/s stream over WHEP, beside werift's RTCPeerConnection. With
 * BENCH_CPU_PROF=FOLDER the servers leave their CPU profiles there.
 */
export async function run(options: readonly string[]): Promise<void> {
  const counts = (options[0] ?? '50,100,200').split(',').map(Number);
  const seconds = Number(options[1] ?? 15);
  const rows: Row[] = [];
  for (const count of counts) {
    const isAlone = options[2] === 'alone' || count > mostOfYardstick;
    const yardstick = isAlone ? undefined : await fanOut('werift', count, seconds);
    const ours = await fanOut('switchyard', count, seconds);
    if (yardstick !== undefined) rows.push(yardstick.shown);
    const ratio = yardstick === undefined ? '' : round(ours.cost / yardstick.cost);
    rows.push({ ...ours.shown, 'ratio to werift': ratio });
    printTable('WebRTC: one 2 Mbit/s 720p30 stream to N viewers', rows);
  }
}

function start(file: string, port: number, ...more: readonly string[]): ServerProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const profile = process.env['BENCH_CPU_PROF'];
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  return new ServerProcess([process.execPath, ...flags, '--import=tsx', path, String(port), ...more]);
}

async function startSwitchyard(httpPort: number, clip: string, seconds: number, cleanups: (() => void)[]) {
  const rtmpPort = await freePort();
  const server = start('./webrtc-server.ts', httpPort, String(rtmpPort));
  await Promise.all([waitForPort(httpPort), waitForPort(rtmpPort)]);
  const publisher = spawnLoad('./rtmp-load.ts');
  cleanups.push(() => {
    publisher.removeAllListeners('exit');
    publisher.kill('SIGKILL');
  });
  const publish = { what: 'publish', port: rtmpPort, names: ['bench'], clip, seconds };
  void ask<LoadAnswer, 'publishing'>(publisher, publish, 'publishing');
  return { process: server, url: `http://127.0.0.1:${httpPort}/whep/bench` };
}

async function startWerift(port: number, clip: string): Promise<RunningServer> {
  const server = start('./werift-server.ts', port, clip);
  await waitForPort(port);
  return { process: server, url: `http://127.0.0.1:${port}/` };
}

async function fanOut(
  name: 'switchyard' | 'werift',
  count: number,
  seconds: number,
): Promise<{ cost: number; shown: Row }> {
  const clip = makeClip(2_000);
  const cleanups: (() => void)[] = [];
  const port = await freePort();
  const server =
    name === 'werift'
      ? await startWerift(port, clip)
      : await startSwitchyard(port, clip, seconds + count / 2 + 60, cleanups);
  const loads = Array.from({ length: viewerProcesses }, () => spawnLoad('./webrtc-load.ts'));
  try {
    await pause(2.5);
    const shares = loads.map((_, index) => Math.floor((count + index) / loads.length));
    const joined = await Promise.all(
      loads.map((load, index) =>
        ask<WebRtcLoadAnswer, 'joined'>(load, { what: 'play', url: server.url, count: shares[index] }, 'joined'),
      ),
    );
    await pause(3);
    const cpu = server.process.cpuMillis();
    const began = performance.now();
    await Promise.all(loads.map((load) => ask<WebRtcLoadAnswer, 'marked'>(load, { what: 'mark' }, 'marked')));
    await pause(seconds);
    const reports = await Promise.all(
      loads.map((load) => ask<WebRtcLoadAnswer, 'report'>(load, { what: 'report' }, 'report')),
    );
    const spent = server.process.cpuMillis() - cpu;
    const elapsed = performance.now() - began;
    const players = reports.flatMap((report) => report.players);
    const sum = (of: (player: (typeof players)[number]) => number): number =>
      players.reduce((total, player) => total + of(player), 0);
    const { cost, figures } = measureDelivery(players, spent, elapsed);
    return {
      cost,
      shown: {
        server: name,
        viewers: players.length,
        ...figures,
        'packets missing': sum(({ lost }) => lost),
        'frames missing': sum(({ missing }) => missing),
        'frames, fewest': Math.min(...players.map(({ frames }) => frames)),
        'not authentic': sum(({ forged }) => forged),
        'viewers lost': players.filter(({ closed }) => closed).length,
        'RSS MB': round(server.process.residentMegabytes(), 0),
        'join p50 ms': joinQuantile(joined, 0.5),
        'join p99 ms': joinQuantile(joined, 0.99),
      },
    };
  } finally {
    for (const load of loads) {
      load.removeAllListeners('exit');
      load.kill('SIGKILL');
    }
    for (const clean of cleanups) clean();
    await server.process.stop();
  }
}
