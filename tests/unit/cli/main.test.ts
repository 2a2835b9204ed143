import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Run {
  readonly child: ChildProcess;
  readonly said: { out: string; err: string };
  readonly ended: Promise<number | null>;
}

let folder = '';
const children = new Set<ChildProcess>();
const program = join(import.meta.dirname, '../../support/test-product.ts');

/** The whole program as a process, with a product of test modules. */
function start(argv: readonly string[], environment: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, ['--import=tsx', program, ...argv], {
    env: { ...process.env, SWITCHYARD_CONFIG: '', SWITCHYARD_SERVER_DATA: join(folder, 'data'), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  return { child, said, ended: once(child, 'close').then(([code]) => code as number | null) };
}

/** Resolves once the program has said what matches on standard output. */
async function heard({ child, said, ended }: Run, what: RegExp): Promise<void> {
  let over = false;
  void ended.then(() => (over = true));
  while (!what.test(said.out)) {
    assert.equal(over, false, `it ended without saying ${what}: ${said.out}${said.err}`);
    await Promise.race([once(child.stdout ?? child, 'data'), ended]);
  }
}

describe('the program', function () {
  this.timeout(30_000);
  before(() => (folder = mkdtempSync(join(tmpdir(), 'switchyard-main-'))));
  after(() => rmSync(folder, { recursive: true }));
  // A test that failed leaves its program behind, which would keep the run from ending.
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
  });

  it('starts, says what can be opened, and ends with 0 on SIGTERM', async () => {
    const run = start(['--set', 'log.format=text']);
    // The log is written without waiting: the table may come before its line.
    await heard(run, /listener:\/\/127\.0\.0\.1:\d+/);
    await heard(run, /info {2}The server runs\. .*modules=\["listener"\]/);
    run.child.kill('SIGTERM');
    assert.equal(await run.ended, 0, run.said.err);
    assert.match(run.said.out, /The server has stopped\./);
  });

  it('keeps lines of JSON alone on standard output', async () => {
    const run = start([]);
    await heard(run, /The server runs/);
    run.child.kill('SIGINT');
    assert.equal(await run.ended, 0);
    for (const line of run.said.out.trim().split('\n')) JSON.parse(line);
    assert.match(run.said.err, /listener:\/\/127/);
  });

  it('is cut by a second signal', async () => {
    const run = start(['--set', 'listener.hang=true', '--set', 'server.drain=1h']);
    await heard(run, /The server runs/);
    run.child.kill('SIGTERM');
    await heard(run, /The server stops/);
    run.child.kill('SIGTERM');
    assert.equal(await run.ended, 143);
  });

  it('ends with 78 and every problem when the configuration is not valid', async () => {
    const run = start(['--set', 'listner.port=1', '--set', 'listener.listen.port=no']);
    assert.equal(await run.ended, 78);
    assert.match(run.said.err, /listner: there is no such key; did you mean "listener"\?/);
    assert.match(run.said.err, /listener\.listen\.port: "no" is not a port.*\(--set\)/);
    assert.doesNotMatch(run.said.err, /at .*\.ts:\d+/);
  });

  it('ends with 78 for a file that cannot be read', async () => {
    const run = start(['--config', join(folder, 'missing.yaml')]);
    assert.equal(await run.ended, 78);
    assert.match(run.said.err, /missing\.yaml cannot be read/);
  });

  it('ends with 69 and one sentence for a port that is taken', async () => {
    const first = start([]);
    await heard(first, /"url":"|The server runs/);
    const port = /listener:\/\/127\.0\.0\.1:(\d+)/.exec(first.said.out)?.[1] ?? '';
    const second = start(['--set', `listener.listen.port=${port}`]);
    assert.equal(await second.ended, 69);
    assert.match(
      second.said.err,
      /cannot listen on 127\.0\.0\.1 port \d+: another program uses it\. Stop that program/,
    );
    first.child.kill('SIGTERM');
    assert.equal(await first.ended, 0);
  });

  it('ends with 70 and a log line for what nobody expected', async () => {
    const run = start(['--set', 'listener.crash=true']);
    assert.equal(await run.ended, 70);
    assert.match(run.said.out, /crashed as told.*An unexpected error ends the server/);
  });

  it('checks a configuration without starting', async () => {
    const run = start(['--check-config']);
    assert.equal(await run.ended, 0);
    assert.match(run.said.out, /The configuration is valid\. On: listener\. Off: demo\./);
  });

  it('tells its version, and refuses options that it does not have', async () => {
    const [version, unknown] = [start(['--version']), start(['--nonsense'])];
    assert.equal(await version.ended, 0);
    assert.match(version.said.out, /^0\.0\.0-test\n$/);
    assert.equal(await unknown.ended, 64);
    assert.match(unknown.said.err, /unknown option '--nonsense'/);
  });

  it('applies a changed file, and on SIGHUP; a bad one changes nothing', async () => {
    const file = join(folder, 'live.yaml');
    writeFileSync(file, 'log: { level: info }\n');
    const run = start(['--config', file]);
    await heard(run, /The server runs/);
    writeFileSync(file, 'listener: { note: first }\n');
    await heard(run, /noted first/);
    writeFileSync(file, 'listener: { nte: second }\n');
    await heard(run, /not applied: listener\.nte.*did you mean/);
    writeFileSync(file, 'listener: [\n');
    run.child.kill('SIGHUP');
    await heard(run, /not applied: line \d+ is not YAML/);
    writeFileSync(file, 'listener: { note: third }\n');
    run.child.kill('SIGHUP');
    await heard(run, /noted third/);
    run.child.kill('SIGTERM');
    assert.equal(await run.ended, 0);
  });
});
