import assert from 'node:assert/strict';
import { millis, seconds } from '../../../../../core/time/micros.ts';
import type { NackEntry, RtcpPacket } from '../../../../../wire/rtcp/packet.ts';
import { writeRtcp } from '../../../../../wire/rtcp/writer.ts';
import { writeExtensions } from '../../../../../wire/rtp/extensions.ts';
import { rtpHeaderLength, writeRtpHeader } from '../../../../../wire/rtp/packet.ts';
import { openPair, type Pair } from '../../../../support/peer-pair.ts';

async function playing(): Promise<Pair> {
  const pair = await openPair();
  pair.senderEnd.connect();
  pair.receiverEnd.connect();
  await pair.live.run(seconds(2));
  return pair;
}

function say(pair: Pair, packet: RtcpPacket): void {
  pair.senderEnd.hear(writeRtcp([packet]), 'rtcp');
}

function packetOf(fields: {
  ssrc: number;
  payloadType?: number;
  sequence?: number;
  mid?: string;
  payload?: Buffer;
}): Buffer {
  const { ssrc, payloadType = 96, sequence = 1, mid, payload = Buffer.from('4188aa', 'hex') } = fields;
  const bytes = Buffer.alloc(100 + payload.length);
  const header = { marker: true, payloadType, sequence, timestamp: 1, ssrc };
  let end = writeRtpHeader(bytes, 0, header, mid !== undefined);
  if (mid !== undefined) end = writeExtensions(bytes, end, [{ id: 1, value: Buffer.from(mid) }]);
  return bytes.subarray(0, end + payload.copy(bytes, end));
}

