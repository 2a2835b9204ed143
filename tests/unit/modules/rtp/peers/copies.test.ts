import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { type Micros, millis, seconds } from '../../../../../core/time/micros.ts';
import { SentCopies } from '../../../../../modules/rtp/peers/sent-copies.ts';
import type { NackEntry } from '../../../../../wire/rtcp/packet.ts';
import { writeRtcp } from '../../../../../wire/rtcp/writer.ts';
import { RtpPacket, readRtpPacket } from '../../../../../wire/rtp/packet.ts';
import { openPair, type Pair, type PairOptions, videoMedium } from '../../../../support/peer-pair.ts';

/** A viewer that agreed on NACK but not on RTX. */
const plain = videoMedium({ rtx: undefined });

/** What went out on the way of a pair, by source and number. */
class SentPackets {
  /** Each packet as it was sent first. */
  readonly first = new Map<string, Buffer>();
  repeated = 0;
  changed = 0;

  note(bytes: Buffer): void {
    const packet = new RtpPacket();
    assert.ok(readRtpPacket(bytes, packet));
    const key = `${packet.ssrc} ${packet.sequence}`;
    const before = this.first.get(key);
    if (before === undefined) {
      this.first.set(key, Buffer.from(bytes));
      return;
    }
    this.repeated += 1;
    if (!before.equals(bytes)) this.changed += 1;
  }
}

/** Asks for what a source has sent first, as far as one message may (250 entries). */
function entriesOf(sent: SentPackets, ssrc: number): NackEntry[] {
  const entries: NackEntry[] = [];
  for (const key of sent.first.keys()) {
    const [source, sequence] = key.split(' ').map(Number);
    if (source === ssrc && sequence !== undefined) entries.push({ sequence, mask: 0xffff });
  }
  return entries.slice(0, 250);
}

async function playing(options: PairOptions, sent = new SentPackets()): Promise<Pair> {
  const pair = await openPair({ video: plain, ...options });
  const { loss } = pair.senderEnd.way;
  const random = { state: 9 };
  pair.senderEnd.way.loss = 0;
  pair.senderEnd.way.drop = (bytes, kind) => {
    if (kind === 'rtp') sent.note(bytes);
    random.state = (random.state * 1_103_515_245 + 12_345) % 2 ** 31;
    return random.state / 2 ** 31 < loss;
  };
  pair.senderEnd.connect();
  pair.receiverEnd.connect();
  return pair;
}

