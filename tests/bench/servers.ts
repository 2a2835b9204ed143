import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, ServerProcess, waitForPort } from './server-process.ts';

export interface BenchServer {
  readonly name: string;
  readonly process: ServerProcess;
  readonly rtmpPort: number;
  readonly hlsPort: number;
}

const root = join(import.meta.dirname, '..', '..');
const cache = join(root, 'tests', '.cache');

/** The built product: what people run. `settings` go to `--set`. */
export async function startSwitchyard(name: string, settings: readonly string[]): Promise<BenchServer> {
  const [rtmpPort, hlsPort] = await Promise.all([freePort(), freePort()]);
  const folder = join(cache, `bench-${name.replace(/\W+/g, '-')}`);
  mkdirSync(folder, { recursive: true });
  const all = [
    `server.data=${folder}`,
    `rtmp.listen.port=${rtmpPort}`,
    `hls.listen.port=${hlsPort}`,
    'hls.secure.enabled=false',
    'http.listen.port=0',
    'http.secure.enabled=false',
    'rtsp.listen.port=0',
    'rtsp.secure.enabled=false',
    'websocket.listen.port=0',
    'websocket.secure.enabled=false',
    'rtmp.limits.perAddress=10000',
    'hls.limits.perAddress=10000',
    ...settings,
  ];
  const process = new ServerProcess([
    globalThis.process.execPath,
    join(root, 'dist', 'switchyard.js'),
    ...all.flatMap((setting) => ['--set', setting]),
  ]);
  await waitForPort(rtmpPort);
  return { name, process, rtmpPort, hlsPort };
}

/** The yardstick: node-media-server as its package runs it. */
export async function startNodeMediaServer(): Promise<BenchServer> {
  const [rtmpPort, httpPort] = await Promise.all([freePort(), freePort()]);
  const folder = join(cache, 'node-media-server');
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'config.json');
  writeFileSync(
    config,
    JSON.stringify({
      bind: '127.0.0.1',
      notify: { url: '' },
      store: { path: join(folder, 'data'), maxHistory: 100 },
      auth: { play: false, publish: false, secret: '', jwt: { secret: 'bench', users: [] } },
      rtmp: { port: rtmpPort },
      http: { port: httpPort },
      record: { auto: false, path: join(folder, 'record') },
    }),
  );
  const entry = join(root, 'node_modules', 'node-media-server', 'bin', 'app.js');
  const process = new ServerProcess([globalThis.process.execPath, entry, '--config', config]);
  await waitForPort(rtmpPort);
  return { name: 'node-media-server', process, rtmpPort, hlsPort: 0 };
}
