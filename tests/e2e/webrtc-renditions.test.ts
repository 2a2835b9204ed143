import assert from 'node:assert/strict';
import { noCredentials } from '../../core/access/access-control.ts';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import type { Publication } from '../../core/streams/publication.ts';
import { webrtcModule } from '../../modules/webrtc/index.ts';
import { transcoders } from '../../transcoders/index.ts';
import { FakePeerPlane, fakePlaneModule } from '../support/fake-peer-plane.ts';
import { type HttpTestServer, startHttpServer } from '../support/http-server.ts';
import { type ClipOptions, MediaSource, makeClip } from '../support/media-source.ts';
import { offers } from '../vectors/webrtc/offers.ts';

/** What a browser is sent of streams that it cannot take, decided by its own offer. The transport carries nothing here. */
describe('WebRTC: renditions for browsers', function () {
  this.timeout(60_000);
  let running: HttpTestServer;
  let plane: FakePeerPlane;

  before(async () => {
    plane = new FakePeerPlane();
    const modules = [fakePlaneModule(plane), webrtcModule, ...transcoders] as never;
    running = await startHttpServer({}, modules, undefined, { streams: { renditions: { linger: '0', cores: 8 } } });
  });

  after(() => running.server.stop());

  /** A looped clip with AAC. */
  async function live(name: string, options: ClipOptions): Promise<void> {
    const { core } = running.server;
    const session = core.sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', parent: core.scope });
    const publish = (): Promise<Publication> =>
      core.streams.publish({ name, session, credentials: noCredentials, onConflict: 'refuse' });
    await MediaSource.publish({ clock: core.clock, publish }, name, await makeClip(options), { loop: true });
  }

  /** The codecs that a viewer with this offer reads, and the encodings that its answer names first. */
  async function watch(
    name: string,
    sdp: string,
  ): Promise<{ codecs: CodecDescriptor[]; first: string[]; ids: string[] }> {
    const headers = { 'content-type': 'application/sdp' };
    const response = await fetch(`${running.origin}/whep/${name}`, { method: 'POST', headers, body: sdp });
    assert.equal(response.status, 201, await response.clone().text());
    const { subscription, media } = plane.plays.at(-1) ?? assert.fail('nothing was played');
    return {
      codecs: subscription.tracks.map(({ codec }) => codec),
      ids: subscription.tracks.map(({ id }) => id),
      first: media.map(({ formats }) => formats[0]?.encoding.toUpperCase() ?? ''),
    };
  }

  it('takes B-frames out and makes Opus of AAC, once for all who look', async () => {
    await live('film', { bFrames: 2 });
    const { codecs, first } = await watch('film', offers.chromiumPlay);
    const video = codecs.find((codec) => codec.name === 'h264');
    assert.equal(video?.profile, 66);
    assert.equal(video?.bFrames, false);
    assert.deepEqual(codecs.map(({ name }) => name).sort(), ['h264', 'opus']);
    assert.deepEqual([...first].sort(), ['H264', 'OPUS']);
    await watch('film', offers.chromiumPlay);
    assert.equal([...running.server.core.streams.renditions.all()].length, 2);
  });

  it('leaves a picture without them as it is', async () => {
    await live('plain', { bFrames: 0 });
    const { ids, codecs } = await watch('plain', offers.chromiumPlay);
    assert.ok(ids.includes('video'));
    assert.deepEqual(codecs.map(({ name }) => name).sort(), ['h264', 'opus']);
  });

  it('makes what a viewer of VP8 alone takes', async () => {
    await live('old', { bFrames: 0 });
    const { first } = await watch('old', offers.weriftPlay);
    assert.deepEqual([...first].sort(), ['OPUS', 'VP8']);
  });
});
