import assert from 'node:assert/strict';
import { millis, seconds } from '../../../../../core/time/micros.ts';
import { readRtcp } from '../../../../../wire/rtcp/reader.ts';
import { openPair, type Pair, type PairOptions } from '../../../../support/peer-pair.ts';

/** A viewer in the middle of a stream, and the goodbyes that it has heard. */
async function watching(options: PairOptions = {}): Promise<{ pair: Pair; goodbyes: string[] }> {
  const pair = await openPair({ way: { delay: millis(20) }, ...options });
  const goodbyes: string[] = [];
  pair.receiverEnd.record = (bytes, kind) => {
    if (goodbyes.length > 0) goodbyes.push(`${kind} behind the goodbye`);
    if (kind !== 'rtcp') return;
    for (const packet of readRtcp(bytes).packets) if (packet.kind === 'goodbye') goodbyes.push(packet.reason ?? '');
  };
  pair.senderEnd.connect();
  pair.receiverEnd.connect();
  await pair.live.run(seconds(2));
  return { pair, goodbyes };
}

describe('modules/rtp peers at the end of the stream', () => {
  it('sends what still waits, then says why it ends', async () => {
    const { pair, goodbyes } = await watching();
    // More than a second of it for the pacing of a way that nothing was heard of: four pictures of 830 kB.
    pair.live.rate = 200_000_000;
    await pair.live.run(millis(130));
    await pair.live.publication.scope.close({ code: 'done' });
    assert.equal(pair.subscription.scope.closed, false);
    assert.notEqual(pair.received('video').at(-1), pair.written('video').at(-1), 'something waits');
    await pair.clock.advanceSettling(millis(1_100), millis(5));
    assert.equal(pair.received('video').at(-1), pair.written('video').at(-1));
    assert.equal(pair.received('audio').at(-1), pair.written('audio').at(-1));
    assert.equal(pair.subscription.counters.droppedUnits, 0);
    assert.deepEqual(goodbyes, ['publisher-left (done)']);
    assert.equal(pair.subscription.scope.reason?.code, 'publisher-left');
    await pair.core.close();
  });

  it('says so at once where nothing waits', async () => {
    const { pair, goodbyes } = await watching();
    await pair.live.publication.scope.close({ code: 'done' });
    await pair.clock.advanceSettling(millis(30), millis(5));
    assert.equal(pair.received('video').at(-1), pair.written('video').at(-1));
    assert.equal(goodbyes.length, 1);
    await pair.core.close();
  });

  it('waits a second, no longer, for one who takes nothing', async () => {
    const { pair, goodbyes } = await watching();
    pair.senderEnd.backlog = 1_000_000;
    await pair.live.run(millis(200));
    await pair.live.publication.scope.close({ code: 'done' });
    await pair.clock.advanceSettling(millis(900), millis(10));
    assert.equal(pair.subscription.scope.closed, false);
    await pair.clock.advanceSettling(millis(200), millis(10));
    assert.equal(pair.subscription.scope.closed, true);
    assert.equal(goodbyes.length, 1);
    assert.ok(pair.subscription.counters.droppedUnits > 3);
    assert.deepEqual(pair.core.failures, []);
    await pair.core.close();
  });
});
