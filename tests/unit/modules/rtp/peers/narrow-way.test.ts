import assert from 'node:assert/strict';
import { millis, seconds } from '../../../../../core/time/micros.ts';
import { ViewerBandwidthChanged } from '../../../../../modules/rtp/contract.ts';
import { readRtcp } from '../../../../../wire/rtcp/reader.ts';
import { audioMedium, openPair, type Pair, videoMedium } from '../../../../support/peer-pair.ts';

/** Pictures written and not come out, counted from the newest that came: how far behind the viewer is. */
function picturesBehind(pair: Pair): number {
  const written = pair.written('video');
  return written.length - 1 - written.lastIndexOf(pair.received('video').at(-1) ?? '');
}

describe('modules/rtp peers on a narrow way', () => {
  it('skips to key frames rather than falling behind, keeps the sound whole, says so, and recovers', async () => {
    const pair = await openPair({
      rate: 2_000_000,
      group: 30,
      way: { delay: millis(20), rate: 1_000_000, queue: 60_000 },
      back: { delay: millis(20) },
    });
    const told: boolean[] = [];
    pair.core.events.on(ViewerBandwidthChanged, pair.core.scope, ({ enough }) => told.push(enough));
    pair.senderEnd.connect();
    pair.receiverEnd.connect();
    await pair.live.run(seconds(10));
    assert.deepEqual(told, [false]);
    const soundBefore = pair.received('audio').length;
    const picturesBefore = pair.received('video').length;
    let worst = 0;
    const behind: number[] = [];
    for (let turn = 0; turn < 40; turn += 1) {
      await pair.live.run(millis(250));
      behind.push(picturesBehind(pair));
      worst = Math.max(worst, behind.at(-1) ?? 0);
    }
    const sound = pair.received('audio').length - soundBefore;
    const pictures = pair.received('video').length - picturesBefore;
    assert.ok(sound > 480, `${sound} of 500 units of sound`);
    assert.ok(pictures >= 25 && pictures < 200, `${pictures} of 300 pictures`);
    assert.ok(worst <= 45, `${worst} pictures behind`);
    assert.ok(pair.subscription.counters.droppedUnits > 50);
    pair.senderEnd.way.rate = 10_000_000;
    await pair.live.run(seconds(25));
    assert.deepEqual(told, [false, true]);
    const whole = pair.received('video').length;
    await pair.live.run(seconds(4));
    assert.ok(pair.received('video').length - whole > 110, 'every picture again');
    assert.ok(picturesBehind(pair) < 6);
    assert.deepEqual(pair.core.failures, []);
    await pair.core.close();
    assert.equal(pair.counters.starved, 0);
  });

  it('asks the publisher for few key frames for one who lacks bandwidth', async () => {
    const pair = await openPair({ rate: 3_000_000, group: 3_000, way: { rate: 500_000, queue: 40_000 } });
    pair.senderEnd.connect();
    pair.receiverEnd.connect();
    await pair.live.run(seconds(5));
    const before = pair.keyframesAsked;
    await pair.live.run(seconds(12));
    assert.ok(pair.keyframesAsked - before <= 8, `${pair.keyframesAsked - before} in 12 s`);
    await pair.core.close();
  });

  it('sends what a maximum allows and no more', async () => {
    const pair = await openPair({ rate: 2_000_000, senderBitrate: { maximum: 800_000 } });
    pair.senderEnd.connect();
    pair.receiverEnd.connect();
    await pair.live.run(seconds(5));
    const before = pair.senderEnd.sent.bytes;
    await pair.live.run(seconds(10));
    const rate = ((pair.senderEnd.sent.bytes - before) * 8) / 10;
    assert.ok(rate < 900_000, `${rate}`);
    await pair.core.close();
  });

  it('catches up with a cached group in fast motion, with sound from the live picture on', async () => {
    const pair = await openPair({ asks: false, rate: 3_000_000, group: 120, subscribe: { start: 'cached' } });
    await pair.live.run(seconds(3.5));
    const stamps: number[] = [];
    pair.receiverEnd.record = (bytes, kind) => {
      if (kind === 'rtp' && ((bytes[1] ?? 0) & 0x7f) === 96) stamps.push(bytes.readUInt32BE(4));
    };
    const writtenBefore = pair.written('video').length;
    pair.senderEnd.connect();
    pair.receiverEnd.connect();
    await pair.live.run(seconds(1.5));
    const first = pair.written('video').indexOf(pair.received('video')[0] ?? '');
    assert.ok(writtenBefore - first > 90, 'it began in the past');
    assert.ok(picturesBehind(pair) < 4, 'and is live');
    for (let index = 1; index < stamps.length; index += 1) {
      assert.ok((((stamps[index] ?? 0) - (stamps[index - 1] ?? 0)) | 0) >= 0, 'timestamps never go back');
    }
    const span = (((stamps.at(-1) ?? 0) - (stamps[0] ?? 0)) | 0) / 90_000;
    assert.ok(span < 2, `${span} s`);
    assert.ok(pair.received('audio').length < 90, 'no sound of before');
    assert.equal(pair.subscription.counters.droppedUnits, 0);
    await pair.core.close();
  });

  it('waits while a connection takes no more', async () => {
    const pair = await openPair();
    pair.senderEnd.connect();
    pair.receiverEnd.connect();
    await pair.live.run(seconds(1));
    pair.senderEnd.backlog = 1_000_000;
    const before = pair.senderEnd.sent.bytes;
    await pair.live.run(seconds(5));
    assert.ok(pair.senderEnd.sent.bytes - before < 60_000, 'sound and reports alone');
    assert.ok(pair.subscription.counters.droppedUnits > 60);
    pair.senderEnd.backlog = 0;
    await pair.live.run(seconds(3));
    assert.ok(picturesBehind(pair) < 4);
    await pair.core.close();
  });
});