describe('modules/rtp peers without RTX', () => {
  it('answers NACKs with the same bytes under the same number, and recovers 5 % of loss', async () => {
    const sent = new SentPackets();
    const pair = await playing({ way: { delay: millis(25), loss: 0.05 }, back: { loss: 0.05 } }, sent);
    await pair.live.run(seconds(10));
    const [written, received] = [pair.written('video'), pair.received('video')];
    const first = written.indexOf(received[0] ?? '');
    assert.ok(first >= 0 && received.length > 280, `${received.length} pictures`);
    assert.deepEqual(received, written.slice(first, first + received.length), 'every unit whole');
    assert.equal(pair.sender.sourceOf('video')?.rtx, undefined);
    assert.ok(pair.counters.resent > 20, `${pair.counters.resent} sent again`);
    assert.equal(sent.repeated, pair.counters.resent);
    assert.equal(sent.changed, 0, 'another packet under the same number gives the key away');
    assert.ok(pair.counters.recovered > 20);
    assert.equal(pair.counters.givenUp, 0);
    assert.deepEqual(pair.core.failures, []);
    await pair.core.close();
  });

  it('is not taken for a slow way because of what comes late', async () => {
    const pair = await playing({ way: { delay: millis(25), loss: 0.02 }, rate: 2_000_000 });
    let least = Infinity;
    await pair.live.run(seconds(3));
    for (let second = 0; second < 20; second += 1) {
      await pair.live.run(seconds(1));
      least = Math.min(least, Number(pair.sender.inspect()['estimate']));
    }
    assert.ok(pair.counters.resent > 50, `${pair.counters.resent} sent again`);
    assert.ok(least > 2_300_000, `${least} bits a second`);
    await pair.core.close();
  });

  it('storms of NACKs cost bounded resends, and nothing for viewers that agreed on none', async () => {
    const grown: number[] = [];
    for (const video of [plain, videoMedium({ rtx: undefined, feedback: ['nack pli', 'transport-cc'] })]) {
      const sent = new SentPackets();
      const pair = await playing({ video }, sent);
      await pair.live.run(seconds(2));
      const { ssrc } = pair.sender.sourceOf('video') ?? { ssrc: 0 };
      const everything = entriesOf(sent, ssrc);
      const before = pair.senderEnd.sent.bytes;
      for (let turn = 0; turn < 100; turn += 1) {
        for (let each = 0; each < 20; each += 1) {
          const nack = { kind: 'nack', senderSsrc: 1, mediaSsrc: ssrc, entries: everything } as const;
          pair.senderEnd.hear(writeRtcp([nack]), 'rtcp');
        }
        await pair.live.run(millis(10));
      }
      grown.push(pair.senderEnd.sent.bytes - before);
      if (video !== plain) assert.equal(pair.counters.resent, 0);
      else assert.ok(pair.counters.resent > 0);
      assert.deepEqual(pair.core.failures, []);
      await pair.core.close();
    }
    // A second of a stream of 1 Mbit/s, and of what 3 Mbit/s leave for resends.
    assert.ok((grown[0] ?? Infinity) < 125_000 + 200_000, grown.join(', '));
  });
});

describe('modules/rtp peers: copies of what was sent', () => {
  it('finds what was kept as it was, within its bounds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 65_535 }),
        fc.array(fc.record({ size: fc.integer({ min: 12, max: 140 }), pause: fc.nat(60_000), refused: fc.boolean() }), {
          maxLength: 200,
        }),
        (first, packets) => {
          const copies = new SentCopies({ capacity: 32, packetBytes: 128, age: seconds(1) });
          let now = 0;
          const written = packets.map(({ size, pause, refused }, index) => {
            now += pause;
            const memory = Buffer.alloc(size + 8, index + 1);
            memory.writeUInt16BE((first + index) & 0xffff, 5 + 2);
            copies.announce(first + index, 1_000 + index, now as Micros);
            if (!refused) copies.keep(memory, 5, size);
            const bytes = Buffer.from(memory.subarray(5, 5 + size));
            memory.fill(0); // it is used again
            return { bytes, at: now };
          });
          written.forEach(({ bytes, at }, index) => {
            const { size, refused } = packets[index] ?? { size: 0, refused: true };
            const place = copies.find((first + index) & 0xffff, now as Micros);
            const isKept = !refused && size <= 128 && packets.length - index <= 32 && now - at <= 1_000_000;
            assert.equal(place >= 0, isKept, `packet ${index}`);
            if (place < 0) return;
            assert.deepEqual(copies.copyAt(place), bytes);
            assert.equal(copies.transportSequenceAt(place), 1_000 + index);
          });
          assert.equal(copies.bytes, 32 * 128);
        },
      ),
    );
  });

  it('hands out copies that later packets do not touch', () => {
    const copies = new SentCopies({ capacity: 4, packetBytes: 64, age: seconds(1) });
    const packet = (sequence: number): Buffer => {
      const bytes = Buffer.alloc(20, sequence);
      bytes.writeUInt16BE(sequence, 2);
      return bytes;
    };
    const put = (sequence: number): void => {
      copies.announce(sequence, sequence, millis(1));
      copies.keep(packet(sequence), 0, 20);
    };
    put(3);
    const copy = copies.copyAt(copies.find(3, millis(1)));
    put(7);
    assert.deepEqual(copy, packet(3));
    assert.equal(copies.find(3, millis(1)), -1);
    assert.ok(copies.find(7, millis(1)) >= 0);
  });
});
