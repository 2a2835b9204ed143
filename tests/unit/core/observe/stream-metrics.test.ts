import assert from 'node:assert/strict';
import { PrometheusMetrics } from '../../../../core/observe/prometheus-metrics.ts';
import { measureStreams } from '../../../../core/observe/stream-metrics.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { fakeAac, fakeH264, videoFrame } from '../../../support/fake-media.ts';
import { TestCore } from '../../../support/test-core.ts';

describe('stream metrics', () => {
  it('count what subscribers get and lose, and never fall when they leave', async () => {
    const core = new TestCore({ clock: new ManualClock(), streams: { queue: { duration: '1s' } } });
    const metrics = new PrometheusMetrics({ onFailure: (_name, error) => core.failures.push(error) });
    measureStreams({ streams: core.streams, events: core.events, metrics, scope: core.scope });
    const read = async (name: string): Promise<number> => {
      const line = (await metrics.text()).split('\n').find((text) => text.startsWith(`switchyard_${name} `));
      return Number(line?.split(' ')[1]);
    };
    const h264 = fakeH264();
    const publication = await core.publish('one');
    const video = publication.addTrack(h264);
    publication.addTrack(fakeAac());
    const viewer = await core.subscribe('one');
    for (let number = 0; number < 91; number += 1) video.write(videoFrame(h264, number));
    assert.equal(await read('streams'), 1);
    assert.equal(await read('stream_viewers'), 1);
    let pulled = 0;
    while (viewer.pull() !== undefined) pulled += 1;
    assert.equal(await read('subscriber_units_total'), pulled);
    assert.equal(await read('subscriber_dropped_units_total'), 91 - pulled);
    assert.ok((await read('stream_log_bytes')) > 0);
    await viewer.scope.close({ code: 'done' });
    assert.equal(await read('stream_viewers'), 0);
    assert.equal(await read('subscriber_units_total'), pulled);
    assert.equal(await read('subscriber_jumps_total'), viewer.counters.jumps);
    await core.close();
    assert.deepEqual(core.failures, []);
  });
});
