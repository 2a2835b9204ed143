import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { makeClip } from './clip.ts';
import type { HlsReport } from './hls-load.ts';
import type { LoadAnswer } from './rtmp-load.ts';
import { ask, freePort, pause, ServerProcess, spawnLoad, waitForPort } from './server-process.ts';
import { startSwitchyard } from './servers.ts';
import { printTable, type Row, round } from './table.ts';

const loadProcesses = 2;

/** `hls [players] [seconds]`: segments of one 2 Mbit/s stream to N players, beside nginx with the same segments as files. */
export async function run(options: readonly string[]): Promise<void> {
  const players = Number(options[0] ?? 600);
  const seconds = Number(options[1] ?? 20);
  const server = await startSwitchyard('hls', []);
  const publisher = spawnLoad('./rtmp-load.ts');
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-hls-'));
  const nginx = await startNginx(folder);
  const mirror = new Mirror(server.hlsPort, folder);
  try {
    const order = {
      what: 'publish',
      port: server.rtmpPort,
      names: ['bench'],
      clip: makeClip(2_000),
      seconds: seconds * 3 + 90,
    };
    await ask<LoadAnswer, 'publishing'>(publisher, order, 'publishing');
    await pause(2);
    await mirror.start();
    await pause(14);
    const rows: Row[] = [];
    const own = await measure({
      name: 'switchyard',
      process: server.process,
      port: server.hlsPort,
      path: '/bench/index.m3u8',
      players,
      seconds,
    });
    rows.push(own.row);
    const files = await measure({
      name: 'nginx, files',
      process: nginx.process,
      port: nginx.port,
      path: '/media.m3u8',
      players,
      seconds,
    });
    rows.push({ ...files.row, 'ratio to nginx': 1 });
    rows[0] = { ...own.row, 'ratio to nginx': round(own.cost / files.cost) };
    printTable(`HLS: segments of one 2 Mbit/s stream to ${players} players`, rows);
  } finally {
    mirror.stop();
    publisher.kill('SIGKILL');
    await Promise.all([server.process.stop(), nginx.process.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Subject {
  readonly name: string;
  readonly process: ServerProcess;
  readonly port: number;
  readonly path: string;
  readonly players: number;
  readonly seconds: number;
}

async function measure(subject: Subject): Promise<{ cost: number; row: Row }> {
  const loads = Array.from({ length: loadProcesses }, () => spawnLoad('./hls-load.ts'));
  try {
    const count = Math.ceil(subject.players / loads.length);
    for (const load of loads) load.send({ what: 'play', port: subject.port, path: subject.path, count });
    await pause(8);
    await Promise.all(loads.map((load) => ask<HlsReport, 'report'>(load, { what: 'report' }, 'report')));
    const cpu = subject.process.cpuMillis();
    await pause(subject.seconds);
    const spent = subject.process.cpuMillis() - cpu;
    const reports = await Promise.all(
      loads.map((load) => ask<HlsReport, 'report'>(load, { what: 'report' }, 'report')),
    );
    const sum = (pick: (report: HlsReport) => number): number =>
      reports.reduce((total, report) => total + pick(report), 0);
    const megabits = (sum((report) => report.bytes) * 8) / 1e6;
    const cost = (spent * 1_000) / megabits;
    return {
      cost,
      row: {
        server: subject.name,
        players: count * loads.length,
        'µs CPU/Mbit': round(cost, 0),
        'Mbit/s delivered': round(megabits / subject.seconds, 0),
        'core %': round(spent / (subject.seconds * 10), 0),
        segments: sum((report) => report.segments),
        failures: sum((report) => report.failures),
        'RSS MB': round(subject.process.residentMegabytes(), 0),
      },
    };
  } finally {
    for (const load of loads) {
      load.removeAllListeners('exit');
      load.kill('SIGKILL');
    }
  }
}

async function startNginx(folder: string): Promise<{ process: ServerProcess; port: number }> {
  const port = await freePort();
  mkdirSync(join(folder, 'tmp'));
  const file = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/tmp;`,
  );
  writeFileSync(
    file,
    `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log stderr crit;
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_timeout 60; ${temporary.join(' ')}
server { listen 127.0.0.1:${port}; root ${folder}; } }
`,
  );
  const process = new ServerProcess(['nginx', '-c', file, '-e', 'stderr']);
  await waitForPort(port);
  return { process, port };
}

/** Copies the live playlist and its segments to files, for the peer to serve. */
class Mirror {
  readonly #base: string;
  readonly #folder: string;
  readonly #have = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #media = '';

  constructor(port: number, folder: string) {
    this.#base = `http://127.0.0.1:${port}`;
    this.#folder = folder;
  }

  async start(): Promise<void> {
    const index = await (await fetch(`${this.#base}/bench/index.m3u8`)).text();
    const variant = index.split('\n').find((line) => line !== '' && !line.startsWith('#')) ?? 'index.m3u8';
    this.#media = new URL(variant.trim(), `${this.#base}/bench/index.m3u8`).href;
    await this.#copy();
    this.#timer = setInterval(() => void this.#copy(), 500);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #copy(): Promise<void> {
    const playlist = await (await fetch(this.#media)).text();
    const lines: string[] = [];
    for (const line of playlist.split(/\r?\n/)) {
      if (line === '' || line.startsWith('#EXT-X-PART') || line.startsWith('#EXT-X-PRELOAD')) continue;
      lines.push(line.startsWith('#') ? line : await this.#copySegment(line));
    }
    writeFileSync(join(this.#folder, 'media.tmp'), lines.join('\n'));
    renameSync(join(this.#folder, 'media.tmp'), join(this.#folder, 'media.m3u8'));
  }

  async #copySegment(uri: string): Promise<string> {
    const url = new URL(uri, this.#media);
    const name = basename(url.pathname);
    if (!this.#have.has(name)) {
      writeFileSync(join(this.#folder, name), Buffer.from(await (await fetch(url)).arrayBuffer()));
      this.#have.add(name);
    }
    return name;
  }
}
