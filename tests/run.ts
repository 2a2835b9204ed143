/**
 * Runs every kind of test, one step after another (the static checks side by side), streams what they say, and ends with
 * `N passed, N failed`. A step that crashes, hangs or finds no tests counts as failed; so does a skipped test.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

interface Check {
  readonly name: string;
  readonly command: readonly string[];
}

interface Suite {
  readonly name: string;
  readonly files: string;
  /** Minutes until it is taken for hung. */
  readonly minutes: number;
}

const bin = (tool: string): string => join('node_modules', '.bin', tool);

const checks: readonly Check[] = [
  { name: 'typecheck', command: [bin('tsc'), '-p', 'tsconfig.json'] },
  { name: 'typecheck of the page', command: [bin('tsc'), '-p', 'modules/http/page/tsconfig.json'] },
  { name: 'lint', command: [bin('eslint'), '.'] },
  { name: 'format', command: [bin('biome'), 'format', '.'] },
  {
    name: 'boundaries',
    command: [
      bin('depcruise'),
      '--config',
      '.dependency-cruiser.cjs',
      'core',
      'wire',
      'modules',
      'transcoders',
      'cli',
      'switchyard.ts',
    ],
  },
];

const suites: readonly Suite[] = [
  { name: 'unit', files: 'tests/{unit,vectors,property,fuzz,architecture}/**/*.test.ts', minutes: 10 },
  { name: 'conformance', files: 'tests/conformance/**/*.test.ts', minutes: 10 },
  { name: 'e2e', files: 'tests/e2e/**/*.test.ts', minutes: 45 },
  { name: 'soak', files: 'tests/soak/**/*.test.ts', minutes: 10 },
];

/** Foreign programs that the e2e tests drive. */
const tools = [
  'ffmpeg',
  'ffplay',
  'ffprobe',
  'chromium',
  'firefox-esr',
  'rtmpdump',
  'nginx',
  'mpv',
  'cvlc',
  'gst-launch-1.0',
  'curl',
  'ss',
  'ps',
];

/** Elements of GStreamer that they use: plugins are files, not programs. */
const elements = [
  'flvmux',
  'mpegtsmux',
  'x264enc',
  'avdec_h264',
  'rtspclientsink',
  'rtspsrc',
  'h264parse',
  'webrtcbin',
  'nicesink',
  'vp8enc',
  'opusenc',
];

/** Bindings of GStreamer for Python, as Debian's own Python finds them. */
const bindings = "import gi; [gi.require_version(name, '1.0') for name in ('Gst', 'GstSdp', 'GstWebRTC')]";

const scratch = mkdtempSync(join(tmpdir(), 'switchyard-tests-'));
const running = new Set<ChildProcess>();

function headline(text: string): void {
  process.stdout.write(`\n=== ${text}\n`);
}

/** Runs a command in a process group of its own, so that what hangs is ended with its children. */
function run(command: readonly string[], environment: Record<string, string>, minutes: number, echo: boolean) {
  return new Promise<{ code: number; said: string }>((resolve) => {
    const [program = '', ...argv] = command;
    const child = spawn(program, argv, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', echo ? 'inherit' : 'pipe', echo ? 'inherit' : 'pipe'],
      detached: true,
    });
    running.add(child);
    let said = '';
    const collect = (bytes: Buffer): void => {
      said += bytes.toString();
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    const timer = setTimeout(() => {
      process.stdout.write(`${program} took longer than ${minutes} minutes and is ended\n`);
      endGroup(child);
    }, minutes * 60_000);
    const end = (code: number): void => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ code, said });
    };
    child.once('error', (error) => {
      said += error.message;
      end(127);
    });
    child.once('close', (code) => end(code ?? 1));
  });
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}

async function runChecks(chosen: readonly Check[]): Promise<Outcome> {
  const results = await Promise.all(
    chosen.map(async (check) => ({ check, ...(await run(check.command, {}, 10, false)) })),
  );
  let failed = 0;
  for (const { check, code, said } of results) {
    headline(`${check.name}: ${code === 0 ? 'passed' : 'FAILED'}`);
    if (code === 0) continue;
    failed += 1;
    process.stdout.write(said);
  }
  return { passed: chosen.length - failed, failed };
}

async function checkTools(): Promise<Outcome> {
  headline('tools');
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const missing = tools.filter((tool) => !folders.some((folder) => isExecutable(join(folder, tool))));
  for (const element of elements) {
    const { code } = await run(['gst-inspect-1.0', '--exists', '--atleast-version=0.0.0', element], {}, 1, false);
    if (code !== 0) missing.push(`GStreamer's ${element}`);
  }
  const { code } = await run(['/usr/bin/python3', '-c', bindings], {}, 1, false);
  if (code !== 0) missing.push("GStreamer's bindings for Python");
  for (const tool of missing) process.stdout.write(`FAILED: ${tool} is not installed; scripts/test says how\n`);
  return { passed: tools.length + elements.length + 1 - missing.length, failed: missing.length };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function runSuite(suite: Suite): Promise<Outcome> {
  headline(suite.name);
  const countsFile = join(scratch, `${suite.name}.json`);
  const { code } = await run(
    [bin('mocha'), '--reporter', 'tests/support/counting-reporter.cjs', suite.files],
    { COUNTS_FILE: countsFile },
    suite.minutes,
    true,
  );
  const counts = readCounts(countsFile);
  if (counts === undefined) {
    process.stdout.write(`FAILED: ${suite.name} ended with code ${code} before any test\n`);
    return { passed: 0, failed: 1 };
  }
  const failed = counts.failed + counts.skipped;
  // Mocha's code is the number of failures: another failure than a test's was its own.
  const crashed = !counts.ended || (code !== 0 && counts.failed === 0);
  if (counts.skipped > 0) process.stdout.write(`FAILED: ${counts.skipped} tests of ${suite.name} were skipped\n`);
  if (crashed) process.stdout.write(`FAILED: ${suite.name} ended with code ${code}\n`);
  return { passed: counts.passed, failed: failed + (crashed ? 1 : 0) };
}

function readCounts(file: string): { passed: number; failed: number; skipped: number; ended: boolean } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as {
      passed: number;
      failed: number;
      skipped: number;
      ended: boolean;
    };
  } catch {
    // Never written: the step crashed at once.
    return undefined;
  }
}

async function runAll(names: readonly string[]): Promise<Outcome> {
  const known = ['tools', ...checks.map(({ name }) => name), ...suites.map(({ name }) => name)];
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    process.stdout.write(`There is no step ${unknown.join(', ')}; the steps are ${known.join(', ')}.\n`);
    return { passed: 0, failed: unknown.length };
  }
  const chosen = (name: string): boolean => names.length === 0 || names.includes(name);
  const outcomes: Outcome[] = [];
  if (chosen('tools')) outcomes.push(await checkTools());
  outcomes.push(await runChecks(checks.filter(({ name }) => chosen(name))));
  for (const suite of suites) if (chosen(suite.name)) outcomes.push(await runSuite(suite));
  return outcomes.reduce((sum, { passed, failed }) => ({ passed: sum.passed + passed, failed: sum.failed + failed }));
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of running) endGroup(child);
    process.exit(1);
  });
}

let total: Outcome;
try {
  total = await runAll(process.argv.slice(2));
} catch (error) {
  process.stdout.write(`FAILED: ${String(error)}\n`);
  total = { passed: 0, failed: 1 };
}
rmSync(scratch, { recursive: true, force: true });
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed > 0 ? 1 : 0;
