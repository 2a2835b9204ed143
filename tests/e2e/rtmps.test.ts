import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StreamPublished } from '../../core/events/catalogue.ts';
import { run } from '../support/media-source.ts';
import { RtmpTestClient } from '../support/rtmp-client.ts';
import { sendMovie, tagNumber } from '../support/rtmp-media.ts';
import { type RtmpTestServer, startRtmpServer } from '../support/rtmp-server.ts';

describe('RTMPS', function () {
  this.timeout(30_000);
  let folder: string;
  let far: RtmpTestServer;
  let secure: number;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rtmps-'));
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-keyout', key, '-out', certificate, '-subj', '/CN=localhost'],
    ]);
    far = await startRtmpServer({ secure: { host: '127.0.0.1', port: 0, key, certificate } });
    secure = (far.inspect()['ports'] as { secure: number }).secure;
  });

  after(async () => {
    await far.stop();
    await rm(folder, { recursive: true });
  });

  it('takes a publisher of ffmpeg, and is advertised', async () => {
    assert.ok(far.server.urls().some(({ url }) => url === `rtmps://HOST:${secure}/live/NAME`));
    const { core } = far.server;
    const arrived = core.events.next(StreamPublished, core.scope);
    const source = ['-f', 'lavfi', '-i', 'testsrc2=size=160x120:rate=25', '-t', '2', '-pix_fmt', 'yuv420p'];
    const publishing = run('ffmpeg', [
      ...['-v', 'error', '-nostdin', '-re', ...source, '-c:v', 'libx264', '-g', '25'],
      ...['-f', 'flv', `rtmps://127.0.0.1:${secure}/live/secret`],
    ]);
    assert.equal((await arrived)?.stream.name, 'secret');
    const player = await RtmpTestClient.connect({ port: far.port });
    await player.play('secret');
    await player.status('NetStream.Play.Stop');
    assert.equal(player.media('video').filter(({ payload }) => payload[1] === 1).length, 50);
    await publishing;
    player.destroy();
  });

  it('is pulled from, when its certificate is accepted', async () => {
    const publisher = await RtmpTestClient.connect({ port: far.port });
    sendMovie(publisher, await publisher.publish('pulled'), { count: 5 });
    const pull = [{ name: 'here', url: `rtmps://127.0.0.1:${secure}/live/pulled` }];
    const strict = await startRtmpServer({ pull });
    const trusting = await startRtmpServer({ pull, client: { rejectUnauthorized: false } });
    const refused = await RtmpTestClient.connect({ port: strict.port });
    await assert.rejects(refused.play('here'), /StreamNotFound/);
    const player = await RtmpTestClient.connect({ port: trusting.port });
    await player.play('here');
    await player.until(() => tagNumber(player.media('video').at(-1)?.payload ?? Buffer.alloc(20)) === 4, 'the frames');
    for (const client of [publisher, refused, player]) client.destroy();
    await strict.stop();
    await trusting.stop();
  });

  it('closes what does not speak TLS', async () => {
    const plain = await RtmpTestClient.dial(secure);
    plain.socket.write(Buffer.alloc(1_537, 3));
    await plain.ended();
    assert.ok(Number(far.inspect()['handshakeFailures']) >= 1);
  });
});
