import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { PeerCounters } from '../../../../../modules/rtp/transport/metrics.ts';
import { Outbox } from '../../../../../modules/rtp/transport/outbox.ts';
import type { PeerPath } from '../../../../../modules/rtp/transport/path.ts';
import { nodeSrtp } from '../../../../../wire/srtp/node-srtp.ts';
import { FakePath } from '../../../../support/fake-path.ts';
import { rtpPacket, testKeys } from '../../../../vectors/srtp/contexts.ts';

describe('the outbox', () => {
  const path = (): FakePath => new FakePath();
  const keys = testKeys('AEAD_AES_128_GCM');
  let counters: PeerCounters;
  let outbox: Outbox;

  beforeEach(() => {
    counters = new PeerCounters();
    outbox = new Outbox({ srtp: nodeSrtp, counters });
  });

  function add(to: PeerPath, sender: ReturnType<typeof nodeSrtp.openSender>, packet: Buffer): number {
    return outbox.add(sender, to, packet, 12, packet.subarray(12));
  }

  function opened(sent: readonly Buffer[]): Buffer[] {
    const receiver = nodeSrtp.openReceiver(keys);
    return sent.map((bytes) => bytes.subarray(0, Math.max(0, receiver.unprotectRtp(bytes))));
  }

  it('leaves the memory to a system that still needs it', () => {
    const sender = nodeSrtp.openSender(keys);
    const way = path();
    way.keeps = true;
    add(way, sender, rtpPacket(1, 1));
    outbox.flush();
    add(way, sender, rtpPacket(1, 2));
    outbox.flush();
    assert.deepEqual(opened(way.sent), [rtpPacket(1, 1), rtpPacket(1, 2)]);
  });

  it('uses the memory again when it is free', () => {
    const sender = nodeSrtp.openSender(keys);
    const way = path();
    add(way, sender, rtpPacket(1, 1));
    outbox.flush();
    add(way, sender, rtpPacket(1, 2));
    outbox.flush();
    assert.equal(way.sent[0]?.byteOffset, way.sent[1]?.byteOffset);
    assert.equal(way.sent[0]?.buffer, way.sent[1]?.buffer);
  });

  it('ends a round once for each who sends, and sends by itself when it is full', () => {
    const [one, other] = [path(), path()];
    const sender = nodeSrtp.openSender(keys);
    const count = 1_000;
    for (let index = 0; index < count; index += 1) {
      assert.ok(add(index % 2 === 0 ? one : other, sender, rtpPacket(1, index, 1_200)) > 1_200);
    }
    assert.ok(one.flushes > 0 && one.flushes === other.flushes && one.flushes < 20);
    outbox.flush();
    assert.equal(one.sent.length + other.sent.length, count);
    assert.equal(counters.packetsOut, count);
    const { flushes } = one;
    outbox.flush();
    assert.equal(one.flushes, flushes);
  });

  it('hands out copies of what was asked for, as it went out', () => {
    const sender = nodeSrtp.openSender(keys);
    const way = path();
    const kept: Buffer[] = [];
    const copies = {
      keep: (memory: Buffer, start: number, length: number) => {
        kept.push(Buffer.from(memory.subarray(start, start + length)));
      },
    };
    for (const [sequence, wanted] of [
      [1, true],
      [2, false],
      [3, true],
      [3, true], // refused: the number was used
      [4, false],
    ] as const) {
      add(way, sender, rtpPacket(1, sequence));
      if (wanted) outbox.keepLast(copies);
    }
    outbox.flush();
    assert.deepEqual(kept, [way.sent[0], way.sent[2]]);
    assert.deepEqual(opened(kept.map((bytes) => Buffer.from(bytes))), [rtpPacket(1, 1), rtpPacket(1, 3)]);
    for (let sequence = 5; sequence < 10; sequence += 1) add(way, sender, rtpPacket(1, sequence));
    outbox.flush();
    assert.equal(kept.length, 2, 'only those of that round');
  });

  it('counts what nobody takes, and never sends a number twice', () => {
    const sender = nodeSrtp.openSender(keys);
    const way = path();
    add(way, sender, rtpPacket(1, 1));
    add(way, sender, rtpPacket(1, 1));
    outbox.flush();
    assert.equal(way.sent.length, 1);
    way.takes = false;
    add(way, sender, rtpPacket(1, 2));
    outbox.flush();
    assert.deepEqual([way.sent.length, counters.unsent], [1, 1]);
    assert.equal(add(way, sender, rtpPacket(1, 3, 1 << 20)), 0);
  });
});
