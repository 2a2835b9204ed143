import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { assertRun } from '../support/assert-run.ts';
import { readFrameTable } from '../support/frame-table.ts';
import { run } from '../support/media-source.ts';

const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];
/** md5 of every decoded picture (stream 0), and of every AAC frame as it is coded (stream 1). */
const asSums = ['-map', '0:v', '-map', '0:a', '-c:v', 'rawvideo', '-c:a', 'copy', '-f', 'framemd5'];
const group = 25;
const serverFile = fileURLToPath(new URL('../support/rtsp-multicast-server.ts', import.meta.url));

/** A network of its own, whose one interface carries multicast: that of the machine is nobody's business here. */
const namespace = ['-rn', 'sh', '-c'];
const network = 'ip link set lo up multicast on && ip route add 239.0.0.0/8 dev lo && echo ready && exec sleep 120';

describe('RTSP multicast with ffmpeg', function () {
  this.timeout(60_000);
  const children: ChildProcess[] = [];
  let folder: string;
  let clip: string;
  let holder: ChildProcess;

  before(async () => {
    const made = spawnSync('unshare', [...namespace, 'ip link show lo']);
    assert.equal(made.status, 0, `unshare (util-linux) makes no network namespace here: ${String(made.stderr)}`);
    folder = mkdtempSync(join(tmpdir(), 'switchyard-multicast-'));
    clip = join(folder, 'clip.mp4');
    const pictures = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'];
    const sound = ['-f', 'lavfi', '-i', 'sine=frequency=700:sample_rate=48000'];
    const coded = [
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-g',
      String(group),
      '-pix_fmt',
      'yuv420p',
      '-c:a',
      'aac',
    ];
    await run('ffmpeg', [...quiet, ...pictures, ...sound, '-t', '6', ...coded, clip]);
    holder = spawn('unshare', [...namespace, network], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(holder);
    await once(holder.stdout ?? holder, 'data');
  });

  after(() => {
    for (const child of children) child.kill('SIGKILL');
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  function start(argv: readonly string[]): ChildProcess {
    const enter = ['-t', String(holder.pid), '-U', '-n', '--preserve-credentials', '--', ...argv];
    const child = spawn('nsenter', enter, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    return child;
  }

  it('brings the same stream to two players, from one sender', async () => {
    const whole = readFrameTable(await run('ffmpeg', [...quiet, '-i', clip, ...asSums, '-']));
    const server = start([process.execPath, '--import=tsx', serverFile]);
    const lines = createInterface({ input: server.stdout ?? process.stdin })[Symbol.asyncIterator]();
    const next = async (word: string): Promise<string> => {
      const { value = '' } = (await lines.next()) as { value?: string };
      assert.ok(value.startsWith(word), `${word}, not ${value}`);
      return value.slice(word.length).trim();
    };
    const url = await next('url');
    const publish = ['-re', '-i', clip, '-c', 'copy', '-f', 'rtsp', '-rtsp_transport', 'tcp', url];
    start(['ffmpeg', ...quiet, ...publish]);
    await next('live');
    const files = ['first', 'second'].map((name) => join(folder, name));
    const players = files.map((file) =>
      start(['ffmpeg', ...quiet, '-rtsp_transport', 'udp_multicast', '-i', url, ...asSums, '-y', file]),
    );
    await Promise.all(players.map((player) => once(player, 'exit')));
    assert.deepEqual(JSON.parse(await next('most')), { senders: 1, players: 2, openScopes: 0 });
    for (const file of files) {
      const got = readFrameTable(readFileSync(file));
      const [video, audio] = [whole.sums(0), whole.sums(1)];
      // Who joins within a group of pictures sees the next one whole.
      const keyframes = new Set(video.filter((_, index) => index % group === 0));
      const pictures = got.sums(0);
      const seen = pictures.slice(pictures.findIndex((sum) => keyframes.has(sum)));
      assertRun(seen, video, 76, 'pictures');
      const sounds = got.sums(1);
      assertRun(sounds, audio, 141, 'sounds');
    }
  });
});
