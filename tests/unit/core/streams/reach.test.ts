import assert from 'node:assert/strict';
import { refuse } from '../../../../core/access/access-control.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { fakeAac } from '../../../support/fake-media.ts';
import { TestCore } from '../../../support/test-core.ts';

describe('StreamRegistry: one reader for many viewers', () => {
  let core: TestCore;

  beforeEach(() => {
    core = new TestCore({ clock: new ManualClock() });
  });

  afterEach(() => core.close());

  it('knows what is live and what a source would bring', async () => {
    const sources = core.scope.child('sources');
    core.streams.addSource({ name: 'pull', claims: (name) => name === 'far', open: async () => undefined }, sources);
    assert.equal(core.streams.isWithinReach('far'), true);
    assert.equal(core.streams.isWithinReach('near'), false);
    const publication = await core.publish('near');
    assert.equal(core.streams.isWithinReach('near'), true);
    await publication.scope.close({ code: 'done' });
    await sources.close({ code: 'done' });
    assert.equal(core.streams.isWithinReach('near'), false);
    assert.equal(core.streams.isWithinReach('far'), false);
  });

  it('asks no policy for a reader whose viewers are admitted one by one', async () => {
    const publication = await core.publish('live', { expects: ['audio'] });
    publication.addTrack(fakeAac());
    core.access.add({ name: 'no', decide: () => refuse('no') }, core.scope);
    await assert.rejects(core.subscribe('live'), /no/);
    const subscription = await core.subscribe('live', { admitted: true });
    assert.equal(subscription.tracks.length, 1);
  });
});
