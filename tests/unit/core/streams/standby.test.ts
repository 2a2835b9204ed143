import assert from 'node:assert/strict';
import type { Subscription } from '../../../../core/streams/subscription.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { millis, seconds } from '../../../../core/time/micros.ts';
import { fakeAac, fakeH264, frameNumber, videoFrame } from '../../../support/fake-media.ts';
import { TestCore } from '../../../support/test-core.ts';

const h264 = fakeH264();
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function numbers(subscription: Subscription): number[] {
  const found = [];
  for (let next = subscription.pull(); next !== undefined; next = subscription.pull())
    found.push(frameNumber(next.unit));
  return found;
}

describe('A standby source', () => {
  it('takes over when the publisher goes, hands back when it returns, and keeps the viewers', async () => {
    const clock = new ManualClock();
    const core = new TestCore({ clock, streams: { standby: { main: 'spare' } } });
    const spare = await core.publish('spare');
    const spareVideo = spare.addTrack(h264);
    spare.addTrack(fakeAac());
    spareVideo.write(videoFrame(h264, 1_000, { keyframe: true }));
    const main = await core.publish('main');
    const mainVideo = main.addTrack(h264);
    main.addTrack(fakeAac());
    mainVideo.write(videoFrame(h264, 0));
    const viewer = await core.subscribe('main');
    assert.deepEqual(numbers(viewer), [0]);

    await main.scope.close({ code: 'done' });
    await clock.advanceSettling(millis(50));
    assert.equal(core.streams.find('main')?.publication?.session.protocol, 'standby');
    spareVideo.write(videoFrame(h264, 1_001));
    await settle();
    assert.deepEqual(numbers(viewer), [1_000, 1_001]);

    const back = await core.publish('main');
    back.addTrack(h264).write(videoFrame(h264, 2_000, { keyframe: true }));
    spareVideo.write(videoFrame(h264, 1_002));
    await settle();
    assert.deepEqual(numbers(viewer), [2_000]);
    assert.equal(viewer.scope.closed, false);
    await core.close();
    assert.equal(core.scope.openScopes, 0);
    assert.deepEqual(core.failures, []);
  });

  it('stands in for a stream that nobody has published yet', async () => {
    const clock = new ManualClock();
    const core = new TestCore({ clock, streams: { standby: { main: 'spare' } } });
    const spare = await core.publish('spare');
    spare.addTrack(h264).write(videoFrame(h264, 7, { keyframe: true }));
    spare.addTrack(fakeAac());
    const viewer = await core.subscribe('main');
    await settle();
    assert.deepEqual(numbers(viewer), [7]);
    await viewer.scope.close({ code: 'done' });
    await clock.advanceSettling(seconds(20), 500_000);
    assert.equal(core.streams.find('main'), undefined);
    await core.close();
    assert.equal(core.scope.openScopes, 0);
  });
});

describe('StreamRegistry.adjust', () => {
  it('gives new streams the changed settings, and leaves live ones as they began', async () => {
    const clock = new ManualClock();
    const core = new TestCore({ clock });
    const before = await core.publish('before');
    before.addTrack(h264);
    const changed = { ...core.streams.settings, reconnectGrace: seconds(0), standby: new Map([['main', 'after']]) };
    core.streams.adjust(changed);
    const after = await core.publish('after');
    after.addTrack(h264).write(videoFrame(h264, 3, { keyframe: true }));
    after.addTrack(fakeAac());
    await before.scope.close({ code: 'peer-left' });
    assert.equal(core.streams.find('before')?.state, 'interrupted');
    const viewer = await core.subscribe('main');
    await settle();
    assert.deepEqual(numbers(viewer), [3]);
    await after.scope.close({ code: 'peer-left' });
    assert.equal(core.streams.find('after'), undefined);
    await core.close();
    assert.equal(core.scope.openScopes, 0);
  });
});
