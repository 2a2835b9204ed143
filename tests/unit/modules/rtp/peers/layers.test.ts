import assert from 'node:assert/strict';
import { millis, seconds } from '../../../../../core/time/micros.ts';
import { openPair, type Pair } from '../../../../support/peer-pair.ts';

const layers = { q: 150_000, h: 500_000, f: 1_500_000 };

/** The layers of the pictures that came out since `from`, each run once. */
function runs(pair: Pair, from: number): string[] {
  const found: string[] = [];
  for (const picture of pair.received('video').slice(from)) {
    const name = [...pair.live.layerPictures].find(([, pictures]) => pictures.has(picture))?.[0] ?? 'unknown';
    if (found.at(-1) !== name) found.push(name);
  }
  return found;
}

describe('modules/rtp peers and layers', () => {
  it('gives each viewer the layer that its way bears, with one key frame a change and numbers that go on', async () => {
    const pair = await openPair({
      layers,
      group: 3_000,
      way: { delay: millis(20), rate: 8_000_000, queue: 60_000 },
      back: { delay: millis(20) },
    });
    const seen: { sequence: number; timestamp: number }[] = [];
    pair.receiverEnd.record = (bytes, kind) => {
      if (kind !== 'rtp' || ((bytes[1] ?? 0) & 0x7f) !== 96) return;
      seen.push({ sequence: bytes.readUInt16BE(2), timestamp: bytes.readUInt32BE(4) });
    };
    pair.senderEnd.connect();
    pair.receiverEnd.connect();
    await pair.live.run(seconds(8));
    assert.deepEqual(runs(pair, 0), ['f'], 'the best to begin with');

    pair.senderEnd.way.rate = 900_000;
    await pair.live.run(seconds(10));
    let from = pair.received('video').length;
    await pair.live.run(seconds(6));
    assert.deepEqual(runs(pair, from), ['h']);
    assert.ok(pair.received('video').length - from > 170, 'every picture of it');

    pair.senderEnd.way.rate = 350_000;
    await pair.live.run(seconds(12));
    from = pair.received('video').length;
    await pair.live.run(seconds(6));
    assert.deepEqual(runs(pair, from), ['q']);

    from = pair.received('video').length;
    pair.senderEnd.way.rate = 8_000_000;
    await pair.live.run(seconds(30));
    assert.equal(runs(pair, from).at(-1), 'f', 'and back');
    assert.ok(runs(pair, from).length <= 4, runs(pair, from).join());
    assert.ok(!runs(pair, 0).includes('unknown'));

    for (let index = 1; index < seen.length; index += 1) {
      const [a, b] = [seen[index - 1], seen[index]];
      assert.ok((((b?.timestamp ?? 0) - (a?.timestamp ?? 0)) | 0) >= 0, 'timestamps never go back');
    }
    const numbers = new Set(seen.map(({ sequence }) => sequence));
    assert.ok(numbers.size > seen.length * 0.99, 'each number once');
    assert.deepEqual(pair.core.failures, []);
    await pair.core.close();
  });

  it('leaves others on the published track', async () => {
    const pair = await openPair({ layers });
    assert.deepEqual(
      pair.subscription.tracks.map(({ id }) => id),
      ['video', 'audio'],
    );
    await pair.core.close();
  });
});
