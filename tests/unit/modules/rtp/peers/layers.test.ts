import assert from 'node:assert/strict';
import { anyCodec } from '../../../../../core/media/codec-target.ts';
import { millis, seconds } from '../../../../../core/time/micros.ts';
import { ViewerLayerChanged } from '../../../../../modules/rtp/contract.ts';
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

  const sizes = { q: [320, 180], h: [640, 360], f: [1_280, 720] } as const;
  const wishing = (picture: { width?: number; height?: number; bitrate?: number }) => ({
    wishes: [
      { kind: 'video' as const, accepts: [{ codec: 'h264' as const, ...picture }], layered: true },
      { kind: 'audio' as const, accepts: anyCodec('audio') },
    ],
  });
  const wide = { way: { delay: millis(20), rate: 20_000_000, queue: 60_000 }, back: { delay: millis(20) } };

  it('begins with the smallest layer that is not smaller than was wished for, and never goes higher', async () => {
    const pair = await openPair({ ...wide, layers, sizes, group: 3_000, subscribe: wishing({ width: 480 }) });
    const told: string[] = [];
    pair.core.events.on(ViewerLayerChanged, pair.core.scope, ({ track }) => told.push(track.id));
    assert.equal(pair.subscription.tracks[0]?.id, 'video.h');
    pair.senderEnd.connect();
    pair.receiverEnd.connect();
    await pair.live.run(seconds(12));
    assert.deepEqual(runs(pair, 0), ['h'], 'from the first picture to the last');
    assert.ok(pair.received('video').length > 300);

    pair.senderEnd.way.rate = 350_000;
    await pair.live.run(seconds(12));
    let from = pair.received('video').length;
    await pair.live.run(seconds(4));
    assert.deepEqual(runs(pair, from), ['q'], 'bandwidth may choose a lower one');

    pair.senderEnd.way.rate = 20_000_000;
    await pair.live.run(seconds(40));
    from = pair.received('video').length;
    await pair.live.run(seconds(4));
    assert.deepEqual(runs(pair, from), ['h'], 'and no higher one than was wished for');
    assert.equal(told.at(-1), 'video.h');
    assert.ok(told.includes('video.q') && !told.includes('video.f') && !told.includes('video'), told.join());
    assert.deepEqual(pair.core.failures, []);
    await pair.core.close();
  });

  it('goes to the next one when the layer that was wished for stops, and back', async () => {
    const pair = await openPair({ ...wide, layers, sizes, group: 3_000, subscribe: wishing({ height: 300 }) });
    pair.senderEnd.connect();
    pair.receiverEnd.connect();
    await pair.live.run(seconds(5));
    const { q, h, f } = layers;
    pair.live.layers = { q, f };
    await pair.live.run(seconds(6));
    let from = pair.received('video').length;
    await pair.live.run(seconds(2));
    assert.deepEqual(runs(pair, from), ['f'], 'not smaller, as no other is');
    pair.live.layers = { q };
    await pair.live.run(seconds(6));
    from = pair.received('video').length;
    await pair.live.run(seconds(2));
    assert.deepEqual(runs(pair, from), ['q'], 'all there is');
    pair.live.layers = { q, h, f };
    await pair.live.run(seconds(12));
    from = pair.received('video').length;
    await pair.live.run(seconds(2));
    assert.deepEqual(runs(pair, from), ['h']);
    await pair.core.close();
  });

  it('goes to what is published when there are no layers any more', async () => {
    const pair = await openPair({ ...wide, layers, sizes, subscribe: wishing({ width: 320 }) });
    pair.senderEnd.connect();
    pair.receiverEnd.connect();
    await pair.live.run(seconds(4));
    assert.deepEqual(runs(pair, 0), ['q']);
    pair.live.layers = {};
    await pair.live.run(seconds(8));
    const from = pair.received('video').length;
    await pair.live.run(seconds(2));
    assert.ok(pair.received('video').length - from > 50);
    assert.equal(pair.subscription.tracks.find(({ kind }) => kind === 'video')?.id, 'video');
    await pair.core.close();
  });

  it('keeps a bit rate that was wished for', async () => {
    const pair = await openPair({ ...wide, layers, sizes, subscribe: wishing({ bitrate: 600_000 }) });
    pair.senderEnd.connect();
    pair.receiverEnd.connect();
    await pair.live.run(seconds(20));
    const from = pair.received('video').length;
    await pair.live.run(seconds(2));
    assert.deepEqual(runs(pair, from), ['h']);
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
