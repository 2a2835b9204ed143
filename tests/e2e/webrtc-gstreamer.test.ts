import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assertRun } from '../support/assert-run.ts';
import { ForeignProgram } from '../support/foreign-program.ts';
import { md5OfPictures } from '../support/h264-units.ts';
import { run } from '../support/media-source.ts';
import { outerAddress } from '../support/outer-address.ts';
import { sideBySide } from '../support/side-by-side.ts';
import { waitFor } from '../support/wait-for.ts';
import { startWebRtcServer, type WebRtcTestServer } from '../support/webrtc-server.ts';

/** Of Debian, which has GStreamer's bindings. */
const python = '/usr/bin/python3';
const script = fileURLToPath(new URL('../support/gst-webrtc.py', import.meta.url));
const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];

/** What `gst-webrtc.py` prints at its end: md5 of all that was coded. */
interface Coded {
  readonly pictures: readonly string[];
  readonly sounds: readonly string[];
}

describe("WebRTC with GStreamer's webrtcbin", function () {
  this.timeout(60_000);
  let running: WebRtcTestServer;
  let folder: string;
  const programs: ForeignProgram[] = [];
  const itBeside = sideBySide(2);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-gst-'));
    running = await startWebRtcServer({ rtp: { peers: { addresses: [outerAddress()] } } });
  });

  after(async () => {
    for (const program of programs) await program.kill();
    await running?.server.stop();
    rmSync(folder, { recursive: true, force: true });
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  for (const codec of ['h264', 'vp8']) {
    itBeside(`publishes ${codec} and Opus, and gets every picture and sound byte for byte`, async () => {
      const publisher = gst('whip', codec);
      await live(codec, 2);
      const tracks = running.server.core.streams.find(codec)?.tracks ?? [];
      assert.deepEqual(tracks.map((track) => track.codec.name).sort(), [codec, 'opus'].sort());
      const seen = readCoded(await gst('whep', codec, '90').succeeds());
      await publisher.interrupt();
      const sent = readCoded(publisher.said);
      assertRun(seen.pictures, sent.pictures, 80, 'pictures');
      assertRun(seen.sounds, sent.sounds, 80, 'sounds');
    });
  }

  itBeside('gets every picture of an RTMP publisher byte for byte, and sound', async () => {
    const clip = join(folder, 'clip.mp4');
    await run('ffmpeg', [
      ...[...quiet, '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'],
      ...['-f', 'lavfi', '-i', 'sine=frequency=700:sample_rate=48000', '-t', '12'],
      ...['-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'baseline', '-g', '25', '-pix_fmt', 'yuv420p'],
      ...['-c:a', 'aac', '-ac', '2', clip],
    ]);
    const bytes = await run('ffmpeg', [...quiet, '-i', clip, '-map', '0:v', '-c', 'copy', '-f', 'h264', 'pipe:1']);
    const publisher = new ForeignProgram('ffmpeg', [
      ...[...quiet, '-re', '-i', clip, '-c', 'copy', '-f', 'flv', running.url('rtmp', 'clip')],
    ]);
    programs.push(publisher);
    await live('clip', 2);
    const seen = readCoded(await gst('whep', 'h264', '90', 'clip').succeeds());
    assertRun(seen.pictures, md5OfPictures(bytes), 80, 'pictures');
    assert.ok(seen.sounds.length >= 50);
  });

  function gst(role: 'whip' | 'whep', codec: string, wanted = '0', name = codec): ForeignProgram {
    const program = new ForeignProgram(python, [script, role, `${running.origin}/${role}/${name}`, codec, wanted]);
    programs.push(program);
    return program;
  }

  async function live(name: string, tracks: number): Promise<void> {
    const { streams } = running.server.core;
    await waitFor(`the stream ${name}`, () => (streams.find(name)?.tracks.length ?? 0) >= tracks, 20);
  }
});

function readCoded(said: string): Coded {
  return JSON.parse(said.slice(said.lastIndexOf('{'))) as Coded;
}
