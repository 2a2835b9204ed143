import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeRtcp } from '../../wire/rtcp/writer.ts';
import { RtpPacket, readRtpPacket } from '../../wire/rtp/packet.ts';
import { ForeignProgram } from '../support/foreign-program.ts';
import { H264Recorder, md5OfPictures } from '../support/h264-units.ts';
import { run } from '../support/media-source.ts';
import { RtmpTestClient } from '../support/rtmp-client.ts';
import { sendMovie } from '../support/rtmp-media.ts';
import { waitFor } from '../support/wait-for.ts';
import { WebRtcTestPeer } from '../support/webrtc-peer.ts';
import { startWebRtcServer, type WebRtcTestServer } from '../support/webrtc-server.ts';
import { WeriftClient } from '../support/werift-client.ts';

const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];

/** Inputs 12, 27, 28 and 29 against the whole product; the stream of somebody else must not be touched by any of them. */
describe('WebRTC and hostile peers', function () {
  this.timeout(60_000);
  let running: WebRtcTestServer;
  let folder: string;
  let clip: string;
  let sums: readonly string[];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-hostile-'));
    clip = join(folder, 'clip.mp4');
    await run('ffmpeg', [
      ...[...quiet, '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-t', '6', '-c:v', 'libx264'],
      ...['-preset', 'veryfast', '-profile:v', 'baseline', '-g', '25', '-pix_fmt', 'yuv420p', clip],
    ]);
    sums = md5OfPictures(await run('ffmpeg', [...quiet, '-i', clip, '-c', 'copy', '-f', 'h264', 'pipe:1']));
    running = await startWebRtcServer();
  });

  after(async () => {
    await running?.server.stop();
    rmSync(folder, { recursive: true, force: true });
    assert.equal(running.server.core.scope.openScopes, 0);
  });

  const whip = (name: string): string => `${running.origin}/whip/${name}`;
  const whep = (name: string): string => `${running.origin}/whep/${name}`;
  const connectRtmp = (): Promise<RtmpTestClient> =>
    RtmpTestClient.connect({ port: Number(new URL(running.url('rtmp', 'x')).port) });
  const nameIsFree = (name: string): Promise<void> =>
    waitFor(`the end of ${name}`, () => running.server.core.streams.find(name) === undefined);

  it('who publishes by RTMP keeps the name from WHIP, and the other way round', async () => {
    const rtmp = await connectRtmp();
    const id = await rtmp.publish('held');
    sendMovie(rtmp, id, { count: 5 });
    const stream = () => running.server.core.streams.find('held');
    await waitFor('the stream', () => (stream()?.tracks.length ?? 0) === 2);
    const held = stream();
    await assert.rejects(WebRtcTestPeer.connect(whip('held'), 'udp'), /^Error: 409/);
    sendMovie(rtmp, id, { from: 5, count: 5 });
    assert.equal(stream(), held);
    rtmp.command(id, 'deleteStream', id);
    rtmp.destroy();

    const publisher = await WebRtcTestPeer.connect(whip('own'), 'udp');
    const thief = await connectRtmp();
    await assert.rejects(thief.publish('own'), /NetStream\.Publish\.BadName/);
    thief.destroy();
    await publisher.leave();
    await nameIsFree('own');
  });

  it('of two who publish one name at once, by RTMP and WHIP, one gets it', async () => {
    for (let round = 0; round < 10; round += 1) {
      const name = `race-${round}`;
      const rtmp = await connectRtmp();
      const [byRtmp, byWhip] = await Promise.allSettled([
        rtmp.publish(name),
        WebRtcTestPeer.connect(whip(name), 'udp'),
      ]);
      assert.notEqual(byRtmp.status, byWhip.status, name);
      if (byRtmp.status === 'rejected') assert.match(String(byRtmp.reason), /BadName/);
      if (byWhip.status === 'rejected') assert.match(String(byWhip.reason), /409/);
      else await byWhip.value.leave();
      rtmp.destroy();
    }
  });

  it('storms of feedback from one viewer cost the publisher few key frames, and the other viewers nothing', async () => {
    const publisher = await WeriftClient.publish(whip('stormed'), { audio: false });
    let asked = 0;
    publisher.pc.getSenders()[0]?.onPictureLossIndication.subscribe(() => {
      asked += 1;
    });
    const port = await publisher.feed('video');
    const source = new ForeignProgram('ffmpeg', [
      ...[...quiet, '-re', '-i', clip, '-c', 'copy', '-bsf:v', 'h264_mp4toannexb', '-f', 'rtp'],
      `rtp://127.0.0.1:${port}?pkt_size=1200`,
    ]);
    try {
      await waitFor('the stream', () => (running.server.core.streams.find('stormed')?.tracks.length ?? 0) === 1);
      const recorder = new H264Recorder();
      const bystander = await WeriftClient.play(whep('stormed'), {
        audio: false,
        onRtp: (_kind, { header, payload }) => recorder.take(header.sequenceNumber, header.timestamp, payload),
      });
      let ssrc = 0;
      const packet = new RtpPacket();
      const attacker = await WebRtcTestPeer.connect(whep('stormed'), 'udp', (ice) => {
        ice.onRtp = (bytes) => {
          if (readRtpPacket(bytes, packet)) ssrc = packet.ssrc;
        };
      });
      await waitFor('media at the attacker', () => ssrc !== 0);
      asked = 0;
      const began = performance.now();
      await storm(attacker, ssrc);
      const seconds = (performance.now() - began) / 1_000;
      // One each half second at the most, whoever asks, and one that was under way.
      assert.ok(asked <= 2 * seconds + 2, `${asked} in ${seconds} s`);
      await source.succeeds();
      await waitFor('the last picture', () => recorder.units().at(-1)?.md5 === sums.at(-1), 10);
      const units = recorder.units().map(({ md5 }) => md5);
      assert.deepEqual(units, sums.slice(-units.length));
      await attacker.leave();
      await bystander.end();
    } finally {
      await source.kill();
      await publisher.end();
    }
    await nameIsFree('stormed');
  });

  it('offers that are too large, too many or contradict themselves are refused, and what follows is not', async () => {
    const post = async (body: string): Promise<number> => {
      const headers = { 'content-type': 'application/sdp' };
      const response = await fetch(whip('odd'), { method: 'POST', headers, body });
      assert.ok((await response.text()).length < 2_000);
      return response.status;
    };
    assert.equal(await post(`v=0\r\n${'a=x:y\r\n'.repeat(150_000)}`), 413);
    for (const body of [`v=0\r\n${'m=audio 9 X 0\r\n'.repeat(5_000)}`, 'v=0\r\n', '\0'.repeat(1_000)]) {
      assert.ok([400, 406, 422].includes(await post(body)), body.slice(0, 20));
    }
    const peer = await WebRtcTestPeer.connect(whip('odd'), 'udp');
    await peer.leave();
    await nameIsFree('odd');
  });

  it('a session that has ended, or is another’s, is not to be had', async () => {
    const headers = { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' };
    const bodyOf = (turn: number): string => `a=ice-ufrag:abcd${turn}\r\na=ice-pwd:0123456789012345678901\r\n`;
    const body = bodyOf(0);
    const peer = await WebRtcTestPeer.connect(whip('mine'), 'udp');
    const elsewhere = peer.resource.replace('/mine/', '/yours/');
    assert.equal((await fetch(elsewhere, { method: 'DELETE' })).status, 404);
    assert.equal((await fetch(elsewhere, { method: 'PATCH', headers, body })).status, 404);
    // Restarts one after the other are held back, and the session goes on.
    const restarts: number[] = [];
    for (let turn = 0; turn < 20; turn += 1) {
      restarts.push((await fetch(peer.resource, { method: 'PATCH', headers, body: bodyOf(turn + 1) })).status);
    }
    assert.equal(restarts[0], 200);
    assert.ok(restarts.filter((status) => status === 429).length >= 10, restarts.join(' '));
    await peer.leave();
    for (const method of ['DELETE', 'PATCH']) {
      const response = await fetch(peer.resource, { method, headers, ...(method === 'PATCH' ? { body } : {}) });
      assert.equal(response.status, 404, method);
    }
    await nameIsFree('mine');
  });
});

/** Ten thousand feedback packets of every kind within a second or so, some of them broken. */
async function storm({ ice }: WebRtcTestPeer, ssrc: number): Promise<void> {
  const senderSsrc = 1;
  const entries = Array.from({ length: 200 }, (_, index) => ({ sequence: index * 300, mask: 0xffff }));
  const endless = Buffer.from('8fce0005000000010000000052454d4201ffffff00000002', 'hex'); // REMB of 2^63 and more
  const broken = writeRtcp([{ kind: 'nack', senderSsrc, mediaSsrc: ssrc, entries }]).subarray(0, 100);
  for (let turn = 0; turn < 100; turn += 1) {
    for (let each = 0; each < 20; each += 1) {
      ice.sendRtcp(writeRtcp([{ kind: 'picture-loss', senderSsrc, mediaSsrc: ssrc }]));
      ice.sendRtcp(writeRtcp([{ kind: 'full-intra-request', senderSsrc, requests: [{ ssrc, sequence: each }] }]));
      ice.sendRtcp(writeRtcp([{ kind: 'nack', senderSsrc, mediaSsrc: ssrc, entries }]));
      ice.sendRtcp(Buffer.from(endless));
      ice.sendRtcp(Buffer.from(broken));
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
