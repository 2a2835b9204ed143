import assert from 'node:assert/strict';
import { noCredentials } from '../../core/access/access-control.ts';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import { webrtcModule } from '../../modules/webrtc/index.ts';
import { launchChromiumPeer } from '../support/chromium.ts';
import { fakeH264, fakeOpus } from '../support/fake-media.ts';
import { FakePeerPlane, fakePlaneModule } from '../support/fake-peer-plane.ts';
import { launchFirefox } from '../support/firefox.ts';
import { type HttpTestServer, startHttpServer } from '../support/http-server.ts';
import { WebRtcBrowser } from '../support/webrtc-browser.ts';

const vp8: CodecDescriptor = { kind: 'video', name: 'vp8', width: 640, height: 480, codecString: 'vp8' };

/** The parser that Firefox holds beside its own: it takes nothing that is malformed. */
const launchStrictFirefox = () => launchFirefox({ 'media.peerconnection.sdp.parser': 'webrtc-sdp' });
const browsers = [
  {
    name: 'Chromium',
    launch: launchChromiumPeer,
    codecs: ['VP8', 'VP9', 'H264', 'AV1'],
    video: fakeH264({ profile: 66 }),
  },
  { name: 'Firefox', launch: launchFirefox, codecs: ['VP8', 'VP9', 'AV1'], video: vp8 },
  { name: 'Firefox, its strict parser,', launch: launchStrictFirefox, codecs: ['VP8', 'VP9', 'AV1'], video: vp8 },
];

/** Browsers are told answers of a plane without media: they take each of them, and from another origin. */
for (const { name, launch, codecs, video } of browsers)
  describe(`webrtc: answers that ${name} takes`, function () {
    this.timeout(60_000);
    let browser: WebRtcBrowser;
    let running: HttpTestServer;
    const plane = new FakePeerPlane();

    before(async () => {
      running = await startHttpServer({}, [fakePlaneModule(plane), webrtcModule]);
      browser = await WebRtcBrowser.start(launch);
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

    for (const codec of [undefined, ...codecs.map((each) => `video/${each}`)]) {
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
      await live('both', video, fakeOpus());
      await live('silent', video);
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