describe('modules/rtp peers without transport-wide feedback', () => {
  const feedback = ['nack', 'nack pli', 'goog-remb'];

  it('a receiver finds out by the times of sending, and says so by REMB', async () => {
    const plain = { feedback: [] };
    const audio = { ...audioMedium(), formats: audioMedium().formats.map((format) => ({ ...format, ...plain })) };
    const pair = await openPair({
      rate: 2_000_000,
      video: videoMedium({ feedback }),
      audio,
      way: { delay: millis(20), rate: 1_000_000, queue: 60_000 },
      receiverBitrate: { maximum: 5_000_000 },
    });
    const told: number[] = [];
    pair.senderEnd.record = (bytes, kind) => {
      if (kind !== 'rtcp') return;
      for (const packet of readRtcp(bytes).packets) {
        assert.notEqual(packet.kind, 'transport-feedback');
        if (packet.kind === 'bitrate-estimate') told.push(packet.bitrate);
      }
    };
    pair.senderEnd.connect();
    pair.receiverEnd.connect();
    await pair.live.run(seconds(15));
    assert.ok(told.length >= 13, `${told.length} times`);
    assert.ok(
      told.slice(5).every((rate) => rate > 500_000 && rate < 1_500_000),
      told.join(),
    );
    assert.ok(pair.received('audio').length > 500);
    await pair.core.close();
  });

  it('a sender that finds out itself is told the limit', async () => {
    const pair = await openPair({ receiverBitrate: { maximum: 700_000 } });
    let limit = 0;
    pair.senderEnd.record = (bytes, kind) => {
      if (kind !== 'rtcp') return;
      for (const packet of readRtcp(bytes).packets) if (packet.kind === 'bitrate-estimate') limit = packet.bitrate;
    };
    pair.senderEnd.connect();
    pair.receiverEnd.connect();
    await pair.live.run(seconds(4));
    assert.ok(Math.abs(limit - 700_000) < 10, String(limit));
    assert.equal((pair.sender.inspect() as { notEnoughBandwidth: boolean }).notEnoughBandwidth, true);
    await pair.core.close();
  });

  it('where neither is there, the losses of reports count', async () => {
    const pair = await openPair({
      rate: 2_000_000,
      video: videoMedium({ feedback: ['nack', 'nack pli'] }),
      way: { loss: 0.3 },
    });
    pair.receiverEnd.way.drop = (bytes) => readRtcp(bytes).packets.some(({ kind }) => kind === 'transport-feedback');
    pair.senderEnd.connect();
    pair.receiverEnd.connect();
    await pair.live.run(seconds(12));
    const { estimate } = pair.sender.inspect() as { estimate: number };
    assert.ok(estimate < 1_500_000, String(estimate));
    await pair.core.close();
  });
});