describe('modules/rtp peers and hostile input', () => {
  it('storms of NACKs cost bounded resends and bounded work', async () => {
    const pair = await playing();
    const { ssrc } = pair.sender.sourceOf('video') ?? { ssrc: 0 };
    const everything: NackEntry[] = [];
    for (let sequence = 0; sequence < 65_536; sequence += 257) everything.push({ sequence, mask: 0xffff });
    const sent = pair.senderEnd.sent.bytes;
    for (let turn = 0; turn < 200; turn += 1) {
      for (let each = 0; each < 50; each += 1) {
        say(pair, { kind: 'nack', senderSsrc: 1, mediaSsrc: ssrc, entries: everything.slice(0, 250) });
      }
      await pair.live.run(millis(10));
    }
    // Two seconds of a stream of 1 Mbit/s, and of what 3 Mbit/s leave for resends.
    assert.ok(pair.senderEnd.sent.bytes - sent < 250_000 + 400_000, String(pair.senderEnd.sent.bytes - sent));
    assert.equal(pair.counters.nacksIn, 10_000);
    assert.deepEqual(pair.core.failures, []);
    await pair.core.close();
  });

  it('storms of PLI and FIR reach the publisher as a few requests', async () => {
    const pair = await playing();
    const { ssrc } = pair.sender.sourceOf('video') ?? { ssrc: 0 };
    const before = pair.keyframesAsked;
    for (let turn = 0; turn < 100; turn += 1) {
      for (let each = 0; each < 100; each += 1) {
        say(pair, { kind: 'picture-loss', senderSsrc: 1, mediaSsrc: ssrc });
        say(pair, { kind: 'full-intra-request', senderSsrc: 1, requests: [{ ssrc, sequence: each }] });
      }
      await pair.live.run(millis(10));
    }
    assert.ok(pair.keyframesAsked - before <= 3, String(pair.keyframesAsked - before));
    say(pair, { kind: 'picture-loss', senderSsrc: 1, mediaSsrc: 0x0bad });
    await pair.core.close();
  });

  it('takes no bandwidth for more than it is, and none for less than nothing', async () => {
    const pair = await playing();
    const remb = Buffer.from('8fce0005000000010000000052454d4201ffffff00000002', 'hex');
    pair.senderEnd.hear(remb, 'rtcp');
    const sane = pair.sender.inspect() as { estimate: number };
    assert.ok(sane.estimate > 0 && sane.estimate <= 200_000_000);
    say(pair, { kind: 'bitrate-estimate', senderSsrc: 1, bitrate: 0, ssrcs: [1] });
    assert.ok((pair.sender.inspect() as { estimate: number }).estimate >= 50_000);
    for (const deltas of [[32_767, -32_768, 0], [undefined], [-32_768, -32_768]]) {
      for (const baseSequence of [0, 1, 30_000, 65_535]) {
        for (const referenceTime of [0, -1, 0x7fffff, -0x800000]) {
          say(pair, {
            kind: 'transport-feedback',
            senderSsrc: 1,
            mediaSsrc: 2,
            baseSequence,
            referenceTime,
            feedbackCount: 0,
            deltas,
          });
        }
      }
    }
    const { estimate, pacing } = pair.sender.inspect() as { estimate: number; pacing: number };
    assert.ok(Number.isFinite(estimate) && estimate >= 50_000 && Number.isFinite(pacing) && pacing > 0);
    await pair.core.close();
  });

  it('keeps a bounded number of sources, and media whole among thousands of them', async () => {
    const pair = await playing();
    const before = pair.received('video').length;
    for (let ssrc = 1; ssrc <= 5_000; ssrc += 1) {
      pair.receiverEnd.hear(packetOf({ ssrc: ssrc * 7_919, sequence: ssrc & 0xffff, mid: 'v' }), 'rtp');
      if (ssrc % 100 === 0) await pair.live.run(millis(10));
    }
    assert.ok((pair.receiver.inspect() as { sources: number }).sources <= 32);
    assert.ok(pair.counters.foreign >= 5_000);
    await pair.live.run(seconds(1));
    assert.ok(pair.received('video').length - before >= 40);
    assert.deepEqual(pair.received('video'), pair.written('video').slice(-pair.received('video').length));
    await pair.core.close();
  });

  it('is not misled by a source that turns up in another medium, or with another payload type', async () => {
    const pair = await playing();
    const { ssrc } = pair.sender.sourceOf('video') ?? { ssrc: 0 };
    const before = pair.received('audio').length;
    for (let turn = 0; turn < 50; turn += 1) {
      pair.receiverEnd.hear(packetOf({ ssrc, payloadType: 111, mid: 'a', sequence: turn }), 'rtp');
      pair.receiverEnd.hear(
        packetOf({ ssrc, payloadType: 97, mid: 'v', payload: Buffer.from('0001aabb', 'hex') }),
        'rtp',
      );
      pair.receiverEnd.hear(packetOf({ ssrc: 99, payloadType: 77 }), 'rtp');
      pair.receiverEnd.hear(packetOf({ ssrc: 99, mid: 'nowhere' }), 'rtp');
    }
    await pair.live.run(seconds(1));
    const heard = pair.received('audio').length - before;
    assert.ok(heard >= 48 && heard <= 52, String(heard));
    assert.deepEqual(pair.received('video'), pair.written('video').slice(-pair.received('video').length));
    await pair.core.close();
  });

  it('counts packets that contradict themselves', async () => {
    const pair = await playing();
    const { ssrc } = pair.sender.sourceOf('video') ?? { ssrc: 0 };
    const padded = packetOf({ ssrc });
    padded[0] = 0xa0;
    padded[padded.length - 1] = 0xff;
    const sources = packetOf({ ssrc }).subarray(0, rtpHeaderLength);
    sources[0] = 0x8f;
    const extended = packetOf({ ssrc, mid: 'v' });
    extended.writeUInt16BE(0xffff, rtpHeaderLength + 2);
    for (const bytes of [padded, sources, extended, Buffer.alloc(0), Buffer.alloc(3)])
      pair.receiverEnd.hear(bytes, 'rtp');
    assert.equal(pair.counters.malformed, 5);
    for (const end of [pair.receiverEnd, pair.senderEnd]) end.hear(Buffer.from('81c80006000000', 'hex'), 'rtcp');
    assert.equal(pair.counters.malformed, 7);
    await pair.live.run(seconds(1));
    assert.deepEqual(pair.received('video'), pair.written('video').slice(-pair.received('video').length));
    await pair.core.close();
  });

  it('takes padding and empty retransmissions for what they are', async () => {
    const pair = await playing();
    const { ssrc, rtx = 0 } = pair.sender.sourceOf('video') ?? { ssrc: 0 };
    let last = 0;
    pair.receiverEnd.record = (bytes, kind) => {
      if (kind === 'rtp' && bytes.readUInt32BE(8) === ssrc) last = bytes.readUInt16BE(2);
    };
    await pair.live.run(millis(100));
    const before = pair.counters.retransmissions;
    const stale = Buffer.of((last - 3) >> 8, (last - 3) & 0xff, 0xff);
    const future = Buffer.of(((last + 500) >> 8) & 0xff, last & 0xff, 0xff);
    for (const payload of [Buffer.alloc(0), Buffer.alloc(1), Buffer.alloc(2), stale, future]) {
      pair.receiverEnd.hear(packetOf({ ssrc: rtx, payloadType: 97, payload }), 'rtp');
    }
    assert.ok(pair.counters.retransmissions - before <= 2);
    assert.ok(last > 0);
    await pair.live.run(seconds(1));
    assert.deepEqual(pair.received('video'), pair.written('video').slice(-pair.received('video').length));
    assert.equal(pair.counters.incomplete, 0);
    await pair.core.close();
  });
});
