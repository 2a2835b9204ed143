import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { noCredentials } from '../../../../core/access/access-control.ts';
import { ViewerBandwidthChanged, ViewerLayerChanged } from '../../../../modules/rtp/contract.ts';
import { fakeH264, videoFrame } from '../../../support/fake-media.ts';
import { connectMedia, WcsTestClient } from '../../../support/wcs-client.ts';
import { startWebSocketServer } from '../../../support/websocket-server.ts';

describe('WebSocket: what viewers are told of their way', () => {
  it('says that it is too narrow, with what is needed and what there is, and nothing when it is wide enough again', async () => {
    const { server, port } = await startWebSocketServer();
    const { sessions, streams, scope, events } = server.core;
    const session = sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', parent: scope });
    const publication = await streams.publish({
      name: 'cam',
      session,
      credentials: noCredentials,
      onConflict: 'refuse',
    });
    const video = publication.addTrack(fakeH264());
    for (let index = 0; index < 30; index += 1) video.write(videoFrame(fakeH264(), index, { size: 1_000 }));
    const client = await WcsTestClient.connect(port);
    const id = randomUUID();
    client.play(id, 'cam', { hasAudio: false });
    await client.next('setRemoteSDP');
    const media = await connectMedia(port, client.token);
    await client.status(id, 'PLAYING');

    const [subscription] = streams.find('cam')?.subscriptions ?? [];
    assert.ok(subscription !== undefined);
    events.emit(ViewerBandwidthChanged, { subscription, enough: true, estimate: 3e6, needed: 2e6 });
    events.emit(ViewerBandwidthChanged, { subscription, enough: false, estimate: 500_000.4, needed: 2e6 });
    const told = await client.next('notifyStreamEvent', ({ type }) => type === 'notEnoughBandwidth');
    assert.deepEqual(told, { mediaSessionId: id, type: 'notEnoughBandwidth', payload: { info: '2000000/500000' } });
    const layer = publication.addTrack(fakeH264({ width: 320, height: 180 }), 'video.q').track;
    events.emit(ViewerLayerChanged, { subscription, track: layer });
    const resized = await client.next('notifyStreamEvent', ({ type, payload }) => {
      return type === 'resize' && (payload as { streamerVideoWidth?: number }).streamerVideoWidth === 320;
    });
    assert.deepEqual(resized['payload'], { streamerVideoWidth: 320, streamerVideoHeight: 180 });
    assert.equal(client.heard.filter(({ data }) => JSON.stringify(data).includes('notEnoughBandwidth')).length, 1);

    await media.close();
    await client.close();
    await server.stop();
  });
});
