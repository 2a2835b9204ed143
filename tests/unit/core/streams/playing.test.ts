import assert from 'node:assert/strict';
import { anyCodec } from '../../../../core/media/codec-target.ts';
import { Playing } from '../../../../core/streams/playing.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { audioFrame, fakeAac } from '../../../support/fake-media.ts';
import { TestCore } from '../../../support/test-core.ts';

describe('Playing', () => {
  it('counts those who play, and what was dropped for them and for those who have left', async () => {
    const core = new TestCore({ clock: new ManualClock() });
    const aac = fakeAac();
    (await core.publish('one', { expects: ['audio'] })).addTrack(aac).write(audioFrame(aac, 0));
    const playing = new Playing();
    const hears = { wishes: [{ kind: 'audio' as const, accepts: anyCodec('audio') }] };
    const [first, second] = await Promise.all([core.subscribe('one', hears), core.subscribe('one', hears)]);
    for (const subscription of [first, second]) playing.add(subscription);
    first.counters.droppedUnits = 3;
    second.counters.droppedUnits = 4;
    assert.deepEqual([playing.count, playing.droppedUnits], [2, 7]);
    await first.scope.close({ code: 'done' });
    assert.deepEqual([playing.count, playing.droppedUnits], [1, 7]);
    second.counters.droppedUnits = 5;
    await second.scope.close({ code: 'done' });
    assert.deepEqual([playing.count, playing.droppedUnits], [0, 8]);
    await core.close();
  });
});
