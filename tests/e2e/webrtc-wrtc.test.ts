import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { ForeignProgram } from '../support/foreign-program.ts';
import { waitFor } from '../support/wait-for.ts';
import { startWebRtcServer, type WebRtcTestServer } from '../support/webrtc-server.ts';
import type { WrtcReport } from '../support/wrtc-client.ts';

const program = fileURLToPath(new URL('../support/wrtc-client.ts', import.meta.url));

describe('WebRTC with wrtc', function () {
  this.timeout(60_000);
  let running: WebRtcTestServer;
  const programs: ForeignProgram[] = [];

  before(async () => {
    running = await startWebRtcServer();
  });

  after(async () => {
    for (const one of programs) await one.kill();
    await running?.server.stop();
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  it('publishes numbered pictures and a tone, and plays them in order', async () => {
    const publisher = start('whip', `${running.origin}/whip/numbered`);
    const { streams } = running.server.core;
    await waitFor('the stream', () => (streams.find('numbered')?.tracks.length ?? 0) === 2, 20);
    const said = await start('whep', `${running.origin}/whep/numbered`, '75').succeeds();
    const report = JSON.parse(said.slice(said.lastIndexOf('{'))) as WrtcReport;
    assert.deepEqual([report.width, report.height], [320, 180]);
    assert.ok(report.pitch > 980 && report.pitch < 1_020, `${report.pitch} Hz`);
    assert.ok(!report.numbers.includes(-1), report.numbers.join(' '));
    const [first = 0] = report.numbers;
    const skipped = (report.numbers.at(-1) ?? 0) - first + 1 - report.numbers.length;
    // A picture that is late may be passed over by the player, which is shared with other work.
    assert.ok(skipped >= 0 && skipped <= 8, report.numbers.join(' '));
    assert.deepEqual(
      report.numbers,
      [...new Set(report.numbers)].sort((a, b) => a - b),
    );
    assert.deepEqual(
      streams
        .find('numbered')
        ?.tracks.map(({ codec }) => codec.name)
        .sort(),
      ['opus', 'vp8'],
    );
    await publisher.kill();
  });

  function start(...argv: readonly string[]): ForeignProgram {
    const one = new ForeignProgram(process.execPath, ['--import=tsx', program, ...argv]);
    programs.push(one);
    return one;
  }
});
