import assert from 'node:assert/strict';
import { millis, seconds } from '../../../../../core/time/micros.ts';
import { openPair, type Pair, videoMedium } from '../../../../support/peer-pair.ts';

/** Everything that came out went in, in order, with nothing left out from the first on. */
function assertWhole(pair: Pair, kind: 'video' | 'audio', least: number): void {
  const written = pair.written(kind);
  const received = pair.received(kind);
  const first = written.indexOf(received[0] ?? '');
  assert.ok(first >= 0, `the first ${kind} unit was never written`);
  assert.ok(received.length >= least, `${received.length} ${kind} units of ${least}`);
  assert.deepEqual(received, written.slice(first, first + received.length));
}

async function run(pair: Pair, length = 6): Promise<void> {
  pair.senderEnd.connect();
  pair.receiverEnd.connect();
  await pair.live.run(seconds(length));
  assert.deepEqual(pair.core.failures, []);
}

describe('modules/rtp peers', () => {
  it('carries every unit as it is, from a fresh key frame on', async () => {
    const pair = await openPair({ way: { delay: millis(20) } });
    await run(pair);
    assertWhole(pair, 'video', 170);
    assertWhole(pair, 'audio', 280);
    assert.equal(pair.counters.nacksOut, 0);
    assert.equal(pair.counters.foreign, 0);
    assert.equal(pair.counters.malformed, 0);
    await pair.core.close();
  });

  it('waits for the transport, then begins with what is new', async () => {
    const pair = await openPair();
    await pair.live.run(seconds(3));
    assert.equal(pair.senderEnd.sent.rtp, 0);
    await run(pair, 2);
    assertWhole(pair, 'video', 55);
    assert.ok(pair.received('video').length <= 70, 'nothing of before');
    await pair.core.close();
  });

  it('recovers 5 % of loss on the way by RTX, every unit whole', async () => {
    const pair = await openPair({
      seed: 3,
      way: { delay: millis(25), jitter: millis(5), loss: 0.05 },
      back: { loss: 0.05 },
    });
    await run(pair, 10);
    assertWhole(pair, 'video', 280);
    assert.ok(pair.counters.resent > 20, `${pair.counters.resent} sent again`);
    assert.ok(pair.counters.recovered > 20);
    assert.equal(pair.counters.givenUp, 0);
    await pair.core.close();
  });

  it('asks for a key frame where nothing can be sent again, and goes on at it', async () => {
    const pair = await openPair({
      seed: 4,
      way: { delay: millis(20), loss: 0.01 },
      video: videoMedium({ rtx: undefined, feedback: ['nack pli', 'transport-cc'] }),
    });
    const before = pair.keyframesAsked;
    await run(pair, 10);
    assert.equal(pair.counters.resent, 0);
    assert.ok(pair.keyframesAsked > before);
    const written = new Set(pair.written('video'));
    for (const unit of pair.received('video')) assert.ok(written.has(unit), 'only whole units');
    assert.ok(pair.received('video').length > 100);
    await pair.core.close();
  });
});
