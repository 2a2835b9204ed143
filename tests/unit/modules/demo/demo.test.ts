import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from '../../../../core/server.ts';
import { SystemClock } from '../../../../core/time/system-clock.ts';
import { demo } from '../../../../modules/demo/index.ts';
import { captureLog } from '../../../support/captured-log.ts';

/** Waits for the file system's and the children's own time. */
async function until(holds: () => boolean): Promise<void> {
  const giveUp = AbortSignal.timeout(8_000);
  while (!holds()) {
    assert.ok(!giveUp.aborted, 'it did not come to hold');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('the demo', () => {
  let folder = '';
  before(() => (folder = mkdtempSync(join(tmpdir(), 'switchyard-demo-'))));
  after(() => rmSync(folder, { recursive: true }));

  function script(name: string, text: string): string {
    const file = join(folder, name);
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  function serverWith(section: Record<string, unknown>) {
    const { log, lines } = captureLog();
    const config = { demo: { enabled: true, url: 'rtmp://127.0.0.1:1/live/demo', restartDelay: '100ms', ...section } };
    return { server: createServer({ modules: [demo], config, log, clock: new SystemClock() }), lines };
  }

  it('says in one sentence that ffmpeg is missing, and the server runs', async () => {
    const { server, lines } = serverWith({ ffmpeg: join(folder, 'no-ffmpeg') });
    await server.start();
    await until(() => lines.some((line) => line.includes('was not found')));
    assert.match(lines.join(''), /the test picture of --demo needs it\. Install it \(apt-get install ffmpeg\)/);
    assert.equal(server.inspect().modules[0]?.state, 'running');
    assert.equal(server.inspect().modules[0]?.detail['state'], 'tool missing');
    await server.stop();
    assert.equal(server.core.scope.openScopes, 0);
  });

  it('starts ffmpeg again when it ends, and does without the clock where there is no drawtext', async () => {
    const seen = join(folder, 'seen');
    const ffmpeg = script('failing', `echo "$@" >> ${seen}; echo "No such filter: 'drawtext'" >&2; exit 1`);
    const { server, lines } = serverWith({ ffmpeg });
    await server.start();
    await until(() => server.inspect().modules[0]?.detail['starts'] === 2);
    await until(() => readFileSync(seen, 'utf8').split('\n').length > 2);
    await server.stop();
    const [first = '', second = ''] = readFileSync(seen, 'utf8').split('\n');
    assert.match(first, /drawtext=.* rtmp:\/\/127\.0\.0\.1:1\/live\/demo$/);
    assert.doesNotMatch(second, /drawtext/);
    assert.match(lines.join(''), /The test picture stopped; it is started again\./);
  });

  it('ends ffmpeg with the module', async () => {
    const pid = join(folder, 'pid');
    const ffmpeg = script('sleeping', `echo $$ > ${pid}; exec sleep 600`);
    const { server } = serverWith({ ffmpeg });
    await server.start();
    let child = 0;
    await until(() => {
      child = Number(readIfThere(pid));
      return child > 0;
    });
    await server.stop();
    assert.throws(() => process.kill(child, 0), /ESRCH/);
    assert.equal(server.core.scope.openScopes, 0);
  });
});

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
