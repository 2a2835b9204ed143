import assert from 'node:assert/strict';
import { noCredentials } from '../../core/access/access-control.ts';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import { webrtcModule } from '../../modules/webrtc/index.ts';
import { fakeH264, fakeOpus } from '../support/fake-media.ts';
import { FakePeerPlane, fakePlaneModule } from '../support/fake-peer-plane.ts';
import { type HttpTestServer, startHttpServer } from '../support/http-server.ts';
import { WebRtcBrowser } from '../support/webrtc-browser.ts';

/** Chromium is told answers of a plane without media: it takes each of them, and from another origin. */
describe('webrtc: answers that Chromium takes', function () {
  this.timeout(60_000);
  let browser: WebRtcBrowser;
  let running: HttpTestServer;
  const plane = new FakePeerPlane();

  before(async () => {
    running = await startHttpServer({}, [fakePlaneModule(plane), webrtcModule]);
    browser = await WebRtcBrowser.start();
  });

  after(async () => {
    await browser?.stop();
    await running?.server.stop();
  });

  async function live(name: string, ...codecs: readonly CodecDescriptor[]): Promise<void> {
    const { core } = running.server;
    const session = core.sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', parent: core.scope });
    const request = { name, session, credentials: noCredentials, onConflict: 'refuse' as const };
    const publication = await core.streams.publish({ ...request, expects: codecs.map(({ kind }) => kind) });
    for (const codec of codecs) publication.addTrack(codec);
  }

  /** What the browser has agreed on: `video recvonly video/H264`. */
  function agreed(peer: number): Promise<string[]> {
    return browser.page.evaluate(
      `peers.get(${peer}).pc.getTransceivers().map((t) => [t.mid, t.currentDirection, t.stopped].join(' '))`,
    );
  }

  for (const codec of [undefined, 'video/VP8', 'video/VP9', 'video/H264', 'video/AV1']) {
    it(`to a publisher of ${codec ?? 'anything'}`, async () => {
      const peer = await browser.publish(
        `${running.origin}/whip/out-${codec?.slice(6) ?? 'any'}`,
        codec === undefined ? {} : { codec },
      );
      assert.deepEqual(await agreed(peer), ['0 sendonly false', '1 sendonly false']);
    });
  }

  it('to a publisher of simulcast', async () => {
    const peer = await browser.publish(`${running.origin}/whip/layers`, { rids: ['l', 'm', 'h'] });
    const rids = await browser.page.evaluate(
      `peers.get(${peer}).pc.getSenders()[1].getParameters().encodings.map(({ rid, active }) => rid + active)`,
    );
    assert.deepEqual(rids, ['ltrue', 'mtrue', 'htrue']);
    assert.deepEqual(plane.ingests.at(-1)?.media[1]?.rids, ['l', 'm', 'h']);
  });

  it('to a viewer of both kinds, of one of them, and with a data channel', async () => {
    await live('both', fakeH264(), fakeOpus());
    await live('silent', fakeH264({ profile: 66 }));
    await live('dark', fakeOpus());
    const both = await browser.play(`${running.origin}/whep/both`);
    assert.deepEqual(await agreed(both), ['0 recvonly false', '1 recvonly false']);
    const streams = await browser.page.evaluate(`peers.get(${both}).element.srcObject.getTracks().length`);
    assert.equal(streams, 2, 'both tracks in one stream');
    const silent = await browser.play(`${running.origin}/whep/silent`, { data: true });
    assert.equal((await agreed(silent))[0], '0 recvonly false');
    const dark = await browser.play(`${running.origin}/whep/dark`);
    assert.equal((await agreed(dark)).at(-1), '1 recvonly false');
  });

  it('to a restart of ICE', async () => {
    const peer = await browser.publish(`${running.origin}/whip/restarted`);
    await browser.restart(peer);
    assert.equal(plane.transports.at(-1)?.restarts.length, 1);
    await browser.end(peer);
    assert.equal(running.server.core.streams.find('restarted'), undefined);
  });
});
