import assert from 'node:assert/strict';
import { millis, seconds } from '../../../../../../core/time/micros.ts';
import { BandwidthProbe, type ProbedLink } from '../../../../../../modules/rtp/peers/bandwidth/bandwidth-probe.ts';

const calm: ProbedLink = { estimate: 300_000, signal: 'normal', queueing: 0 };

describe('modules/rtp peers bandwidth probe', () => {
  it('fills up to what would be of use, for a moment', () => {
    const probe = new BandwidthProbe();
    assert.ok(probe.begin(seconds(10), calm, 500_000, 0));
    let sent = 0;
    let at = 0;
    for (; at < 2_000 && probe.active; at += 10) {
      sent += 300; // media
      sent += probe.padding(seconds(10) + millis(at), calm, sent);
    }
    assert.ok(at >= 700 && at <= 720, String(at));
    const rate = (sent * 8_000) / at;
    assert.ok(Math.abs(rate - 550_000) < 30_000, String(rate));
  });

  it('is not bolder than it may be', () => {
    const probe = new BandwidthProbe();
    assert.ok(probe.begin(seconds(10), calm, 5_000_000, 0));
    const padding = probe.padding(seconds(10.1), calm, 0);
    assert.equal(padding, (900_000 * 0.1) / 8);
  });

  it('begins neither without use nor on a link that is full, and stops when it becomes so', () => {
    const probe = new BandwidthProbe();
    assert.ok(!probe.begin(seconds(10), calm, undefined, 0));
    assert.ok(!probe.begin(seconds(10), calm, 200_000, 0));
    assert.ok(!probe.begin(seconds(10), { ...calm, signal: 'overuse' }, 500_000, 0));
    assert.ok(!probe.begin(seconds(10), { ...calm, queueing: millis(50) }, 500_000, 0));
    for (const full of [{ signal: 'overuse' as const }, { queueing: millis(80) }]) {
      const stopped = new BandwidthProbe();
      assert.ok(stopped.begin(seconds(10), calm, 500_000, 0));
      assert.ok(stopped.padding(seconds(10.1), calm, 0) > 0);
      assert.equal(stopped.padding(seconds(10.2), { ...calm, ...full }, 0), 0);
      assert.ok(!stopped.active);
    }
  });

  it('is the rarer the more it is in vain', () => {
    const probe = new BandwidthProbe();
    const begun: number[] = [];
    for (let at = 0; at < 120; at += 0.1) {
      if (probe.begin(seconds(at), calm, 500_000, 0)) begun.push(at);
      probe.padding(seconds(at + 1), calm, 0);
    }
    assert.ok(begun.length >= 6 && begun.length <= 9, begun.join());
    assert.ok((begun.at(-1) ?? 0) - (begun.at(-2) ?? 0) >= 20);
  });
});
