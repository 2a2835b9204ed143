/**
 * `npm run bench -- core|rtmp|hls|… [options]`. Each prints a table of figures and, where a peer installs, ratios of one
 * and the same run.
 */
const benches: Readonly<Record<string, () => Promise<{ run: (options: readonly string[]) => Promise<void> }>>> = {
  core: () => import('./core-bench.ts'),
  rtmp: () => import('./rtmp-bench.ts'),
  hls: () => import('./hls-bench.ts'),
  rtsp: () => import('./rtsp-bench.ts'),
  'webrtc-latency': () => import('./webrtc-latency.ts'),
  start: () => import('./start-bench.ts'),
  webrtc: () => import('./webrtc-bench.ts'),
  transcode: () => import('./transcode-bench.ts'),
};

const [name = '', ...options] = process.argv.slice(2);
const load = benches[name];
if (load === undefined) {
  console.error(`Usage: npm run bench -- ${Object.keys(benches).join('|')}`);
  process.exitCode = 64;
} else {
  const bench = await load();
  await bench.run(options);
}
